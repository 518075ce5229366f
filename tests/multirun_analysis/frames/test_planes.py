"""Planes of a sweep: what is read is what lies there, and what is damaged is left out with a sentence."""

import json
import logging
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import make_record, seal_beside, write_record
from small_frames import make_plane, plane_frame

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes, load_planes


def write_plane(folder: Path, record, *planes: pd.DataFrame) -> Path:
    path = folder / record["run_id"] / "plane.csv"
    pd.concat(planes or [make_plane(record)]).to_csv(path, index=False)
    seal_beside(path)
    return path


@pytest.fixture
def record():
    return make_record("r0", width=16, seed=3)


def test_planes_come_back_with_the_keys_of_their_job(write_sweep, record):
    folder = write_sweep([record])
    write_plane(folder, record)
    plane = load_planes(folder)
    keys = {"run_id": "r0", "dataset": "digits", "model": "mlp", "width": 16, "depth": 1, "seed": 3}
    assert list(plane.columns) == [*keys, "network_a", "network_b", "matching", "x", "y", "network", "loss", "error"]
    assert plane[list(keys)].drop_duplicates().to_dict("records") == [keys]
    pd.testing.assert_frame_equal(plane, plane_frame(record), rtol=1e-12)


def test_jobs_are_sorted_by_value_and_keep_the_order_of_their_points(write_sweep):
    records = [make_record(f"r{width}{seed}", width=width, seed=seed) for width in (16, 8) for seed in (1, 0)]
    folder = write_sweep(records)
    for one in records:
        write_plane(folder, one)
    planes = load_planes(folder)
    assert planes[["width", "seed"]].drop_duplicates().to_numpy().tolist() == [[8, 0], [8, 1], [16, 0], [16, 1]]
    for _, one in planes.groupby("run_id"):
        assert one["network"].tolist()[-3:] == ["A", "B", "matched B"]


def test_a_key_that_varies_has_a_column(write_sweep):
    records = [make_record(f"r{lr}", **{"optimizer.lr": lr}) for lr in (0.1, None)]
    folder = write_sweep(records)
    for one in records:
        write_plane(folder, one)
    assert set(load_planes(folder)["optimizer.lr"]) == {0.1, "-"}


def test_a_plane_in_two_folders_counts_once_and_others_are_added(write_sweep, record):
    first, second = write_sweep([record], name="first"), write_sweep([record], name="second")
    write_plane(first, record)
    other = make_plane(record)
    write_plane(second, record, other.assign(loss=9.0))
    assert load_planes([first, second])["loss"].max() < 9.0
    write_plane(second, record, other.assign(loss=9.0), make_plane(record, method="identity"))
    assert load_planes([first, second])["matching"].value_counts().to_dict() == {"weights": len(other), "identity": len(other)}


def test_the_folder_of_one_job_will_do_and_a_sweep_without_planes_has_none(write_sweep, record):
    folder = write_sweep([record])
    assert load_planes(folder).empty
    assert {"width", "matching", "x", "loss"} <= set(load_planes(folder).columns)
    write_plane(folder, record)
    pd.testing.assert_frame_equal(load_planes(folder / "r0"), load_planes(folder))


def changed(frame, **cells):
    """Return a frame with other values in its sixth row, as text."""
    frame = frame.astype(str)
    for name, value in cells.items():
        frame.loc[5, name] = value
    return frame


DAMAGES = {
    "no column": (lambda frame: frame.drop(columns="loss"), "its columns are network_a, network_b, matching, settings_hash, x, y, network, error"),
    "a word": (lambda frame: changed(frame, loss="high"), "'high' stands where a number should"),
    "beyond every number": (lambda frame: frame.assign(x="9" * 400), "a point has no place"),
    "no place": (lambda frame: changed(frame, x=""), "a point has no place"),
    "far away": (lambda frame: changed(frame, y="inf"), "a point has no place"),
    "infinite": (lambda frame: changed(frame, loss="inf"), "a loss or an error is outside its range"),
    "negative": (lambda frame: changed(frame, loss="-1"), "a loss or an error is outside its range"),
    "no share": (lambda frame: changed(frame, error="1.5"), "a loss or an error is outside its range"),
    "another network": (lambda frame: changed(frame, network_a="x"), "record.json beside it lacks the pair or the method of x, r0-1, weights, w0"),
    "another method": (lambda frame: changed(frame, matching="magic"), "lacks the pair or the method of r0-0, r0-1, magic, w0"),
    "a hole": (lambda frame: frame.drop(index=5), "a plane is not a whole grid with A, B, matched B"),
    "twice": (lambda frame: pd.concat([frame.drop(index=5), frame.loc[[6]]]), "a plane is not a whole grid with A, B, matched B"),
    "no B": (lambda frame: frame[frame["network"] != "B"], "a plane is not a whole grid with A, B, matched B"),
    "a stranger": (lambda frame: changed(frame, network="C"), "a plane is not a whole grid with A, B, matched B"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_plane_is_left_out_with_a_sentence(write_sweep, caplog, damage):
    good, bad = make_record("good"), make_record("r0", seed=1)
    folder = write_sweep([good, bad])
    write_plane(folder, good)
    change, sentence = DAMAGES[damage]
    path = write_plane(folder, bad, change(make_plane(bad)))
    planes = find_planes(find_sweep(folder), folder)
    assert set(planes.frame["run_id"]) == {"good"}
    (note,) = planes.notes
    assert note.startswith(f"the planes of {path} are left out: ")
    assert sentence in note
    caplog.set_level(logging.WARNING)
    assert set(load_planes(folder)["run_id"]) == {"good"}
    assert note in caplog.messages


def test_a_plane_whose_file_has_another_bit_is_left_out(write_sweep, record):
    folder, rng = write_sweep([record]), random.Random(0)
    path = write_plane(folder, record)
    whole, sweep = path.read_bytes(), find_sweep(folder)
    flipped = bytearray(whole)
    for position in range(0, len(whole), 29):
        flipped[position] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        flipped[position] = whole[position]
        planes = find_planes(sweep, folder)
        assert planes.frame.empty
        assert planes.notes == (
            f"the planes of {path} are left out: it was changed after it was written: its sha256 is not the one in record.json; "
            "run the sweep again with the same hydra.sweep.dir and plane=true.",
        )
    for other in (whole[:-1], whole[:-2], whole + b"\n", whole.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + whole):
        path.write_bytes(other)
        assert find_planes(sweep, folder).frame.empty
    path.write_bytes(whole)
    assert find_planes(sweep, folder).notes == ()


def test_a_plane_of_which_the_record_knows_nothing_is_left_out(write_sweep, record):
    folder = write_sweep([record])
    path = write_plane(folder, record)
    write_record(folder / "r0", record)
    planes = find_planes(find_sweep(folder), folder)
    assert planes.frame.empty
    assert planes.notes[0].startswith(f"the planes of {path} are left out: it has no seal in record.json beside it")


@pytest.mark.parametrize("contents", [b"", b"\xff\xfe\x00", b'"', b"a,b\n1,2,3\n1\n"])
def test_what_is_no_table_is_left_out_too(write_sweep, record, contents):
    folder = write_sweep([record])
    (folder / "r0" / "plane.csv").write_bytes(contents)
    seal_beside(folder / "r0" / "plane.csv")
    planes = find_planes(find_sweep(folder), folder)
    assert (len(planes.frame), len(planes.notes)) == (0, 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, json.dumps({"run_id": "unknown"}), json.dumps({"run_id": ["r0"]})])
def test_a_plane_without_a_usable_record_is_left_out(write_sweep, record, text):
    folder = write_sweep([record])
    write_plane(folder, record)
    (folder / "r0" / "record.json").write_text(text)
    planes = find_planes(find_sweep(folder), folder)
    assert (len(planes.frame), len(planes.notes)) == (0, 1)


def test_a_loss_that_does_not_exist_stays_a_hole(write_sweep, record):
    folder = write_sweep([record])
    frame = make_plane(record)
    frame.loc[5, ["loss", "error"]] = np.nan
    write_plane(folder, record, frame)
    assert load_planes(folder)["loss"].isna().sum() == 1
