"""The record of a job before its pairs are measured: which networks have diverged, and what is noted."""

from dataclasses import dataclass, replace

import pytest
from small_jobs import as_vectors, digits, files, silent, small_job

from lmc_sweeps.jobs import job as story
from lmc_sweeps.jobs.job import find_or_train, run_job
from lmc_sweeps.jobs.network_files import Facts, StoredNetwork
from lmc_sweeps.jobs.permutation_files import read_permutations
from lmc_sweeps.jobs.records import read_record
from lmc_sweeps.jobs.results import divergence, empty_record
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Sgd


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


@dataclass(frozen=True, kw_only=True)
class Looking(Mlp):
    """Networks that are given images as images."""

    name = "looking"

    def architecture(self, shape: Shape) -> FeedForward:
        chain = super().architecture(shape)
        chain.taken = lambda inputs: inputs
        return chain


def test_the_axes_of_an_example_are_recorded_where_networks_see_them():
    network, expected = (
        StoredNetwork({}, Facts(2.3, 0.1, finite=True), 1.0),
        {"n_train": 1437, "n_test": 360, "n_inputs": 64, "n_classes": 10},
    )
    for model, data, axes in (
        (Mlp(), digits(), {}),
        (Mlp(), as_vectors(digits()), {}),
        (Looking(), digits(), {"inputs": [1, 8, 8]}),
        (Looking(), as_vectors(digits()), {}),
    ):
        assert empty_record(small_job(data, model=model), [network] * 2, (), (), points=3)["data"] == expected | axes
