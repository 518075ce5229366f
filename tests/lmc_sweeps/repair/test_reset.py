"""`reset`: against the definition, PyTorch's own cumulative statistics, itself twice, and in other orders."""

import numpy as np
import pytest
import torch
from normalised_networks import SPEC, architecture, by_hand, convolutions, drawn, split, stack_of, tensors
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Shape, stacked, unstack
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.repair.reset import Reset

SHAPE = Shape((6,), 8, 2, 3)
STATISTICS = tuple(name for name in SPEC.axes if "running" in name)


def images(inputs: Tensor) -> Split:
    return Split(inputs, torch.zeros(len(inputs), dtype=torch.long))


def test_the_statistics_are_those_of_all_training_data_that_the_norms_see_batch_by_batch() -> None:
    stack, train = stack_of(convolutions), split(23)
    repaired = Reset(batch_size=8).reset(architecture(), stack, train)
    for k in range(3):
        module = drawn(convolutions, k)
        first, second = [], []
        for start in range(3):  # every third example: batches of 8, 8 and 7
            inputs = module[0](train.inputs[start::3])
            first.append(inputs)
            second.append(module[3](module[2](module[1].train()(inputs))))
        for name, values in (("1", first), ("4", second)):
            rows = torch.cat([each.transpose(0, 1).flatten(1) for each in values], 1)
            torch.testing.assert_close(repaired[f"{name}.running_mean"][k], rows.mean(1), rtol=1e-11, atol=1e-12)
            torch.testing.assert_close(repaired[f"{name}.running_var"][k], rows.var(1), rtol=1e-11, atol=1e-12)


def test_with_one_batch_the_repaired_network_is_the_network_in_training_mode_up_to_the_factor_of_the_variance() -> None:
    train, stack = split(40), stack_of(convolutions)
    code = architecture()
    repaired = Reset(batch_size=40).reset(code, stack, train)
    for prefix, values in (("1", 40 * 16), ("4", 40 * 4)):
        repaired[f"{prefix}.running_var"] *= (values - 1) / values
    in_training, _ = code.training_forward(stack, train.inputs.expand(3, *train.inputs.shape))
    torch.testing.assert_close(code.forward(repaired, train.inputs), in_training, rtol=1e-10, atol=1e-10)


def test_a_network_that_is_reset_twice_has_the_same_statistics_whatever_they_were() -> None:
    stack, train, code = stack_of(convolutions), split(23), architecture()
    once = Reset(batch_size=8).reset(code, stack, train)
    wild = {name: torch.full_like(tensor, 1e6) if name in STATISTICS else tensor for name, tensor in stack.items()}
    for again in (Reset(batch_size=8).reset(code, once, train), Reset(batch_size=8).reset(code, wild, train)):
        for name in STATISTICS:
            torch.testing.assert_close(again[name], once[name], rtol=1e-10, atol=1e-10)


def test_the_order_of_batches_and_of_examples_within_one_does_not_matter() -> None:
    stack, train, code, rng = stack_of(convolutions), split(24), architecture(), np.random.default_rng(0)
    expected = Reset(batch_size=8).reset(code, stack, train)
    batches = [train.inputs[start::3][torch.from_numpy(rng.permutation(8))] for start in rng.permutation(3)]
    moved = torch.stack(batches, 1).flatten(0, 1)  # batch i is every third example from the i-th on
    shuffled = Reset(batch_size=8).reset(code, stack, images(moved))
    for name in STATISTICS:
        torch.testing.assert_close(shuffled[name], expected[name], rtol=1e-10, atol=1e-10)


def test_a_stack_is_its_networks_one_by_one() -> None:
    stack, train, code = stack_of(convolutions), split(24), architecture()
    together = Reset(batch_size=8).reset(code, stack, train)
    for k in range(3):
        alone = Reset(batch_size=8).reset(code, stacked([unstack(stack, k)]), train)
        for name in STATISTICS:
            torch.testing.assert_close(together[name][k], alone[name][0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n", "batch_size", "sizes"), [(9, 4, [3, 3, 3]), (9, 8, [5, 4]), (5, 2, [3, 2]), (3, 2, [3]), (2, 500, [2])])
def test_no_batch_has_one_example(n: int, batch_size: int, sizes: list[int]) -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).double()
    stack, inputs = stacked([tensors(module)]), split(n).inputs[:, 0, 0, :4]
    assert [len(batch) for batch in Reset(batch_size=batch_size)._batches(inputs)] == sizes
    repaired = Reset(batch_size=batch_size).reset(by_hand(module), stack, images(inputs))
    expected = module[0](inputs)
    torch.testing.assert_close(repaired["1.running_mean"][0], expected.mean(0), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(repaired["1.running_var"][0], expected.var(0), rtol=1e-10, atol=1e-10)


def test_float32_networks_keep_their_type_and_are_near_those_of_float64() -> None:
    train = split(23)
    single = Reset().reset(architecture(torch.float32), stack_of(convolutions, dtype=torch.float32), split(23, dtype=torch.float32))
    double = Reset().reset(architecture(), {k: t.double() for k, t in stack_of(convolutions, dtype=torch.float32).items()}, train)
    for name in STATISTICS:
        assert single[name].dtype == torch.float32
        torch.testing.assert_close(single[name].double(), double[name], rtol=1e-4, atol=1e-4)


def test_without_batch_norm_the_stack_comes_back_as_it_is_with_a_note() -> None:
    settings = Mlp()
    chain = settings.architecture(SHAPE)
    stack = stacked([settings.initial(SHAPE, np.random.default_rng(0))])
    for code in (chain, by_hand(chain.module(unstack(stack, 0)))):
        assert not Reset().applies(code)
        assert Reset().notes(code) == ("reset: there is no batch norm with running statistics, so nothing was computed again.",)
        repaired = Reset().reset(code, stack, images(torch.ones(1, 6)))
        assert all(repaired[name] is tensor for name, tensor in stack.items())
    assert Reset().applies(architecture())
    assert Reset().notes(architecture()) == ()


def test_statistics_of_other_layers_are_named_in_a_note() -> None:
    module = nn.Sequential(nn.Conv1d(2, 3, 1), nn.InstanceNorm1d(3, track_running_stats=True), nn.BatchNorm1d(3))
    assert Reset().notes(by_hand(module)) == (
        "reset: 1.running_mean is not of a layer of type BatchNorm1d, BatchNorm2d, BatchNorm3d or SyncBatchNorm; these statistics were not "
        "computed again.",
    )


def test_settings_and_data_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="^`repair.reset.batch_size` must be an integer of at least 2, got 1"):
        Reset(batch_size=1)
    with pytest.raises(InputError, match="^repair=reset needs at least 2 training examples, got 1.$"):
        Reset().reset(architecture(), stack_of(convolutions), split(1))


def test_statistics_of_some_examples_are_those_of_a_pass_over_these() -> None:
    stack, train = stack_of(convolutions), split(24)
    few = Reset(examples=8).reset(architecture(), stack, train)
    rows = torch.arange(8) * 3
    alone = Reset().reset(architecture(), stack, Split(train.inputs[rows], train.labels[rows]))
    for name, tensor in alone.items():
        assert torch.equal(few[name], tensor)
