"""Training curves: the losses of the record, whatever the stack, the kills and the store, and networks that do not know of them."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from normalised_jobs import job as normalised_job
from normalised_jobs import killed
from small_tasks import DATA, task, with_settings

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs import job as story
from lmc_sweeps.jobs.job import find_or_train, run_job
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.network_files import NETWORK, SIDECAR, StoredNetwork
from lmc_sweeps.jobs.planned import PlannedNetwork, groups, planned_networks, taken_split
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import read_record, write_failure
from lmc_sweeps.jobs.stacks import train_all
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.jobs.training_curves import add_training_curves
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.models.base import stacked
from lmc_sweeps.training.recipe import Training

NOWHERE = Store(None)
CURVED = Training(epochs=3, batch_size=16, checkpoint_seconds=0.0, curve_epochs=1)  # 12 steps, kept after each


def trained(tasks: list[PlannedNetwork], store: Store = NOWHERE) -> dict[str, StoredNetwork]:
    """Return networks by their names, trained."""
    return {name: network for stack in train_all(tasks, store, lambda steps: None) for name, network in stack.items()}


def every(epochs: int | None, **changes) -> PreparedJob:
    """Return a job whose curves have a point after every so many epochs."""
    return task(**{"training": replace(CURVED, curve_epochs=epochs)} | changes).job


def files(folder: Path, ending: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob(f"*{ending}")}


@pytest.mark.parametrize(("epochs", "expected"), [(1, [0, 1, 2, 3]), (2, [0, 2, 3]), (3, [0, 3]), (7, [0, 3])])
def test_a_curve_has_both_splits_after_every_nth_epoch_before_the_first_step_and_at_the_end(epochs, expected):
    (network,) = trained([task(training=replace(CURVED, curve_epochs=epochs))]).values()
    assert [(point.epoch, point.split) for point in network.curve] == [(epoch, split) for epoch in expected for split in ("train", "test")]


def test_a_curve_begins_and_ends_at_the_losses_of_the_facts_and_passes_through_shorter_trainings():
    (network,) = trained([task(training=CURVED)]).values()
    at = {(point.epoch, point.split): (point.loss, point.error) for point in network.curve}
    assert (at[0, "train"][0], at[3, "train"][0]) == (network.facts.loss_initial, network.facts.loss_final)
    for epoch in (0, 1, 2, 3):  # a constant rate and one data order: a shorter training is the beginning of a longer one
        shorter = task(training=replace(CURVED, epochs=epoch, curve_epochs=None))
        parameters = stacked([trained([shorter])[shorter.name].parameters])
        for name, split in (("train", DATA.train), ("test", DATA.test)):
            scores = evaluate(shorter.architecture, parameters, taken_split(shorter.architecture, split, torch.device("cpu")))
            assert at[epoch, name] == pytest.approx((scores.loss[0], scores.error[0]), rel=1e-6)


def test_batch_norms_smoothing_and_augmentation_do_not_touch_a_curve():
    job = normalised_job(training=replace(normalised_job().settings.training, curve_epochs=1))
    for network in trained(planned_networks(job)).values():
        last = {point.split: point.loss for point in network.curve if point.epoch == 2}
        assert last["train"] == pytest.approx(network.facts.loss_final, rel=1e-6)


def test_a_network_has_the_same_curve_in_a_stack_and_alone():
    tasks = [task(number, training=CURVED) for number in range(3)]
    together = trained(tasks)
    for single in tasks:
        assert trained([single])[single.name].curve == together[single.name].curve


@pytest.mark.parametrize("stop", [1, 4, 5, 11])
@pytest.mark.parametrize("job", [every(2), normalised_job(training=replace(normalised_job().settings.training, curve_epochs=1, stack=2))])
def test_a_training_that_was_killed_goes_on_to_the_same_curve(tmp_path, job, stop):
    networks, store = planned_networks(job), Store(tmp_path)
    stop = min(stop, networks[0].steps - 1)
    with pytest.raises(KeyboardInterrupt):
        for _ in train_all(networks, store, killed(stop)):
            pass
    assert {store.find_partial(network.name).step for network in networks} == {stop}
    assert {name: network.curve for name, network in trained(networks, store).items()} == {
        name: network.curve for name, network in trained(networks).items()
    }


@pytest.mark.parametrize(
    ("before", "after", "steps"), [(1, 2, 12 - 7), (2, 1, 12), (None, 1, 12), (1, None, 12 - 7), (None, 2, 12), (3, 2, 12 - 7)]
)
def test_a_half_trained_network_that_lacks_points_is_trained_from_the_start(tmp_path, before, after, steps):
    store, taken = Store(tmp_path), []
    before, after = (task(training=replace(CURVED, curve_epochs=epochs)) for epochs in (before, after))
    with pytest.raises(KeyboardInterrupt):
        for _ in train_all([before], store, killed(7)):
            pass
    for _ in train_all([after], store, taken.append):
        pass
    assert len(taken) == steps
    assert store.find(after.name).curve == trained([after])[after.name].curve


def test_equal_networks_have_equal_files_with_a_curve_and_without(tmp_path):
    for name, epochs in (("with", 1), ("without", None)):
        run_job(every(epochs, store=tmp_path / name), tmp_path / f"{name}-job")
    assert files(tmp_path / "with", NETWORK) == files(tmp_path / "without", NETWORK)


def test_what_is_no_part_of_a_network_is_in_no_name_but_keeps_it_out_of_the_stacks_of_others():
    assert every(1).run_id == every(None).run_id
    assert [len(group) for group in groups([task(training=CURVED), task(1, training=replace(CURVED, curve_epochs=2))])] == [1, 1]


def test_a_stored_network_without_the_curve_is_trained_again_and_only_its_sidecar_is_written_anew(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    plain, curved = every(None, store=tmp_path), every(2, store=tmp_path)
    seconds = [network.seconds for network in find_or_train(plain)]
    networks, sidecars = files(tmp_path, NETWORK), files(tmp_path, SIDECAR)
    steps: list[int] = []
    curves = [network.curve for network in find_or_train(curved, steps.append)]
    assert sum(steps) == 2 * 12
    assert "2 networks of the store lack the training curve asked for; they are trained again, and stay as they are." in caplog.text
    assert files(tmp_path, NETWORK) == networks
    assert all(contents != sidecars[name] for name, contents in files(tmp_path, SIDECAR).items())
    again = find_or_train(curved, steps.append)
    assert sum(steps) == 2 * 12
    assert [network.curve for network in again] == curves == [trained([each])[each.name].curve for each in planned_networks(curved)]
    assert [network.seconds for network in again] == seconds
    find_or_train(every(1, store=tmp_path), steps.append)  # other epochs: the points of both stay
    find_or_train(curved, steps.append)
    assert sum(steps) == 4 * 12


def test_the_curve_of_another_network_is_not_put_beside_one_of_the_store(tmp_path, caplog):
    plain, curved = every(None, store=tmp_path), planned_networks(every(1))
    find_or_train(plain)
    sidecars = files(tmp_path, SIDECAR)
    for planned in curved:
        network = trained([planned])[planned.name]
        moved = replace(network, parameters={name: tensor + 1 for name, tensor in network.parameters.items()})
        Store(tmp_path).save(planned.name, planned.identity, moved)
        assert f"{planned.name} has other weights than the stored network, which stays without it" in caplog.text
    assert files(tmp_path, SIDECAR) == sidecars


def test_a_record_has_the_curves_of_its_networks_at_the_epochs_asked_for(tmp_path):
    find_or_train(every(1, store=tmp_path / "store"))
    job = every(2, store=tmp_path / "store", networks=3)
    record = run_job(job, tmp_path / "job")
    names = [network["name"] for network in record["networks"]]
    assert sorted((row["network"], row["epoch"], row["split"]) for row in record["training"]) == sorted(
        (name, epoch, split) for name in names for epoch in (0, 2, 3) for split in ("train", "test")
    )
    ends = {row["network"]: row["loss"] for row in record["training"] if (row["epoch"], row["split"]) == (3, "train")}
    assert ends == {network["name"]: network["loss_final"] for network in record["networks"]}
    assert record == read_record(tmp_path / "job")
    assert "training" not in run_job(every(None), tmp_path / "plain")


def test_a_finished_record_without_curves_gets_them_without_measuring_a_pair_again(tmp_path, monkeypatch):
    folder, store = tmp_path / "job", tmp_path / "store"
    first = run_job(every(None, store=store), folder)
    write_failure(folder, every(None).run_id, {}, "MemoryError")
    assert not is_complete(every(2, store=store), folder)
    monkeypatch.setattr(story, "compare_pair", None)  # calling it would be an error
    record = run_job(every(2, store=store), folder)
    assert record == read_record(folder)
    changed = {"config", "training"}
    assert {key: record[key] for key in record.keys() - changed} == {key: first[key] for key in first.keys() - changed}
    monkeypatch.undo()
    assert record["training"] == run_job(every(2), tmp_path / "at once")["training"]
    assert is_complete(every(2, store=store), folder)
    assert not is_complete(every(1, store=store), folder)


def test_a_method_added_later_leaves_curves_as_they_are(tmp_path):
    curves = run_job(every(2), tmp_path)["training"]
    assert run_job(every(None, matching=(Weights(), Activations())), tmp_path)["training"] == curves
    assert is_complete(every(2), tmp_path)


def test_a_note_says_that_a_network_trained_again_ended_elsewhere(tmp_path):
    job = every(1)
    run_job(every(None), tmp_path)
    networks = find_or_train(job)
    assert add_training_curves(job, tmp_path, networks)["notes"] == []
    other = replace(networks[1], facts=replace(networks[1].facts, loss_final=2.0))
    (note,) = add_training_curves(job, tmp_path, [networks[0], other])["notes"]
    assert note.startswith("training curves: network 1 was trained again for its curve and ended at a training loss of 2, where")


def test_curves_are_not_added_to_a_record_that_was_lost(tmp_path):
    with pytest.raises(InputError, match="was lost while training curves were added to it; run the job again"):
        add_training_curves(every(1), tmp_path, find_or_train(every(1)))


def test_the_size_of_a_stack_does_not_change_a_curve_of_a_job(tmp_path):
    jobs = [with_settings(task(), training=replace(CURVED, stack=stack)).job for stack in (1, 2)]
    curves = [run_job(job, tmp_path / str(k))["training"] for k, job in enumerate(jobs)]
    assert curves[0] == curves[1]
