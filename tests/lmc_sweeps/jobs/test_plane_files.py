"""`plane.csv` beside a record: the record's own losses, added to without training, and no silent gap."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_tasks import DATA, task

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs import job as story
from lmc_sweeps.jobs import plane_files
from lmc_sweeps.jobs.job import find_or_train, run_job
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.permutation_files import read_permutations
from lmc_sweeps.jobs.plane_files import read_planes
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import read_record, write_failure, write_record
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.measuring.planes import N_ROWS, plane_rows
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Sgd
from multirun_analysis.schema import PLANE, PLANE_FILE, PLANE_NETWORKS, names


def plane_job(**changes) -> PreparedJob:
    return task(**{"plane": True} | changes).job


def numbers(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / PLANE_FILE, keep_default_na=False, na_values={"loss": [""], "error": [""]})


def test_the_networks_of_the_file_have_the_losses_of_the_record(tmp_path):
    record = run_job(plane_job(networks=3, matching=(Weights(), Activations())), tmp_path)
    frame = numbers(tmp_path)
    assert list(frame.columns) == names(PLANE)
    assert len(frame) == 3 * 2 * N_ROWS
    assert (record["no_plane"], record["notes"]) == ([], [])
    for run in record["runs"]:
        if run["split"] == "test" and run["matching"] != "identity":
            same = (frame[["network_a", "network_b", "settings_hash"]] == [run["network_a"], run["network_b"], run["settings_hash"]]).all(
                axis=1
            )
            plane = frame[same & (frame["network"] != "")].set_index("network")
            for column in ("loss", "error"):
                expected = [run[f"{column}_a"], run[f"{column}_b"], run[f"{column}_b"]]
                np.testing.assert_allclose(plane.loc[list(PLANE_NETWORKS), column], expected, rtol=1e-5)
            assert np.hypot(*plane.loc["matched B", ["x", "y"]]) == pytest.approx(run["distance"], rel=1e-6)


def test_a_job_without_a_plane_is_as_it_was(tmp_path):
    record = run_job(plane_job(plane=False), tmp_path)
    assert "no_plane" not in record
    assert not (tmp_path / PLANE_FILE).exists()
    assert is_complete(plane_job(plane=False), tmp_path)
    assert not is_complete(plane_job(), tmp_path)


def test_a_plane_asked_for_later_is_measured_without_training_or_measuring_again(tmp_path, monkeypatch):
    folder, steps = tmp_path / "job", []
    first = run_job(plane_job(plane=False, store=tmp_path / "store"), folder)
    write_failure(folder, plane_job().run_id, {}, "MemoryError")
    monkeypatch.setattr(story, "compare_pair", None)  # calling it would be an error
    record = run_job(plane_job(store=tmp_path / "store"), folder, lambda *step: steps.append(step))
    assert steps == []
    assert record == read_record(folder)
    changed = {"no_plane", "config", "seconds", "files"}
    assert {key: record[key] for key in record.keys() - changed} == {key: first[key] for key in first.keys() - changed}
    monkeypatch.undo()
    run_job(plane_job(), tmp_path / "at once")
    assert (folder / PLANE_FILE).read_bytes() == (tmp_path / "at once" / PLANE_FILE).read_bytes()
    assert is_complete(plane_job(), folder)


def test_a_finished_plane_is_left_alone_and_one_more_method_is_added(tmp_path, monkeypatch):
    folder, store = tmp_path / "job", tmp_path / "store"
    run_job(plane_job(store=store), folder)
    first = (folder / PLANE_FILE).read_bytes()
    calls = []
    monkeypatch.setattr(plane_files, "plane_rows", lambda *arguments: calls.append(arguments) or plane_rows(*arguments))
    run_job(plane_job(store=store), folder)
    assert calls == []
    run_job(plane_job(store=store, matching=(Weights(), Activations())), folder)
    assert len(calls) == 1
    assert (folder / PLANE_FILE).read_bytes().startswith(first)
    assert numbers(folder)["matching"].value_counts().to_dict() == {"weights": N_ROWS, "activations": N_ROWS}


def test_other_points_leave_the_planes_as_they_are(tmp_path, monkeypatch):
    folder, store = tmp_path / "job", tmp_path / "store"
    run_job(plane_job(store=store), folder)
    before = (folder / PLANE_FILE).read_bytes()
    monkeypatch.setattr(plane_files, "measure_planes", None)
    record = run_job(plane_job(store=store, points=9), folder)
    assert record["no_plane"] == []
    assert (folder / PLANE_FILE).read_bytes() == before


@pytest.mark.parametrize("damage", ["network_a,x\n", "", "half", "a line", "\x00\xff"])
def test_a_damaged_file_is_made_anew(tmp_path, caplog, damage):
    folder, store = tmp_path / "job", tmp_path / "store"
    run_job(plane_job(store=store), folder)
    whole = (folder / PLANE_FILE).read_text()
    half, shorter = whole[: len(whole) // 2], "".join(whole.splitlines(keepends=True)[:-1])
    (folder / PLANE_FILE).write_text({"half": half, "a line": shorter}.get(damage, damage), encoding="latin-1")
    assert not is_complete(plane_job(), folder)
    run_job(plane_job(store=store), folder)
    assert (folder / PLANE_FILE).read_text() == whole
    assert damage == "a line" or "its planes are measured again" in caplog.text


def test_what_has_no_plane_is_said_and_not_looked_for_again(tmp_path, monkeypatch):
    folder, store = tmp_path / "job", tmp_path / "store"
    networks = find_or_train(plane_job())
    order = np.random.default_rng(0).permutation(6)
    spec = Mlp().architecture(Shape((5,), 6, 1, 3)).spec
    planted = type(networks[1])(apply_permutations(networks[0].parameters, spec, {"hidden_1": order}), networks[0].facts, 0.0)
    monkeypatch.setattr(story, "find_or_train", lambda *arguments: [networks[0], planted])  # matched B is A
    sentence = "plane: there is none through networks 0 and 1 matched by weights, for A, B and permuted B lie on one line."
    record = run_job(plane_job(store=store), folder)
    assert record["notes"] == [sentence]
    assert [row["matching"] for row in record["no_plane"]] == ["weights"]
    assert not (folder / PLANE_FILE).exists()
    assert is_complete(plane_job(), folder)
    more = run_job(plane_job(store=store, points=9), folder)  # the line is walked anew, and the sentence stays
    assert (more["notes"][0], more["no_plane"]) == (sentence, record["no_plane"])
    assert is_complete(plane_job(points=9), folder)


def test_networks_that_are_not_finite_have_no_plane_and_it_is_said(tmp_path):
    settings = plane_job(optimizer=Sgd(lr=1e25), matching=(Weights(), Activations()))
    record = run_job(settings, tmp_path)
    assert record["status"] == "diverged"
    assert record["notes"] == [
        f"plane: there is none through networks 0 and 1 matched by {name}, for a weight of theirs is not finite."
        for name in ("weights", "activations")
    ]
    assert is_complete(settings, tmp_path)


def test_lost_permutations_are_a_sentence(tmp_path):
    run_job(plane_job(plane=False, store=tmp_path / "store"), tmp_path / "job")
    (tmp_path / "job" / "permutations.npz").unlink()
    with pytest.raises(
        InputError, match=r"permutations\.npz' is missing or damaged; remove record\.json beside it and run the job again\.$"
    ):
        run_job(plane_job(store=tmp_path / "store"), tmp_path / "job")


def test_the_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    store = tmp_path / "store"
    run_job(plane_job(store=store), tmp_path / "job")
    before = (tmp_path / "job" / PLANE_FILE).read_bytes()

    def fail(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(plane_files, "write_atomically", fail)
    with pytest.raises(OSError, match="no space left"):
        run_job(plane_job(store=store, matching=(Weights(), Activations())), tmp_path / "job")
    assert (tmp_path / "job" / PLANE_FILE).read_bytes() == before
    assert {entry["matching"] for entry in read_record(tmp_path / "job")["matching"]} == {"identity", "weights", "activations"}
    assert not is_complete(plane_job(matching=(Weights(), Activations())), tmp_path / "job")


def test_rows_come_back_as_they_were_written(tmp_path):
    run_job(plane_job(), tmp_path)
    rows = read_planes(tmp_path, read_record(tmp_path))
    a, b = plane_job().network_names
    assert {(row["network_a"], row["network_b"], row["matching"], row["settings_hash"]) for row in rows} == {
        (a, b, "weights", Weights().settings_hash())
    }
    with (tmp_path / PLANE_FILE).open(newline="") as stream:
        assert list(csv.DictReader(stream)) == rows
    networks = find_or_train(plane_job())
    permutation = read_permutations(tmp_path, read_record(tmp_path))[f"{a}.{b}.weights.{Weights().settings_hash()}/hidden_1"]
    net = Mlp().architecture(Shape((5,), 6, 1, 3))
    aligned = apply_permutations(networks[1].parameters, net.spec, {"hidden_1": permutation})
    again = plane_rows(net, networks[0].parameters, networks[1].parameters, aligned, DATA.test)
    for column in ("x", "y", "loss", "error"):
        np.testing.assert_allclose([float(row[column]) for row in rows], [getattr(row, column) for row in again], rtol=1e-9)


def test_a_flipped_bit_of_the_planes_is_noticed_and_they_are_measured_again(tmp_path, caplog):
    run_job(plane_job(store=tmp_path / "store"), tmp_path / "job")
    path, record = tmp_path / "job" / PLANE_FILE, read_record(tmp_path / "job")
    whole = path.read_bytes()
    for position in range(0, len(whole), 199):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :])
        assert read_planes(tmp_path / "job", record) == []
    assert "it was changed after it was written: its sha256 is not the one in record.json" in caplog.text
    assert not is_complete(plane_job(), tmp_path / "job")
    run_job(plane_job(store=tmp_path / "store"), tmp_path / "job")
    assert path.read_bytes() == whole


def test_planes_of_a_version_that_did_not_seal_them_are_measured_again_which_is_said(tmp_path, caplog):
    record = run_job(plane_job(store=tmp_path / "store"), tmp_path / "job")
    digests = record.pop("files")
    write_record(tmp_path / "job", record)
    assert not is_complete(plane_job(), tmp_path / "job")
    assert run_job(plane_job(store=tmp_path / "store"), tmp_path / "job")["files"]["plane.csv"] == digests["plane.csv"]
    assert "has no seal in the record beside it; its planes are measured again" in caplog.text


def test_a_file_cut_off_in_its_last_number_is_measured_again(tmp_path):
    run_job(plane_job(), tmp_path)
    whole = (tmp_path / PLANE_FILE).read_bytes()
    for less in (1, 2, 3):
        (tmp_path / PLANE_FILE).write_bytes(whole[:-less])
        assert read_planes(tmp_path, read_record(tmp_path)) == []
        assert not is_complete(plane_job(), tmp_path)
    run_job(plane_job(), tmp_path)
    assert (tmp_path / PLANE_FILE).read_bytes() == whole
