"""Sums of what batch norms see: against the layers' own inputs, PyTorch's running statistics, and in parts."""

import pytest
import torch
from normalised_networks import convolutions, drawn, normal, stack_of, tensors
from torch import Tensor, nn
from traced_networks import NETWORKS, Dense, resnet20

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import stacked
from lmc_sweeps.models.batch_norm import batch_norms_of, stacked_norm_sums
from lmc_sweeps.models.functional import BATCH_NORMS

BOTH_WAYS = pytest.mark.parametrize("vmap", [True, False])


class Functional(nn.Module):
    """A batch norm written out beside one that is a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(4, 3), nn.BatchNorm1d(3)
        self.register_buffer("running_mean", torch.zeros(3))
        self.register_buffer("running_var", torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.batch_norm(self.norm(input=self.layer(x)), self.running_mean, self.running_var)


class Twice(nn.Module):
    """One batch norm that is called twice, one that is never called."""

    def __init__(self, has_idle: bool = False) -> None:
        super().__init__()
        self.one, self.two, self.norm = nn.Linear(4, 3), nn.Linear(4, 3), nn.BatchNorm1d(3)
        self.idle = nn.BatchNorm1d(3) if has_idle else None

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.one(x)) + self.norm(self.two(x))


def norm_inputs(module: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Return what every batch norm of a module is applied to, (values, channels), with batch norms in training mode."""
    values: dict[str, list[Tensor]] = {}
    for name, layer in module.eval().named_modules():
        if isinstance(layer, BATCH_NORMS):
            layer.train().register_forward_hook(lambda layer, args, out, name=name: values.setdefault(name, []).append(args[0].detach()))
    module(inputs)
    return {name: torch.cat([each.transpose(0, 1).flatten(1).T for each in calls]) for name, calls in values.items()}


@BOTH_WAYS
@pytest.mark.parametrize("make", [convolutions, Dense, lambda: resnet20(blocks=1), Twice])
def test_sums_are_those_of_what_the_layers_see_in_training_mode(make, vmap: bool) -> None:
    modules = [drawn(make, seed) for seed in range(2)]
    inputs = {2: normal(7, 2, 6, 6), 3: normal(7, 3, 8, 8), 4: normal(7, 4)}[next(modules[0].parameters()).shape[1]]
    sums = stacked_norm_sums(modules[0], stacked([tensors(module) for module in modules]), inputs, vmap)
    assert tuple(sums) == batch_norms_of(modules[0]).names
    for k, module in enumerate(modules):
        for name, values in norm_inputs(module, inputs).items():
            assert sums[name].count == len(values)
            statistics = sums[name].statistics()
            torch.testing.assert_close(statistics[f"{name}.running_mean"][k], values.mean(0), rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(statistics[f"{name}.running_var"][k], values.var(0), rtol=1e-10, atol=1e-12)


def test_after_one_batch_the_statistics_are_those_of_pytorch_without_momentum() -> None:
    module, inputs = drawn(convolutions, 0), normal(9, 2, 6, 6)
    sums = stacked_norm_sums(module, stacked([tensors(module)]), inputs)
    for layer in module.modules():
        if isinstance(layer, BATCH_NORMS):
            layer.train()
            layer.momentum = 1.0
    module(inputs)
    for each in sums.values():
        for name, statistic in each.statistics().items():
            torch.testing.assert_close(statistic[0], module.get_buffer(name), rtol=1e-12, atol=1e-12)


def test_sums_of_two_batches_are_added() -> None:
    module, stack = drawn(lambda: nn.Sequential(nn.BatchNorm1d(4)), 0), stack_of(lambda: nn.Sequential(nn.BatchNorm1d(4)), 2)
    inputs = normal(9, 4)
    whole = stacked_norm_sums(module, stack, inputs)["0"]  # what the first norm sees does not depend on the batch
    parts = [stacked_norm_sums(module, stack, part)["0"] for part in inputs.split([4, 5])]
    both = parts[0] + parts[1]
    assert both.count == whole.count == 9
    torch.testing.assert_close(both.total, whole.total, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(both.squares, whole.squares, rtol=1e-13, atol=1e-13)


def test_sums_are_in_float64_so_that_a_large_mean_does_not_hide_the_variance() -> None:
    module = nn.Sequential(nn.BatchNorm1d(4))
    inputs = (normal(1000, 4) + 1000).float()
    statistics = stacked_norm_sums(module, stacked([tensors(module)]), inputs)["0"].statistics()
    torch.testing.assert_close(statistics["0.running_var"][0], inputs.double().var(0), rtol=1e-8, atol=0)


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.startswith(("vit", "encoder", "gpt"))])
def test_batch_norms_are_found_by_their_type(name: str) -> None:
    module = NETWORKS[name].make()
    expected = tuple(name for name, layer in module.named_modules() if type(layer) is nn.BatchNorm2d)
    assert (batch_norms_of(module).names, batch_norms_of(module).others) == (expected, ())


def test_synchronised_norms_are_found_norms_without_statistics_are_not_and_other_means_are_named() -> None:
    layers = [nn.SyncBatchNorm(3), nn.BatchNorm1d(3, track_running_stats=False), nn.InstanceNorm1d(3, track_running_stats=True)]
    norms = batch_norms_of(nn.Sequential(*layers))
    assert (norms.names, norms.others) == (("0",), ("2.running_mean",))
    norms = batch_norms_of(Functional())
    assert (norms.names, norms.others) == (("norm",), ("running_mean",))
    assert (batch_norms_of(nn.BatchNorm1d(3)).names, batch_norms_of(nn.BatchNorm1d(3)).others) == (("",), ())


def test_an_input_by_name_and_a_module_that_is_itself_a_norm_are_summed_too() -> None:
    module = drawn(Functional, 0)
    sums = stacked_norm_sums(module, stacked([tensors(module)]), inputs := normal(9, 4))
    expected = module.layer(inputs).mean(0)
    torch.testing.assert_close(sums["norm"].statistics()["norm.running_mean"][0], expected, rtol=1e-12, atol=1e-12)
    norm = nn.BatchNorm1d(4).double()
    sums = stacked_norm_sums(norm, stacked([tensors(norm)]), inputs)
    torch.testing.assert_close(sums[""].statistics()["running_mean"][0], inputs.mean(0), rtol=1e-12, atol=1e-12)


def test_a_norm_that_is_not_called_and_statistics_outside_of_the_stack_are_refused() -> None:
    module = drawn(lambda: Twice(has_idle=True), 0)
    with pytest.raises(InputError, match="^the batch norm 'idle' is not called by the network's forward, so its statistics cannot"):
        stacked_norm_sums(module, stacked([tensors(module)]), normal(9, 4))
    module = drawn(Twice, 0)
    stack = {name: tensor for name, tensor in stacked([tensors(module)]).items() if name != "norm.running_var"}
    with pytest.raises(InputError, match="'norm' cannot be computed again: 'norm.running_var' is not in the stack.$"):
        stacked_norm_sums(module, stack, normal(9, 4))


@BOTH_WAYS
def test_the_module_and_the_stack_stay_as_they_are(vmap: bool) -> None:
    module, stack = drawn(convolutions, 0).train(), stack_of(convolutions, 2)
    state = {name: tensor.clone() for name, tensor in (module.state_dict() | stack).items()}
    stacked_norm_sums(module, stack, normal(9, 2, 6, 6), vmap)
    assert all(layer.training and not layer._forward_pre_hooks for layer in module.modules())
    assert all(torch.equal(tensor, state[name]) for name, tensor in (module.state_dict() | stack).items())
