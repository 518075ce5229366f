"""Stacks of networks: gone on with bit for bit after a kill, halved when memory runs out, each network trained once."""

import logging
import math
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_tasks import task, with_settings

from lmc_sweeps.common.time_limit import TimeLimitReached
from lmc_sweeps.jobs import stacks
from lmc_sweeps.jobs.network_files import PartialNetwork
from lmc_sweeps.jobs.planned import PlannedNetwork, groups
from lmc_sweeps.jobs.stacks import train_all
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.training.optimizers import Adam, AdamW, Sgd
from lmc_sweeps.training.recipe import Training

NOWHERE = Store(None)


def all_trained(tasks, store=NOWHERE):
    networks = {}
    for trained in train_all(tasks, store, lambda steps: None):
        networks |= trained
    return networks


def assert_same_networks(left, right):
    assert left.keys() == right.keys()
    for name, network in left.items():
        assert network.facts == right[name].facts
        for key, tensor in network.parameters.items():
            assert torch.equal(tensor, right[name].parameters[key]), (name, key)


def test_schedules_and_all_settings_of_an_optimizer_may_differ_within_a_group():
    warm = Training(epochs=3, batch_size=16, schedule="warmup_cosine", warmup_steps=2)
    tasks = [task(), task(1, training=warm), task(2, optimizer=Sgd(lr=0.3, momentum=0.0)), task(3, optimizer=Sgd(weight_decay=0.1))]
    adaptive = [task(0, optimizer=Adam()), task(1, optimizer=AdamW()), task(2, optimizer=Adam(beta1=0.5, epsilon=1e-3))]
    for group in (tasks, adaptive):
        assert len(groups(group)) == 1
        expected = {}
        for single in group:
            expected |= all_trained([single])
        assert_same_networks(all_trained(group), expected)


def test_a_network_whose_loss_is_not_finite_is_told_apart_though_its_weights_are(monkeypatch):
    # With logits of 3e38 and -3e38 the loss of the second class overflows, while its gradient, p - y, is finite.
    initial = {name: torch.zeros_like(tensor) for name, tensor in task().initial().items()}
    initial["output.bias"] = torch.tensor([3e38, -3e38, 0.0])
    monkeypatch.setattr(PlannedNetwork, "initial", lambda self: initial)
    (network,) = all_trained([task()]).values()
    assert all(bool(tensor.isfinite().all()) for tensor in network.parameters.values())
    assert network.facts.finite is False


@pytest.mark.parametrize("stack", [1, 2, 3, None])
def test_the_size_of_stacks_changes_no_bit(stack):
    tasks = [
        task(number, seed=seed, optimizer=optimizer)
        for seed in (0, 1)
        for number in (0, 1)
        for optimizer in (Sgd(), Sgd(lr=0.2), Adam(), AdamW())
    ]
    expected = {}
    for single in tasks:
        expected |= all_trained([single])
    sized = [with_settings(t, training=replace(t.settings.training, stack=stack)) for t in tasks]
    assert_same_networks(all_trained(sized), expected)


@pytest.mark.parametrize("optimizer", [Sgd(), Adam(), AdamW()], ids=lambda o: o.name)
@pytest.mark.parametrize("stop", [1, 4, 7, 11])
def test_a_stack_that_was_killed_goes_on_bit_for_bit_from_where_it_was_kept(tmp_path, caplog, optimizer, stop):
    caplog.set_level(logging.INFO)
    always = Training(epochs=3, batch_size=16, checkpoint_seconds=0.0)  # 12 steps, kept after each
    tasks = [task(number, optimizer=optimizer, training=always) for number in range(3)]
    store, steps = Store(tmp_path), []

    def killed(networks: int) -> None:
        steps.append(networks)
        if len(steps) == stop + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        for _ in train_all(tasks, store, killed):
            pass
    assert {store.find_partial(t.name).step for t in tasks} == {stop}
    resumed: list[int] = []
    networks = {}
    for trained in train_all(tasks, store, resumed.append):
        networks |= trained
    assert resumed == [3] * (12 - stop)
    assert f"going on with 3 networks at step {stop}" in caplog.text
    assert_same_networks(networks, all_trained(tasks))
    assert [store.find_partial(t.name) for t in tasks] == [None] * 3  # what is finished leaves nothing half done


def test_networks_kept_at_different_steps_go_on_side_by_side(tmp_path):
    always = Training(epochs=3, batch_size=16, checkpoint_seconds=0.0)
    tasks = [task(number, training=always) for number in range(4)]
    for part, stop in ((tasks[:2], 3), (tasks[2:3], 7)):
        count = []

        def killed(networks: int, stop: int = stop, count: list[int] = count) -> None:
            count.append(networks)
            if len(count) == stop + 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            for _ in train_all(part, Store(tmp_path), killed):
                pass
    steps: list[int] = []
    networks = {}
    for trained in train_all(tasks, Store(tmp_path), steps.append):
        networks |= trained
    assert sum(steps) == 2 * (12 - 3) + (12 - 7) + 12
    assert_same_networks(networks, all_trained(tasks))


@pytest.mark.parametrize("stop", [1, 5])
def test_an_interruption_waits_for_the_end_of_a_step_and_the_stack_is_kept(tmp_path, stop):
    tasks, store, count = [task(), task(1)], Store(tmp_path), []

    def interrupted(networks: int) -> None:
        count.append(networks)
        if len(count) == stop:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        for _ in train_all(tasks, store, interrupted):
            pass
    assert [store.find_partial(each.name).step for each in tasks] == [stop, stop]
    assert_same_networks(all_trained(tasks, store), all_trained(tasks))


def test_an_interruption_in_the_last_step_finds_the_stack_trained(tmp_path):
    tasks, store, count = [task(), task(1)], Store(tmp_path), []

    def interrupted(networks: int) -> None:
        count.append(networks)
        if len(count) == tasks[0].steps:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        for _ in train_all(tasks, store, interrupted):
            pass
    assert all(store.holds(each.name) for each in tasks)


def test_a_step_that_hangs_fails_its_stack_and_what_was_kept_is_gone_on_with(tmp_path):
    always = Training(epochs=3, batch_size=16, checkpoint_seconds=0.0)
    tasks, store, count = [task(number, training=always, time_limit=2.0) for number in (0, 1)], Store(tmp_path), []

    def hanging(networks: int) -> None:
        count.append(networks)
        if len(count) == 4:
            time.sleep(600)

    with pytest.raises(TimeLimitReached, match="^a step of training 2 networks of width 6 took longer than `time_limit` = 2 s; "):
        for _ in train_all(tasks, store, hanging):
            pass
    assert [store.find_partial(each.name).step for each in tasks] == [3, 3]
    assert_same_networks(all_trained(tasks, store), all_trained(tasks))


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_stack_without_enough_memory_is_trained_in_halves(monkeypatch, caplog, error):
    tasks = [task(number) for number in range(5)]
    expected, train, sizes = all_trained(tasks), stacks.train, []

    def small_only(architecture, state, recipes, *others):
        sizes.append(len(recipes))
        if len(recipes) > 2:
            raise error
        return train(architecture, state, recipes, *others)

    monkeypatch.setattr(stacks, "train", small_only)
    assert_same_networks(all_trained(tasks), expected)
    assert sizes == [5, 2, 3, 1, 2]
    assert "a stack of 5 networks ran out of memory; its halves are trained one after the other." in caplog.messages


def test_a_network_that_does_not_fit_alone_and_other_errors_go_up(monkeypatch):
    def broken(error):
        def raise_it(*_):
            raise error

        return raise_it

    for tasks, error in (([task()], MemoryError("alone")), ([task(), task(1)], RuntimeError("something else"))):
        monkeypatch.setattr(stacks, "train", broken(error))
        with pytest.raises(type(error), match=str(error)):
            all_trained(tasks)


@pytest.mark.parametrize("precision", ["bfloat16", "bfloat16_factors"])
def test_bfloat16_rounds_the_products_of_training_and_nothing_else(precision):
    (exact,), (rounded,) = (list(all_trained([task(precision=each)]).values()) for each in ("float32", precision))
    assert rounded.facts.loss_initial == exact.facts.loss_initial  # losses are computed in float32
    assert rounded.facts.loss_final == pytest.approx(exact.facts.loss_final, rel=0.02)
    for name, tensor in rounded.parameters.items():
        assert tensor.dtype == torch.float32
        assert not torch.equal(tensor, tensor.bfloat16().float())  # master weights are not rounded
        assert not torch.equal(tensor, exact.parameters[name])
        torch.testing.assert_close(tensor, exact.parameters[name], rtol=0, atol=0.05)


def test_a_weight_that_is_not_finite_is_told_though_the_losses_are(monkeypatch):
    # A weight of minus infinity from a positive input makes a neuron that is silent behind its ReLU: no loss shows it.
    initial = {name: tensor.clone() for name, tensor in task().initial().items()}
    initial["hidden_1.weight"][0], initial["hidden_1.bias"][0] = 0.0, -torch.inf
    monkeypatch.setattr(PlannedNetwork, "initial", lambda self: initial)
    (network,) = all_trained([task()]).values()
    assert all(map(math.isfinite, (network.facts.loss_initial, network.facts.loss_final)))
    assert network.facts.finite is False


@pytest.mark.parametrize("method", ["a file in the way", "damaged"])
def test_a_store_that_cannot_be_written_or_read_costs_time_and_no_result(tmp_path, caplog, method):
    tasks = [task(), task(1)]
    store = Store(tmp_path / "store")
    if method == "a file in the way":
        (tmp_path / "store").write_text("no folder")
    else:
        store.save_partial(tasks[0].name, tasks[0].identity, PartialNetwork({"parameters": {}}, 1.0, 3, 1.0))
        path = next(Path(tmp_path).rglob("*.partial"))
        path.write_bytes(path.read_bytes()[:-3])
    assert_same_networks(all_trained(tasks, store), all_trained(tasks))
    assert ("cannot be kept in the store" if method == "a file in the way" else "will be trained from the start") in caplog.text


def test_networks_that_share_their_data_order_differ_by_their_beginnings_only():
    own, shared = (
        [task(number, training=Training(epochs=2, batch_size=16, data_order=kind)) for number in (0, 1)] for kind in ("own", "shared")
    )
    assert [each.recipe.number for each in own] == [0, 1]
    assert [each.recipe.number for each in shared] == [0, 0]
    assert shared[0].name == own[0].name  # network 0's order is the one that is shared: it is trained once
    assert len({each.name for each in (*own, *shared)}) == 3
    apart = all_trained(own), all_trained(shared)
    weights = [
        trained[each.name].parameters["hidden_1.weight"] for trained, both in zip(apart, (own, shared), strict=True) for each in both
    ]
    assert torch.equal(weights[0], weights[2])  # and rightly
    assert not torch.equal(weights[1], weights[3])  # network 1 has left its own
    assert not torch.equal(weights[2], weights[3])  # the beginnings still differ
