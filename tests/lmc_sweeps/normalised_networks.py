"""Networks with batch norms for the tests of several rooms: architectures, stacks of them, and data."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.models.base import stacked
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.graph import Graph

CLASSES = 3
SPEC = PermutationSpec(
    {
        "0.weight": ("one", None, None, None),
        **{f"1.{name}": ("one",) for name in ("weight", "bias", "running_mean", "running_var")},
        "3.weight": ("two", "one", None, None),
        "3.bias": ("two",),
        **{f"4.{name}": ("two",) for name in ("weight", "bias", "running_mean", "running_var")},
        "8.weight": (None, "two"),
        "8.bias": (None,),
    }
)


def convolutions() -> nn.Module:
    """Return two convolutions, each with a batch norm, and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5), nn.Tanh(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, CLASSES),
    )  # fmt: skip


def drawn(make: Callable[[], nn.Module], seed: int, dtype: torch.dtype = torch.float64) -> nn.Module:
    """Return a network with weights of its own, and running statistics as if it had been trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = make().to(dtype)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_()
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
    return module.eval()


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return copies of the parameters and of the buffers of floating-point numbers."""
    named = (*module.named_parameters(), *module.named_buffers())
    return {name: tensor.detach().clone() for name, tensor in named if tensor.is_floating_point()}


def stack_of(make: Callable[[], nn.Module], networks: int = 3, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    return stacked([tensors(drawn(make, seed, dtype)) for seed in range(networks)])


def architecture(dtype: torch.dtype = torch.float64) -> TorchModule:
    """Return the mathematics of `convolutions`."""
    return by_hand(convolutions().to(dtype), SPEC.axes)


def by_hand(module: nn.Module, axes: Mapping[str, tuple[str | None, ...]] | None = None) -> TorchModule:
    """Return the mathematics of a module with the groups that a specification says, or none."""
    held = tensors(module)
    buffers = [name for name, _ in module.named_buffers() if name in held]
    return TorchModule(module, Graph.by_hand(axes or {name: (None,) * tensor.dim() for name, tensor in held.items()}, held, buffers))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def split(n: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Split:
    """Return n images of 6 x 6 pixels in two channels, with labels."""
    labels = torch.from_numpy(np.random.default_rng(seed + 1).integers(0, CLASSES, n))
    return Split(normal(n, 2, 6, 6, seed=seed).to(dtype), labels)
