"""The story of one job: done once, added to, begun again where it failed, and the same whatever is in the store."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_jobs import as_vectors, digits, files, keys, silent, small_job, timeless

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.jobs import job as story
from lmc_sweeps.jobs.job import find_or_train, run_job
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.permutation_files import read_permutations
from lmc_sweeps.jobs.records import read_record, write_failure, write_record
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.gaps import relative_movement
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.recipe import Training
from multirun_analysis.schema import RUNS_TAIL, TEST_BLOCKS, names, open_blocks


def test_a_job_leaves_a_record_with_every_column_and_the_permutations(tmp_path):
    record = run_job(small_job(), tmp_path, silent)
    assert record == read_record(tmp_path)
    assert sorted(name for name in files(tmp_path) if not name.endswith(".lock")) == ["permutations.npz", "record.json"]
    assert (record["status"], record["sentence"], record["notes"]) == ("ok", "measured.", [])
    assert record["run_id"] == small_job().run_id
    assert record["data"] == {"n_train": 1437, "n_test": 360, "n_inputs": 64, "n_classes": 10}
    a, b = small_job().network_names
    assert [network["name"] for network in record["networks"]] == [a, b]
    assert [row[:3] + row[-1:] for row in keys(record)] == [
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
        loss = torch.nn.functional.cross_entropy(module(digits().train.inputs.flatten(1)), digits().train.labels)
    np.testing.assert_allclose(network.facts.loss_final, float(loss), rtol=1e-6)
    assert network.facts.loss_final < network.facts.loss_initial


def test_images_are_trained_and_measured_to_the_bit_as_the_vectors_that_they_are_flattened_to(tmp_path):
    job, methods = small_job(), {"matching": (Weights(), Activations()), "plane": True}
    records = [run_job(small_job(data, **methods), tmp_path / str(k), silent) for k, data in enumerate((digits(), as_vectors(digits())))]
    of_images, of_vectors = ({key: record[key] for key in ("run_id", "scope", "data", "curves", "layers")} for record in records)
    assert of_images == of_vectors
    assert of_images["run_id"] == job.run_id
    assert timeless(records[0]["runs"]) == timeless(records[1]["runs"])
    assert files(tmp_path / "0")["plane.csv"] == files(tmp_path / "1")["plane.csv"]


def test_augmented_images_are_flattened_after_their_views_were_taken():
    images = digits()
    train = Split(images.train.inputs + images.train.inputs.flip(-1), images.train.labels)  # each is its own mirror image
    data = replace(images, train=train)
    mirrored, plain = (find_or_train(small_job(data, training=Training(epochs=1, augmentation=kind)), silent) for kind in ("flip", "none"))
    for one, other in zip(mirrored, plain, strict=True):
        assert all(torch.equal(one.parameters[name], other.parameters[name]) for name in other.parameters)


def test_a_job_that_fails_before_its_record_leaves_none(tmp_path, monkeypatch):
    def fail(*arguments, **options):
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
    starts = [Mlp().initial(Shape((64,), 6, 1, 10), generator(0, "network", number, "initialisation")) for number in (0, 1)]
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


def test_rows_of_the_test_split_have_test_blocks_and_a_record_of_a_version_before_them_is_complete_and_added_to(tmp_path):
    job, folder = small_job(store=tmp_path / "store"), tmp_path / "job"
    record = run_job(job, folder)
    for row in record["runs"]:
        assert (row[TEST_BLOCKS] is None) == (row["split"] == "train")
        if row["split"] == "test":
            items, excess, *_ = open_blocks(row[TEST_BLOCKS]).astype(float)
            assert items.sum() == record["data"]["n_test"]
            assert items @ excess / items.sum() == pytest.approx(row["loss_barrier"], rel=1e-6, abs=1e-6)
    write_record(folder, {**record, "runs": [{k: value for k, value in row.items() if k != TEST_BLOCKS} for row in record["runs"]]})
    assert is_complete(job, folder)
    added = run_job(small_job(store=tmp_path / "store", matching=(Weights(), Activations())), folder)
    with_blocks = {row["matching"] for row in added["runs"] if row.get(TEST_BLOCKS)}
    assert with_blocks == {"activations"}  # nothing that was there is measured again
