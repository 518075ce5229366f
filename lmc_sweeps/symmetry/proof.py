"""The proof that a symmetry graph keeps what a network computes: random relabelings, in float64, and some that must not."""

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.graph import Graph, mapped
from lmc_sweeps.symmetry.maps import Map, Permutation

DRAWS = 3
ROUNDING = 1e-9  # of the largest output, in float64: sums in another order differ by some 1e-15
ROUNDING_FLOAT32 = 1e-4  # where the code of a module does not take float64
SEEN = 1e-6  # of the largest output: a difference that is none of rounding


@dataclass(frozen=True)
class Proof:
    """What random relabelings changed, in units of the largest output.

    `gap` is the largest difference over all draws, with all groups relabelled at once. `control` is, by group, the largest difference when
    one axis of one tensor alone is relabelled: it must be seen, or nothing would be proved. `idle` are the groups where it is not: whose
    neurons cannot be told apart, as of zeros that are read. `rounding` is the gap that is none.
    """

    gap: float
    control: Mapping[str, float]
    rounding: float = ROUNDING

    @property
    def idle(self) -> tuple[str, ...]:
        return tuple(group for group, gap in self.control.items() if gap < SEEN)

    @property
    def holds(self) -> bool:
        """Whether the function is kept, and every group's control is seen."""
        return self.gap <= self.rounding and not self.idle


def prove(module: nn.Module, graph: Graph, example: Tensor | tuple[Any, ...], rng: np.random.Generator, draws: int = DRAWS) -> Proof:
    r"""Return how far relabelings by the graph change a module's outputs, and how far those do that break it.

    .. math:: \max_x \| f_{\pi(\theta)}(x) - f_\theta(x) \|_\infty / \max_x \| f_\theta(x) \|_\infty

    in float64 (in its own type where its code does not take that) and in evaluation mode, of a copy whose scales, shifts, biases and
    running statistics are drawn anew first: where they are all 1 or 0, as when a network begins, no relabeling of them could be seen.

    Parameters
    ----------
    module : nn.Module
        Not changed.
    graph : Graph
    example : Tensor or tuple
        Inputs.
    rng : numpy.random.Generator
    draws : int

    Returns
    -------
    Proof

    Raises
    ------
    InputError
        If a parameter or buffer of the module with axes is not in the graph.
    """
    function = Evaluation(module, graph, example, rng)
    tensors = function.tensors
    gap = max(function.gap(graph.apply(tensors, _relabeling(graph, rng))) for _ in range(draws))
    return Proof(gap, {group: max(_controls(function, graph, group)) for group in graph.sizes}, function.rounding)


class Evaluation:
    """A module's outputs as a function of its tensors: in float64, in evaluation mode, of random scales, shifts, biases and statistics.

    Parameters
    ----------
    module : nn.Module
        Not changed.
    graph : Graph
    example : Tensor or tuple
        Inputs.
    rng : numpy.random.Generator
    both_signs : bool
        Whether half of what is drawn of every parameter is negative, so that no activation function sees but its positive side, on which
        it may be linear. Where outputs are no longer finite then, as of the root of a parameter, all is positive.

    Attributes
    ----------
    module : nn.Module
        The copy that is evaluated, whose own tensors are not looked at.
    inputs : tuple
        The example, in its type.
    tensors : dict of str to Tensor
        Those that differences are taken from.
    rounding : float
        The gap that is none.

    Raises
    ------
    InputError
        If a parameter or buffer of the module with axes is not in the graph.
    """

    def __init__(
        self, module: nn.Module, graph: Graph, example: Tensor | tuple[Any, ...], rng: np.random.Generator, *, both_signs: bool = False
    ) -> None:
        self.module, self.inputs, self.rounding = _exact(module, example if isinstance(example, tuple) else (example,))
        named = {name: tensor for name, tensor in self.module.state_dict().items() if name not in graph.tied and isinstance(tensor, Tensor)}
        tensors = {name: tensor.detach() for name, tensor in named.items() if tensor.is_floating_point()}
        uncovered = [name for name, tensor in tensors.items() if tensor.dim() and name not in graph.axes]
        if uncovered:
            raise InputError(f"the symmetry graph must have an entry for every parameter and buffer, and lacks {', '.join(uncovered)}.")
        self.tensors = _drawn(tensors, rng)
        self._outputs = self._computed(self.tensors)
        if both_signs:
            signed = _with_both_signs(self.tensors, tensors, {name for name, _ in self.module.named_parameters()}, rng)
            outputs = self._computed(signed)
            if all(torch.equal(torch.isfinite(one), torch.isfinite(other)) for one, other in zip(outputs, self._outputs, strict=True)):
                self.tensors, self._outputs = signed, outputs

    def gap(self, tensors: Mapping[str, Tensor]) -> float:
        """Return how far other tensors change the outputs, in units of the largest."""
        return relative_gap(self._outputs, self._computed(tensors))

    @torch.no_grad()
    def _computed(self, tensors: Mapping[str, Tensor]) -> list[Tensor]:
        return _leaves(functional_call(self.module, dict(tensors), copy.deepcopy(self.inputs)))  # a module may change its inputs in place


def _exact(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[nn.Module, tuple[Any, ...], float]:
    """Return a copy of a module and its inputs in float64, or as they are where its code does not take that, with what is rounding."""
    own, exact = (copy.deepcopy(module).eval() for _ in range(2))
    values = tuple(part.double() if isinstance(part, Tensor) and part.is_floating_point() else part for part in inputs)
    try:
        with torch.no_grad():
            exact.double()(*copy.deepcopy(values))
    except Exception:  # of whatever kind: a type that the module makes itself does not fit
        return own, inputs, ROUNDING_FLOAT32
    return exact, values, ROUNDING


def _drawn(tensors: Mapping[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """Return the tensors with those of one axis, and those of equal entries, drawn anew, positive: a variance stays one."""
    return {
        name: torch.from_numpy(rng.uniform(0.5, 1.5, tuple(tensor.shape))).to(tensor.device, tensor.dtype)
        if tensor.dim() == 1 or (tensor.numel() > 1 and bool((tensor == tensor.flatten()[0]).all()))
        else tensor
        for name, tensor in tensors.items()
    }


def _with_both_signs(
    drawn: Mapping[str, Tensor], own: Mapping[str, Tensor], parameters: Collection[str], rng: np.random.Generator
) -> dict[str, Tensor]:
    """Return the tensors with every other entry, at random, negative in those that were drawn and are parameters."""
    signed = dict(drawn)
    for name in [name for name, tensor in drawn.items() if name in parameters and tensor is not own[name]]:
        signs = rng.permutation(np.resize(rng.permutation([-1.0, 1.0]), drawn[name].numel())).reshape(tuple(drawn[name].shape))
        signed[name] = drawn[name] * torch.from_numpy(signs).to(drawn[name])
    return signed


def _relabeling(graph: Graph, rng: np.random.Generator) -> dict[str, Permutation]:
    return {group: Permutation(rng.permutation(size)) for group, size in graph.sizes.items()}


def _controls(function: Evaluation, graph: Graph, group: str) -> list[float]:
    """Return how far relabelings of one axis of one tensor alone change the outputs, until one is seen."""
    moved = Permutation(np.roll(np.arange(graph.sizes[group]), 1))  # none stays
    gaps = [0.0]
    for gap in control_gaps(function, graph, function.tensors, group, moved):
        gaps.append(gap)
        if gap >= SEEN:
            break
    return gaps


def control_gaps(function: Evaluation, graph: Graph, tensors: Mapping[str, Tensor], group: str, mapping: Map) -> Iterator[float]:
    """Yield how far the map of a group changes the outputs where one axis of one tensor alone is mapped."""
    for name, k in graph.holders(group):
        yield function.gap({**tensors, name: mapped(tensors[name], k, graph.axes[name][k], {group: mapping})})


def _leaves(value: Any) -> list[Tensor]:
    """Return the numbers of all tensors in what a module returns."""
    if isinstance(value, Tensor):
        return [value.double()] if value.numel() else []
    parts = list(value.values()) if isinstance(value, Mapping) else list(value) if isinstance(value, list | tuple) else []
    return [leaf for part in parts for leaf in _leaves(part)]


def relative_gap(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Return the largest difference over the largest number; infinity where shapes differ, or what is not finite does."""
    gap = largest = 0.0
    for first, second in zip(one, other, strict=True):
        finite = torch.isfinite(first)
        if first.shape != second.shape or not torch.equal(first[~finite].nan_to_num(), second[~finite].nan_to_num()):
            return float("inf")
        if not torch.equal(finite, torch.isfinite(second)):
            return float("inf")
        if bool(finite.any()):
            gap = max(gap, float((first - second)[finite].abs().max()))
            largest = max(largest, float(first[finite].abs().max()))
    return gap / largest if largest > 0 else gap
