"""A caller's own nn.Sequential: it computes what the module computes, and what is no such chain is refused."""

import re

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.chain_layer import ELEMENTWISE
from lmc_sweeps.models.sequential import from_sequential

SIZES = [6, 9, 5, 7, 3]  # widths that differ by layer


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


def sequential(*after: nn.Module, last: nn.Module | None = None) -> nn.Sequential:
    ends = [] if last is None else [last]
    module = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), *after, nn.Linear(5, 4, bias=False), nn.ReLU(), nn.Linear(4, 3), *ends)
    with torch.no_grad():
        for k, parameter in enumerate(module.parameters()):
            parameter.copy_(normal(*parameter.shape, seed=k))
    return module.double().eval()


def stack_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.unsqueeze(0) for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_a_sequential_with_any_elementwise_activation_is_understood(kind: type[nn.Module]) -> None:
    module, x = sequential(kind()), normal(8, 2, 3)
    logits = from_sequential(module).forward(stack_of(module), x.flatten(1))[0]
    torch.testing.assert_close(logits, module(x), rtol=1e-12, atol=1e-13)


def test_settings_of_an_activation_are_kept() -> None:
    module, x = sequential(nn.LeakyReLU(0.7), nn.ELU(alpha=2.5)), normal(8, 6)
    torch.testing.assert_close(from_sequential(module).forward(stack_of(module), x)[0], module(x), rtol=1e-12, atol=1e-13)


def test_dropout_is_switched_off_and_the_callers_module_keeps_its_mode() -> None:
    module, x = sequential(nn.ReLU(), nn.Dropout(0.9)), normal(8, 6)
    expected = module(x)
    module.train()
    torch.testing.assert_close(from_sequential(module).forward(stack_of(module), x)[0], expected, rtol=1e-12, atol=1e-13)
    assert module.training
    assert all(child.training for child in module)


def test_one_activation_object_in_two_places_is_applied_in_both() -> None:
    tanh = nn.Tanh()
    module = nn.Sequential(nn.Linear(6, 5), tanh, nn.Linear(5, 5), tanh, nn.Linear(5, 3)).double()
    x = normal(8, 6)
    torch.testing.assert_close(from_sequential(module).forward(stack_of(module), x)[0], module(x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("last", [nn.LogSoftmax(dim=1), nn.LogSoftmax(dim=-1), nn.Softmax(dim=1), nn.Softmax(dim=-1)])
def test_a_last_softmax_is_taken_over_the_classes_in_a_stack_too(last: nn.Module) -> None:
    module, x = sequential(nn.ReLU(), last=last), normal(8, 6)
    architecture = from_sequential(module)
    # the loss is taken of logarithms: probabilities come out as theirs
    logarithms = module(x).log() if isinstance(last, nn.Softmax) else module(x)
    torch.testing.assert_close(architecture.forward(stack_of(module), x)[0], logarithms, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(architecture.module(module.state_dict())(x), logarithms, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("module", "layer", "kind"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)), "1", "BatchNorm1d"),
        (nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2)), "1", "LayerNorm"),
        (nn.Sequential(nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 2)), "0", "ReLU"),  # before the first layer
        (nn.Sequential(nn.Linear(4, 4), nn.Flatten(), nn.Linear(4, 2)), "1", "Flatten"),
        (nn.Sequential(nn.Linear(4, 4), nn.Softmax(dim=-1), nn.Linear(4, 2)), "1", "Softmax"),  # in the middle
        (nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2), nn.LogSoftmax(dim=0)), "3", "LogSoftmax"),  # over the examples
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(4, 2)), "0", "Conv2d"),
        (nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 2)), "0", "Sequential"),
    ],
)
def test_a_layer_that_is_not_elementwise_is_named_with_everything_that_is_allowed(module: nn.Sequential, layer: str, kind: str) -> None:
    allowed = "ReLU, Tanh, GELU, Sigmoid, SiLU, LeakyReLU, ELU, SELU, Softplus, Mish, Hardtanh, ReLU6, Identity, Dropout"  # every choice
    message = f"layer '{layer}' is a {kind}; without a specification, a network must be an nn.Sequential of Linear layers and"
    with pytest.raises(
        InputError, match=f"^{message} elementwise activation functions {re.escape(f'({allowed})')}. Pass `permutation_spec` for others"
    ):
        from_sequential(module)


@pytest.mark.parametrize(("module", "count"), [(nn.Sequential(), 0), (nn.Sequential(nn.Linear(4, 2), nn.ReLU()), 1)])
def test_a_network_without_a_hidden_layer_is_refused(module: nn.Sequential, count: int) -> None:
    message = rf"^a network needs at least one hidden layer to be matched, got {count} linear layer\(s\)\.$"
    with pytest.raises(InputError, match=message):
        from_sequential(module)


def test_layers_that_share_a_parameter_are_refused() -> None:
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = one.weight
    for middle in (one, other):  # the same layer twice, or two layers with one weight
        with pytest.raises(InputError, match="^two layers share a parameter, which a permutation of one layer would change in both"):
            from_sequential(nn.Sequential(one, nn.ReLU(), middle, nn.ReLU(), nn.Linear(4, 2)))


def test_a_sequential_with_a_forward_of_its_own_is_refused() -> None:
    class Residual(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return x + super().forward(x)

    class Named(nn.Sequential):
        """A subclass that changes nothing."""

    with pytest.raises(InputError, match=r"^a Residual has a `forward` of its own, not nn\.Sequential's\. Pass `permutation_spec`"):
        from_sequential(Residual(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)))
    assert len(from_sequential(Named(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))).layers) == 2


@pytest.mark.parametrize("last", [nn.LogSoftmax(dim=-1), nn.Softmax(dim=-1), None])
def test_the_line_of_a_network_that_ends_in_a_softmax_is_that_of_its_modules(last: nn.Module | None) -> None:
    module = sequential(nn.ReLU(), last=last)
    architecture = from_sequential(module)
    a, b = ({name: normal(*p.shape, seed=k, dtype=torch.float32) for name, p in module.state_dict().items()} for k in (1, 2))
    x, t = normal(9, 6, dtype=torch.float32), torch.tensor([0.0, 0.3, 1.0])
    identity = {group: np.arange(size) for group, size in architecture.spec.sizes(a).items()}
    line = architecture.line_logits(a, b, [identity], t, x)[0]
    for k in range(3):
        interpolated = architecture.module({name: torch.lerp(a[name], b[name], t[k]) for name in a})
        torch.testing.assert_close(line[k], interpolated(x), rtol=1e-4, atol=1e-5)
