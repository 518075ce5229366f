"""Models that are any `torch.nn.Module`: a subclass gives the module, and its symmetries are derived from its operations."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.models.base import Counts, Model, Shape
from lmc_sweeps.models.torch_module import EXAMPLES, TorchModule
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.proof import prove
from lmc_sweeps.symmetry.tracing import trace

log = logging.getLogger(__name__)
MOST_WIDTH = 2**24  # above it the number of entries of a tensor, some hundred times its square, is no integer of 64 bits


@dataclass(frozen=True, kw_only=True)
class TracedModel(Model):
    """A model of which a subclass gives the module, and nothing else.

    Its networks are all floating-point parameters and buffers that `state_dict` has, under their first names. They begin as the module
    draws them, from PyTorch's generator of the CPU, which is seeded for it and put back: equal seeds give equal bits, and nothing
    outside changes. Which neurons can be relabelled is derived from the module's operations (`symmetry.tracing.trace`), and proved by
    relabelings of a network before the first one of a shape is used (`symmetry.proof.prove`), once in a process.
    """

    @abstractmethod
    def module(self, shape: Shape) -> nn.Module:
        """Return a new module of this shape, of one tensor in and one tensor out: logits, (n, classes), or (n, positions, classes)."""

    def architecture(self, shape: Shape) -> TorchModule:
        """Return the module's mathematics with its symmetry graph.

        Raises
        ------
        InputError
            If the module cannot be traced, has no neurons that can be relabelled, or computes something else after a relabeling.
        """
        return _proved(self, shape)

    def initial(self, shape: Shape, rng: np.random.Generator) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in _tensors(_drawn(self, shape, int(rng.integers(2**63)))).items()}

    def tensor_sizes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in _tensors(_outline(self, shape)).items()}

    def counts(self, shape: Shape) -> Counts:
        """Return the parameters, activations and operations of one network; no network is drawn, however large it is."""
        return TorchModule(_outline(self, shape), _graph(self, shape)).counts(shape, self.tensor_sizes(shape))


@lru_cache(maxsize=256)
def _outline(model: TracedModel, shape: Shape) -> nn.Module:
    """Return a module whose tensors have no values, and take no memory; one whose code asks for values is drawn."""
    if shape.width > MOST_WIDTH:
        raise InputError(f"`width` must be at most {MOST_WIDTH:,} for model={model.name}, got {shape.width}.")
    try:
        return _made(lambda: model.module(shape), "meta")
    except Exception:  # of whatever kind: it is raised again where it is no matter of values
        return _drawn(model, shape, 0)


@lru_cache(maxsize=256)
def _graph(model: TracedModel, shape: Shape) -> Graph:
    """Return the symmetry graph, of a module without values where its code can be traced so."""
    examples = shape.examples(EXAMPLES, model.takes[0], generator(0, "examples"))
    try:
        return trace(_outline(model, shape), examples.to("meta"))
    except InputError:  # it reads a value, or computes with tensors that it makes on the CPU
        return trace(_drawn(model, shape, 0), examples)


@lru_cache(maxsize=16)  # each holds a network
def _proved(model: TracedModel, shape: Shape) -> TorchModule:
    """Return the architecture of a model, whose relabelings were seen to keep what a drawn network computes."""
    graph = _graph(model, shape)
    module, rng = _drawn(model, shape, 0), generator(0, "proof")
    proof = prove(module, graph, shape.examples(EXAMPLES, model.takes[0], rng), rng)
    if proof.gap > proof.rounding:
        raise InputError(
            f"model={model.name}: its outputs change by {proof.gap:.1e} of the largest where its neurons are relabelled: its module does "
            "not compute the same whenever it is called, or not with its parameters alone."
        )
    lost = " ".join(f"{limit.operation} leaves {_first(limit.tensors)} in their order." for limit in graph.limits)
    if not graph.sizes:
        raise InputError(f"model={model.name}: it has no neurons that can be relabelled. {lost}".rstrip())
    if lost:
        log.warning("model=%s: %s", model.name, lost)
    return TorchModule(module, graph)


def _first(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


@one_thread()
def _drawn(model: TracedModel, shape: Shape, seed: int) -> nn.Module:
    return _made(lambda: model.module(shape), "cpu", seed)


def _made(make: Callable[[], nn.Module], device: str, seed: int = 0) -> nn.Module:
    """Return a module that is drawn on a device from a seed, with the generator of the CPU put back."""
    # No `torch.manual_seed`, which seeds the generators of all devices.
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.default_generator.manual_seed(seed)
        return make()


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the floating-point parameters and buffers of a module; one with several names under its first."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and all(tensor is not other for other in tensors.values()):
            tensors[name] = tensor
    return {name: tensor.detach() for name, tensor in tensors.items()}
