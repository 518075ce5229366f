"""The sizes of stacks: within the memory that is set, and the fastest of those that were tried."""

from dataclasses import replace

import pytest
import torch
from small_tasks import task, with_settings

from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.jobs import stack_sizes
from lmc_sweeps.jobs.stack_sizes import most_in_memory, stack_size, training_seconds
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.training.optimizers import Adam
from lmc_sweeps.training.recipe import Training


def test_the_memory_bound_and_the_setting_limit_a_stack():
    tasks = [task(number) for number in range(8)]
    weights, neurons = 16 * 16 + 16 + 16 * 16 + 16, 5 + 6 + 3  # padded to multiples of 16
    bound = 4 * (6 * weights + 4 * 16 * neurons)  # bytes: six copies of the weights, four of a batch's activations
    enough_for_three = Training(epochs=3, batch_size=16, stack_gib=3.5 * bound / 2**30)
    assert most_in_memory(task(training=enough_for_three)) == 3
    assert stack_size([task(number, training=enough_for_three) for number in range(8)]) == 3
    assert stack_size([with_settings(t, training=Training(epochs=3, batch_size=16, stack=2)) for t in tasks]) == 2
    adam = with_settings(task(training=enough_for_three), optimizer=Adam())  # two buffers more, as they were and as they are
    assert most_in_memory(adam) == int(3.5 * bound / (bound + 8 * weights))


def test_without_a_setting_a_stack_takes_two_gib_or_most_of_what_is_free_on_a_gpu(monkeypatch):
    alone = 4 * (6 * (16 * 16 + 16 + 16 * 16 + 16) + 4 * 16 * (5 + 6 + 3))
    assert most_in_memory(task()) == 2 * 2**30 // alone
    monkeypatch.setattr(stack_sizes, "resolve_device", lambda device: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000 * alone, 5000 * alone))
    assert most_in_memory(task()) == 700


def test_the_best_size_is_the_one_that_was_measured_fastest(monkeypatch):
    seconds = {1: 1.0, 2: 0.6, 4: 0.5, 8: 0.55, 16: 0.7, 20: 0.9}
    tried = []
    monkeypatch.setattr(stack_sizes, "seconds_per_network_step", lambda tasks: tried.append(len(tasks)) or seconds[len(tasks)])
    long = Training(epochs=100, batch_size=16)
    assert stack_size([task(number, training=long) for number in range(20)]) == 4
    assert tried == [1, 2, 4, 8, 16]  # two sizes without a gain end the search


def test_a_trial_that_does_not_fit_in_memory_ends_the_search_at_the_best_that_did(monkeypatch):
    def trial(tasks):
        if len(tasks) == 4:
            raise MemoryError
        return 1.0 / len(tasks)

    monkeypatch.setattr(stack_sizes, "seconds_per_network_step", trial)
    assert stack_size([task(number, training=Training(epochs=100, batch_size=16)) for number in range(20)]) == 2


def test_networks_that_are_computed_one_after_the_other_are_trained_alone_unless_a_size_is_set():
    images = Split(torch.randn(32, 1, 8, 8), torch.arange(32) % 3)
    for training, size in ((Training(epochs=1), 1), (Training(epochs=200, batch_size=16), 1), (Training(epochs=1, stack=3), 3)):
        tasks = [with_settings(task(number), model=Cnn(), width=4, training=training) for number in range(4)]
        of_images = [replace(each, job=replace(each.job, data=Data(images, images, 3))) for each in tasks]
        assert stack_size(of_images) == size


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_training_of_few_steps_can_be_estimated(epochs):
    seconds = training_seconds([task(training=Training(epochs=epochs, batch_size=60))])
    assert (seconds > 0) == (epochs > 0)


def test_the_time_of_training_is_estimated_group_by_group(monkeypatch):
    monkeypatch.setattr(stack_sizes, "seconds_per_network_step", lambda tasks: {6: 0.5, 9: 2.0}[tasks[0].settings.width])
    tasks = [*(task(number) for number in range(6)), task(width=9)]
    assert training_seconds(tasks) == 6 * 12 * 0.5 + 12 * 2.0  # 12 steps each


@pytest.mark.parametrize(("duration", "steps"), [(1e-6, 50), (1.0, 7)])  # of short steps as many as are tried at most, of long ones as few
def test_the_time_of_a_step_is_a_mean_and_ends_when_enough_is_measured(duration, steps, monkeypatch):
    def trained(architecture, state, recipes, split, note, steps):
        for step in range(1, steps + 1):
            state.step = step
            note(state)

    moments = [0.0]
    monkeypatch.setattr(stack_sizes, "train", trained)
    monkeypatch.setattr(stack_sizes.time, "perf_counter", lambda: moments.append(moments[-1] + duration) or moments[-1])
    tasks = [task(number, training=Training(epochs=500, batch_size=16)) for number in range(4)]
    assert stack_sizes.seconds_per_network_step(tasks) == pytest.approx(duration / 4)
    assert len(moments) - 2 == 3 + steps  # beside the first two: where time begins, and where the trial does
