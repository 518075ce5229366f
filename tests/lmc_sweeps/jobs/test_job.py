"""The story of one job: done once, added to, walked anew, diverged, and the same whatever is in the store."""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_jobs import digits, small_job

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.jobs import job as story
from lmc_sweeps.jobs.job import find_or_train, run_job
from lmc_sweeps.jobs.missing import Forecast, forecast, is_complete
from lmc_sweeps.jobs.network_files import Facts
from lmc_sweeps.jobs.permutation_files import read_permutations
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.recorded import environment_key
from lmc_sweeps.jobs.records import read_record, write_failure, write_record
from lmc_sweeps.jobs.results import divergence
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.gaps import relative_movement
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.loop import Training
from lmc_sweeps.training.optimizers import Sgd
from multirun_analysis import load_runs
from multirun_analysis.schema import RUNS_TAIL, names

CLOCK = ("seconds_train", "seconds_match", "seconds_evaluate")


def with_settings(job: PreparedJob, **changes) -> PreparedJob:
    return replace(job, settings=replace(job.settings, **changes))


def silent(steps: int) -> None:
    """Take no notice of progress."""


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def keys(record: dict, table: str = "runs") -> list[tuple]:
    return [tuple(row.get(key) for key in ("network_a", "network_b", "matching", "settings_hash", "split")) for row in record[table]]


def timeless(rows: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in rows]


def measured(folder: Path) -> dict[tuple, dict]:
    """Return the rows of a folder's record by their keys, times aside."""
    record = read_record(folder)
    return dict(zip(keys(record), timeless(record["runs"]), strict=True))


def test_a_job_leaves_a_record_with_every_column_and_the_permutations(tmp_path):
    record = run_job(small_job(), tmp_path, silent)
    assert record == read_record(tmp_path)
    assert sorted(name for name in files(tmp_path) if not name.endswith(".lock")) == ["permutations.npz", "record.json"]
    assert (record["status"], record["sentence"], record["notes"]) == ("ok", "measured.", [])
    assert record["run_id"] == small_job().run_id
    assert record["data"] == {"n_train": 1437, "n_test": 360, "n_inputs": 64, "n_classes": 10}
    a, b = small_job().network_names
    assert [network["name"] for network in record["networks"]] == [a, b]
    assert [row[:3] + row[4:] for row in keys(record)] == [
        (a, b, method, split) for split in ("train", "test") for method in ("identity", "weights")
    ]
    assert all(set(names(RUNS_TAIL)) <= set(row) for row in record["runs"])
    hashes = {method.name: method.settings_hash() for method in (Identity(), Weights())}
    assert sorted(read_permutations(tmp_path, read_record(tmp_path))) == [
        f"{a}.{b}.{name}.{hashes[name]}/hidden_1" for name in ("identity", "weights")
    ]


def test_the_same_job_again_does_nothing(tmp_path, monkeypatch):
    first = run_job(small_job(), tmp_path, silent)
    before = files(tmp_path)
    monkeypatch.setattr(story, "find_or_train", None)  # calling it would be an error
    assert run_job(small_job(), tmp_path, silent) == first
    assert files(tmp_path) == before


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(tmp_path):
    records = [run_job(small_job(seed=seed), tmp_path / name, silent) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    assert timeless(records[0]["runs"]) == timeless(records[1]["runs"])
    assert records[0]["curves"] == records[1]["curves"]
    assert records[0]["curves"][0]["loss"] != records[2]["curves"][0]["loss"]


def test_one_more_method_is_added_without_training_and_what_was_there_stays(tmp_path):
    store, steps = tmp_path / "store", []
    first = run_job(small_job(store=store), tmp_path / "job", silent)
    both = run_job(small_job(store=store, matching=(Weights(), Activations())), tmp_path / "job", lambda *step: steps.append(step))
    assert steps == []
    assert [(entry["matching"]) for entry in both["matching"]] == ["identity", "weights", "activations"]
    for table in ("runs", "curves", "layers"):
        assert both[table][: len(first[table])] == first[table]
        assert {row["matching"] for row in both[table][len(first[table]) :]} == {"activations"}
    alone = run_job(small_job(matching=(Activations(),)), tmp_path / "alone", silent)
    assert timeless(both["runs"][4:]) == timeless([row for row in alone["runs"] if row["matching"] == "activations"])
    assert len(read_permutations(tmp_path / "job", read_record(tmp_path / "job"))) == 3


def test_the_same_method_with_other_settings_stands_beside_the_first(tmp_path):
    run_job(small_job(), tmp_path, silent)
    record = run_job(small_job(matching=(Weights(biases=True),)), tmp_path, silent)
    assert [(entry["matching"], entry["settings"].get("biases")) for entry in record["matching"]] == [
        ("identity", None),
        ("weights", False),
        ("weights", True),
    ]
    assert len(set(keys(record))) == len(record["runs"]) == 6


def test_other_points_walk_every_line_anew_without_training(tmp_path):
    store, steps = tmp_path / "store", []
    run_job(small_job(store=store, matching=(Activations(),)), tmp_path / "job", silent)
    record = run_job(small_job(store=store, points=9), tmp_path / "job", lambda *step: steps.append(step))
    assert steps == []
    assert [entry["matching"] for entry in record["matching"]] == ["identity", "activations", "weights"]
    assert record["points"] == 9
    assert [len(row["t"]) for row in record["curves"]] == [9] * 6
    fresh = run_job(small_job(points=9, matching=(Activations(), Weights())), tmp_path / "fresh", silent)
    assert timeless(record["runs"]) == timeless(fresh["runs"])
    assert record["curves"] == fresh["curves"]


@pytest.mark.parametrize("points", [3, 5])
def test_a_method_added_with_fewer_points_is_measured_at_those_of_the_record_and_it_is_said(tmp_path, caplog, points):
    caplog.set_level(logging.INFO)
    store, folder = tmp_path / "store", tmp_path / "job"
    first = run_job(small_job(store=store, points=9), folder)
    assert is_complete(small_job(points=points), folder)  # nothing coarser replaces what is there
    assert forecast(small_job(points=points), folder) == Forecast(points=9)
    both = run_job(small_job(store=store, points=points, matching=(Activations(),)), folder)
    sentence = f"points: activations: measured at the 9 points of the lines that were there, not at the {points} that were asked for."
    assert both["notes"] == [sentence]
    assert sentence in caplog.messages
    assert (both["points"], both["config"]["points"]) == (9, 9)
    assert both["runs"][: len(first["runs"])] == first["runs"]
    assert {row["points"] for row in both["runs"]} == {len(row["t"]) for row in both["curves"]} == {9}
    run_job(small_job(store=store, points=9, matching=(Weights(), Activations())), tmp_path / "at once")
    assert measured(folder) == measured(tmp_path / "at once")
    frame = load_runs(folder)
    assert (frame["points"].dtype, set(frame["points"])) == (np.int64, {9})


def test_more_points_are_measured_for_all_methods_and_it_is_said(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    store, folder = tmp_path / "store", tmp_path / "job"
    run_job(small_job(store=store), folder)
    assert forecast(small_job(points=9), folder) == Forecast(points=5)
    record = run_job(small_job(store=store, points=9, matching=(Activations(),)), folder)
    assert record["notes"] == ["points: all lines were measured again at 9 points, in place of 5."]
    assert record["notes"][0] in caplog.messages
    assert forecast(small_job(points=9), folder) == Forecast()


def test_a_job_that_comes_to_its_end_in_the_folder_of_another_is_refused_and_none_is_mixed(tmp_path, monkeypatch):
    store, folder, measure, others = tmp_path / "store", tmp_path / "job", story.compare_pair, []

    def meanwhile(*arguments, **more):
        if not others:
            others.append(None)  # only once
            others.append(run_job(small_job(store=store, seed=1), folder))
        return measure(*arguments, **more)

    monkeypatch.setattr(story, "compare_pair", meanwhile)
    with pytest.raises(InputError, match="holds the record of another job, .*; a job needs a folder of its own"):
        run_job(small_job(store=store, matching=(Activations(),)), folder)
    assert read_record(folder) == {key: value for key, value in others[1].items() if key != "sha256"}


@pytest.mark.parametrize(("first", "second"), [(5, 9), (9, 5), (5, 5)])
def test_two_commands_with_other_points_at_once_leave_no_mix_and_lose_no_method(tmp_path, monkeypatch, first, second):
    store, folder, measure, others = tmp_path / "store", tmp_path / "job", story.compare_pair, []

    def meanwhile(*arguments, **more):
        if not others:  # while the first command measures, a second one comes to its end
            others.append(True)
            run_job(small_job(store=store, points=second, matching=(Activations(),)), folder)
        return measure(*arguments, **more)

    monkeypatch.setattr(story, "compare_pair", meanwhile)
    run_job(small_job(store=store, points=first), folder)
    record = read_record(folder)
    assert {entry["matching"] for entry in record["matching"]} == {"identity", "weights", "activations"}
    assert {row["points"] for row in record["runs"]} == {len(row["t"]) for row in record["curves"]} == {9 if 9 in (first, second) else 5}
    monkeypatch.undo()
    both = small_job(store=store, points=record["points"], matching=(Weights(), Activations()))
    run_job(both, tmp_path / "alone")
    assert measured(folder) == measured(tmp_path / "alone")
    assert is_complete(both, folder)
    assert len(read_permutations(folder, record)) == 3


UNKNOWN = {
    "a method": {"matching": "magic", "settings_hash": "abcdef01", "settings": {"power": 3}},
    "a setting": {"matching": "weights", "settings_hash": "abcdef01", "settings": {"biases": True, "power": 3}},
    "a value": {"matching": "weights", "settings_hash": "abcdef01", "settings": {"transport": "magic"}},
    "another default": {"matching": "weights", "settings_hash": "abcdef01", "settings": {"biases": True}},
    "no settings": {"matching": "weights", "settings_hash": "abcdef01"},
}


@pytest.mark.parametrize("entry", UNKNOWN.values(), ids=UNKNOWN)
def test_a_record_with_a_method_or_a_setting_unknown_here_is_left_with_a_sentence(tmp_path, entry):
    store, folder = tmp_path / "store", tmp_path / "job"
    record = run_job(small_job(store=store), folder)
    record["matching"].append(entry)
    write_record(folder, record)
    assert is_complete(small_job(), folder)  # what is asked for is there
    assert "activations" in {entry["matching"] for entry in run_job(small_job(store=store, matching=(Activations(),)), folder)["matching"]}
    before = files(folder)
    assert not is_complete(small_job(points=9), folder)
    obstacle = forecast(small_job(points=9), folder).obstacle
    assert obstacle.startswith(f"{folder}/record.json holds results of the matching method '{entry['matching']}' with the settings")
    assert "are unknown here: of a later version, of a part that is not on this machine, or with a secret" in obstacle
    with pytest.raises(InputError) as caught:
        run_job(small_job(store=store, points=9), folder)
    assert str(caught.value) == obstacle
    assert files(folder) == before


def test_a_failed_or_a_damaged_record_is_measured_again(tmp_path):
    write_failure(tmp_path / "a", small_job().run_id, {}, "KilledWorker")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "record.json").write_text('{"schema_version": 1, "status": "ok", "ru')
    for folder in (tmp_path / "a", tmp_path / "b"):
        assert run_job(small_job(), folder, silent)["status"] == "ok"
        assert read_record(folder)["status"] == "ok"


def test_a_failure_beside_results_is_forgotten_when_all_that_is_asked_for_is_there(tmp_path):
    first = run_job(small_job(), tmp_path, silent)
    write_failure(tmp_path, small_job().run_id, {}, "MemoryError")
    assert run_job(small_job(), tmp_path, silent) == first == read_record(tmp_path)


def test_the_record_of_another_job_is_neither_returned_nor_overwritten(tmp_path):
    run_job(small_job(), tmp_path, silent)
    before = files(tmp_path)
    with pytest.raises(
        InputError, match=f"{tmp_path} holds the record of another job, {small_job().run_id}; a job needs a folder of its own"
    ):
        run_job(small_job(seed=1), tmp_path, silent)
    assert files(tmp_path) == before


def test_every_pair_of_several_networks_is_measured(tmp_path):
    record = run_job(small_job(networks=3), tmp_path, silent)
    n = small_job(networks=3).network_names
    assert list(dict.fromkeys((row["network_a"], row["network_b"]) for row in record["runs"])) == [(n[0], n[1]), (n[0], n[2]), (n[1], n[2])]
    # An end point is a network, whichever pair it stands in.
    ends = {(pair, row["split"]): row[f"loss_{side}"] for row in record["runs"] for side, pair in (("a", row["network_a"]),)}
    for row in record["runs"]:
        assert ends[row["network_a"], row["split"]] == row["loss_a"]
    two = run_job(small_job(), tmp_path / "two", silent)
    assert timeless(two["runs"]) == [{**row} for row in timeless(record["runs"]) if (row["network_a"], row["network_b"]) == (n[0], n[1])]


def test_seconds_of_training_are_those_of_both_networks_also_when_found(tmp_path):
    store = tmp_path / "store"
    for folder in ("first", "second"):
        record = run_job(small_job(store=store), tmp_path / folder, silent)
        total = sum(network["seconds"] for network in record["networks"])
        assert {row["seconds_train"] for row in record["runs"]} == {total}
    assert record["networks"] == read_record(tmp_path / "first")["networks"]


@pytest.mark.parametrize("width", [8, 6, 7])
def test_networks_in_the_store_are_found_and_the_others_trained_to_the_same_bits(tmp_path, caplog, width):
    caplog.set_level(logging.INFO)
    alone = find_or_train(small_job(networks=4, width=width), silent)
    steps: list[int] = []
    stored = small_job(store=tmp_path, networks=4, width=width)
    find_or_train(small_job(store=tmp_path, networks=3, width=width), silent)
    (tmp_path / stored.network_names[1][:2] / f"{stored.network_names[1]}.safetensors").unlink()
    networks = find_or_train(stored, steps.append)
    assert steps == [2] * 23  # 1,437 examples in batches of 64: networks 1 and 3, as one stack
    assert "found 2 of 4 networks" in caplog.messages
    for left, right in zip(alone, networks, strict=True):
        assert left.facts == right.facts
        for name, tensor in left.parameters.items():
            assert torch.equal(tensor, right.parameters[name])
    assert not torch.equal(networks[0].parameters["output.weight"], networks[1].parameters["output.weight"])


def test_untrained_networks_differ_by_their_initialisation_and_have_one_loss():
    networks = find_or_train(small_job(training=Training(epochs=0)), silent)
    assert not torch.equal(networks[0].parameters["hidden_1.weight"], networks[1].parameters["hidden_1.weight"])
    for network in networks:
        assert network.facts.loss_initial == network.facts.loss_final
        assert network.facts.finite is True


def test_the_facts_are_the_training_losses_of_the_modules():
    job = small_job()
    (network, _) = find_or_train(job, silent)
    module = job.architecture.module(network.parameters)
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(module(digits().train.inputs), digits().train.labels)
    np.testing.assert_allclose(network.facts.loss_final, float(loss), rtol=1e-6)
    assert network.facts.loss_final < network.facts.loss_initial


@pytest.mark.parametrize(
    ("facts", "epochs", "sentence"),
    [
        (Facts(2.3, 0.1, finite=True), 1, None),
        (Facts(2.3, 2.3, finite=True), 1, None),
        (Facts(2.3, 2.34, finite=True), 1, "ended at a training loss of 2.34, above the 2.3 of its initialisation"),
        (Facts(2.3, 2.4, finite=True), 0, None),
        (Facts(2.3, float("nan"), finite=True), 3, "ended at a training loss of nan, above the 2.3"),
        (Facts(2.3, 0.1, finite=False), 1, "had a loss, before or after training, or a weight that was not finite"),
        (Facts(2.3, 0.1, finite=False), 0, "had a loss, before or after training, or a weight that was not finite"),
    ],
)
def test_a_network_has_diverged_when_it_is_not_finite_or_ends_above_its_initial_loss(facts, epochs, sentence):
    reason = divergence(facts, epochs)
    assert reason is None if sentence is None else reason.startswith(sentence)


def test_a_job_that_is_not_finite_writes_its_record_without_curves(tmp_path):
    settings = small_job(optimizer=Sgd(lr=1e25), matching=(Weights(), Activations()))
    record = run_job(settings, tmp_path, silent)
    assert record["status"] == "diverged"
    why = "had a loss, before or after training, or a weight that was not finite"
    assert record["sentence"] == f"network 0 {why}; network 1 {why}."
    written = read_record(tmp_path)
    assert len(written["runs"]) == 6
    assert {row[key] for row in written["runs"] for key in ("loss_a", "loss_barrier", "error_midpoint", "function_gap")} == {None}
    assert (written["curves"], written["layers"], read_permutations(tmp_path, read_record(tmp_path))) == ([], [], {})
    before = files(tmp_path)
    run_job(settings, tmp_path, silent)
    assert files(tmp_path) == before  # it would diverge again


def test_a_job_that_ends_above_its_initial_loss_is_diverged_and_measured_all_the_same(tmp_path):
    record = run_job(small_job(optimizer=Sgd(lr=1000.0)), tmp_path, silent)
    assert record["status"] == "diverged"
    assert "network 0 ended at a training loss of" in record["sentence"]
    assert len(record["curves"]) == 4


def test_only_the_pairs_of_a_broken_network_go_unmeasured(tmp_path, monkeypatch):
    whole = find_or_train(small_job(networks=3), silent)
    whole[2] = replace(whole[2], facts=replace(whole[2].facts, finite=False))
    monkeypatch.setattr(story, "find_or_train", lambda *arguments: whole)
    record = run_job(small_job(networks=3), tmp_path, silent)
    assert (record["status"], record["sentence"]) == (
        "diverged",
        "network 2 had a loss, before or after training, or a weight that was not finite.",
    )
    names = small_job(networks=3).network_names
    measured = {(row["network_a"], row["network_b"]) for row in read_record(tmp_path)["runs"] if row["loss_barrier"] is not None}
    assert measured == {(names[0], names[1])}
    assert {(row["network_a"], row["network_b"]) for row in record["curves"]} == {(names[0], names[1])}


def test_what_the_dataset_says_of_itself_is_noted(tmp_path):
    data = replace(digits(), note="not the official contents")
    assert run_job(small_job(data), tmp_path, silent)["notes"] == ["dataset: not the official contents."]


def test_a_job_that_fails_before_its_record_leaves_none(tmp_path, monkeypatch):
    def fail(*arguments):
        raise MemoryError("no room")

    monkeypatch.setattr(story, "compare_pair", fail)
    with pytest.raises(MemoryError, match="no room"):
        run_job(small_job(store=tmp_path / "store"), tmp_path / "job", silent)
    assert read_record(tmp_path / "job") is None
    monkeypatch.undo()
    steps: list = []
    run_job(small_job(store=tmp_path / "store"), tmp_path / "job", lambda *step: steps.append(step))
    assert steps == []  # what was trained is not lost


def test_the_movement_of_the_networks_is_that_from_their_own_beginnings(tmp_path):
    moved = run_job(small_job(), tmp_path / "trained")["runs"][0]["relative_movement"]
    starts = [Mlp().initial(64, 6, 1, 10, generator(0, "network", number, "initialisation")) for number in (0, 1)]
    ends = [network.parameters for network in find_or_train(small_job())]
    assert moved == pytest.approx(np.mean([relative_movement(start, end) for start, end in zip(starts, ends, strict=True)]))
    assert moved > 0.1
    assert run_job(small_job(training=Training(epochs=0)), tmp_path / "untrained")["runs"][0]["relative_movement"] == 0.0


def test_a_damaged_record_is_said_and_the_job_run_again(tmp_path, caplog):
    record = run_job(small_job(), tmp_path / "job")
    path = tmp_path / "job" / "record.json"
    path.write_bytes(path.read_bytes()[:-1])
    again = run_job(small_job(), tmp_path / "job")
    assert f"{path} is damaged, so the job is run again." in caplog.messages
    assert keys(again) == keys(record)


def test_damaged_permutations_are_measured_again(tmp_path):
    run_job(small_job(matching=(Weights(), Activations())), tmp_path / "job")
    whole = read_permutations(tmp_path / "job", read_record(tmp_path / "job"))
    path = tmp_path / "job" / "permutations.npz"
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_complete(small_job(), tmp_path / "job")
    run_job(small_job(), tmp_path / "job")  # one of two methods is asked for
    again = read_permutations(tmp_path / "job", read_record(tmp_path / "job"))
    assert again.keys() == whole.keys()
    assert all((again[key] == whole[key]).all() for key in whole)
    assert is_complete(small_job(), tmp_path / "job")


@dataclass(frozen=True, kw_only=True)
class OwnMethod(Weights):
    site: str = ""


def test_a_method_whose_settings_the_record_does_not_tell_is_measured_anew_where_it_is_asked_for(tmp_path):
    method = OwnMethod(site="s3cr3t")
    job = small_job(store=tmp_path / "store", matching=(method,), from_environment=((f"{environment_key(method)}.site", "${oc.env:SITE}"),))
    run_job(job, tmp_path / "job")
    run_job(with_settings(job, points=7), tmp_path / "job")
    text = (tmp_path / "job" / "record.json").read_text()
    assert "s3cr3t" not in text
    assert json.loads(text)["points"] == 7
    with pytest.raises(InputError, match="or with a secret, which no record holds"):
        run_job(with_settings(job, points=9, matching=(Weights(),)), tmp_path / "job")
