"""Planes of a sweep: what is read is what lies there, what is damaged is left out with a sentence, and the picture is of the right places."""

import json
import logging
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import METHODS, make_record, seal_beside, write_record
from matplotlib import pyplot as plt
from matplotlib.contour import QuadContourSet

from multirun_analysis import schema
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes, load_planes
from multirun_analysis.plots.plane import MOST_ROWS, plane_figure, plane_levels, plot_plane

CORNERS = {"A": (0.0, 0.0), "B": (10.0, 0.0), "matched B": (3.0, 4.0)}


def height(x, y):
    """Return a loss with valleys at A and at B."""
    return 0.1 + 0.01 * x * (10 - x) + 0.02 * y


def make_plane(record, pair=(0, 1), method="weights") -> pd.DataFrame:
    """Return a small plane of a record's pair as a job writes it."""
    points = [(x, y, "") for y in np.linspace(-2, 6, 9) for x in np.linspace(-4, 14, 10)]
    points += [(x, y, name) for name, (x, y) in CORNERS.items()]
    a, b = (f"{record['run_id']}-{k}" for k in pair)
    rows = [(a, b, method, METHODS[method], x, y, name, max(height(x, y), 0.01), 0.5) for x, y, name in points]
    return pd.DataFrame(rows, columns=schema.names(schema.PLANE))


def write_plane(folder: Path, record, *planes: pd.DataFrame) -> Path:
    path = folder / record["run_id"] / "plane.csv"
    pd.concat(planes or [make_plane(record)]).to_csv(path, index=False)
    seal_beside(path)
    return path


@pytest.fixture
def record():
    return make_record("r0", width=16, seed=3)


@pytest.fixture
def plane(write_sweep, record) -> pd.DataFrame:
    folder = write_sweep([record])
    write_plane(folder, record)
    return load_planes(folder)


def test_planes_come_back_with_the_keys_of_their_job(plane, record):
    keys = {"run_id": "r0", "dataset": "digits", "model": "mlp", "width": 16, "depth": 1, "seed": 3}
    assert list(plane.columns) == [*keys, "network_a", "network_b", "matching", "x", "y", "network", "loss", "error"]
    assert plane[list(keys)].drop_duplicates().to_dict("records") == [keys]
    written = make_plane(record).drop(columns="settings_hash")
    pd.testing.assert_frame_equal(plane[list(written.columns)], written, rtol=1e-12)


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
    assert plane_figure(load_planes(folder)) is None
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
    planes = load_planes(folder)
    assert planes["loss"].isna().sum() == 1
    ax = plot_plane(planes)
    assert any(isinstance(artist, QuadContourSet) for artist in ax.collections)
    plt.close(ax.figure)


def test_the_picture_shows_the_networks_the_lines_and_contours_beyond_them(plane):
    ax = plot_plane(plane)
    dots = {tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() == "o"}
    assert dots == set(CORNERS.values())
    lines = {line.get_linestyle(): line.get_xydata().tolist() for line in ax.lines if line.get_marker() != "o"}
    assert lines == {"--": [[0, 0], [10, 0]], "-": [[0, 0], [3, 4]]}
    assert {text.get_text(): tuple(text.xy) for text in ax.texts} == CORNERS
    (contours,) = [artist for artist in ax.collections if isinstance(artist, QuadContourSet)]
    box = np.array([path.get_extents().get_points() for path in contours.get_paths() if len(path.vertices)])
    np.testing.assert_allclose([box[:, 0].min(axis=0), box[:, 1].max(axis=0)], [[-4, -2], [14, 6]])
    assert ax.get_aspect() == 1.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance along A to B", "distance across")
    plt.close(ax.figure)


def test_a_contour_lies_where_the_loss_has_its_value(plane):
    ax = plot_plane(plane.assign(loss=np.exp(plane["x"] / 10)), levels=np.exp([0.0, 0.4, 1.0]))
    (contours,) = [artist for artist in ax.collections if isinstance(artist, QuadContourSet)]
    between = contours.get_paths()[1]  # the first band lies below the lowest level
    extent = between.get_extents()
    assert [extent.x0, extent.x1] == pytest.approx([0.0, 4.0], abs=0.05)  # straight between columns of the grid, two apart
    plt.close(ax.figure)


def test_levels_are_even_in_the_logarithm_and_take_what_is_there():
    levels = plane_levels(pd.Series([0.1, 1.0, 10.0, np.nan, 0.0, 1e9]))
    np.testing.assert_allclose(np.diff(np.log(levels)), np.log(levels[1] / levels[0]))
    assert levels[0] >= 0.1
    for values in ([], [np.nan], [0.0, 0.0], [0.3, 0.3]):
        assert (np.diff(plane_levels(pd.Series(values, dtype=float))) > 0).all()


@pytest.mark.parametrize("metric", ["loss", "error"])
def test_the_figure_has_a_row_for_each_width_and_a_column_for_each_method_on_one_scale(write_sweep, metric):
    records = [make_record(f"r{width}{seed}", width=width, seed=seed, networks=3) for width in (8, 16) for seed in (0, 1)]
    folder = write_sweep(records)
    for one in records:
        planes = [make_plane(one, pair) for pair in ((0, 1), (0, 2))]
        write_plane(folder, one, *planes, *([make_plane(one, method="identity")] if one["run_id"] == "r80" else []))
    figure = plane_figure(load_planes(folder), metric=metric)
    panels, bar = figure.axes[:4], figure.axes[4]
    assert [ax.get_title(loc="left").strip() for ax in panels] == ["identity", "weights"] * 2
    assert [ax.texts[-1].get_text() for ax in panels[::2]] == ["width=8, seed=0", "width=16, seed=0"]
    assert len(figure.axes) == 5
    assert bar.get_ylabel() == {"loss": "test loss [nats]", "error": "test error [fraction]"}[metric]
    sets = [[artist for artist in ax.collections if isinstance(artist, QuadContourSet)] for ax in panels]
    assert [len(planes) for planes in sets] == [1, 1, 0, 1]
    assert panels[2].texts[0].get_text().startswith("no plane")
    for (one,) in (sets[1], sets[3]):
        np.testing.assert_array_equal(one.levels, sets[0][0].levels)


def test_of_many_widths_some_are_shown_from_the_first_to_the_last_and_it_is_said(write_sweep):
    records = [make_record(f"r{k}", width=2**k) for k in range(1, 10)]
    folder = write_sweep(records)
    for one in records:
        write_plane(folder, one)
    figure = plane_figure(load_planes(folder))
    titles = [ax.texts[-1].get_text() for ax in figure.axes[:-1]]
    assert len(titles) == MOST_ROWS
    assert (titles[0], titles[-1]) == ("width=2, seed=0", "width=512, seed=0")
    assert figure.get_suptitle() == "rows: 6 of 9, evenly chosen"
