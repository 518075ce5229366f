"""Weight matching over the richest maps that a problem allows: permutations, and orthogonal maps of groups that are coordinates."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps import transport
from lmc_sweeps.matching.all_weights import LEAST_GAIN, AllWeightsMatching, squares
from lmc_sweeps.matching.neuron_weights import all_rows
from lmc_sweeps.matching.problem import Maps, MatchingProblem, NetworkView
from lmc_sweeps.matching.soft_maps import matrix
from lmc_sweeps.matching.tensor_maps import TensorMap, tensor_maps
from lmc_sweeps.maths.orthogonal import procrustes
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.symmetry.maps import Permutation
from lmc_sweeps.transport.ties import TieRule

Values = Mapping[str, np.ndarray]  # by group an order (n,), an orthogonal matrix (n, n), or one for each head (heads, n, n)


@dataclass(frozen=True)
class Unit:
    """What is given its best maps at once: one group, or the heads of a layer with the groups of coordinates inside of them."""

    group: str
    inside: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        return (self.group, *self.inside)


class Search:
    r"""The search for maps Q that make the distance of all parameters small, one unit after the other given the others.

    .. math:: \min_Q \|\theta_A - Q \theta_B\|^2 = \|\theta_A\|^2 + \|\theta_B\|^2 - 2 \max_Q \sum_p \langle W^p_A, Q W^p_B \rangle

    The sum is linear in the map of one group, :math:`\langle G, Q \rangle`: the best permutation is a transport of G, the best orthogonal
    matrix that of Procrustes' problem, :math:`U V^\top` of :math:`G = U S V^\top`, whose value is the sum of G's singular values. Heads are
    paired by that value, summed over queries and keys and over values and outputs, which is the best that their coordinates can reach.

    Parameters
    ----------
    problem : MatchingProblem
        Whose weights are shown.
    """

    def __init__(self, problem: MatchingProblem) -> None:
        self.problem = problem
        graph, linear = problem.graph, problem.linear
        heads = {group: tuple(name for name, each in linear.items() if each.heads == group) for group in graph.sizes}
        self.units = [Unit(group, heads[group]) for group in graph.sizes if not any(group in inside for inside in heads.values())]
        self._a, self._b = (
            {name: torch.as_tensor(array, dtype=torch.float64) for name, array in view.weights.items() if name not in graph.buffers}
            for view in (problem.a, problem.b)
        )
        self._on = {name: {group for axis in graph.axes.get(name, ()) for group in axis.groups} for name in self._b}
        self._least = LEAST_GAIN * sum(squares(problem, view.weights) for view in (problem.a, problem.b))

    def identity(self) -> dict[str, np.ndarray]:
        """Return the maps that change nothing."""
        linear = self.problem.linear
        return {group: linear[group].identity() if group in linear else np.arange(n) for group, n in self.problem.sizes.items()}

    def distance(self, values: Values, names: Collection[str] | None = None) -> float:
        r"""Return :math:`\|\theta_A - Q \theta_B\|^2` over parameters, or over some of them."""
        moved = self._moved(values, self._b if names is None else names)
        return sum(float((self._a[name] - tensor).square().sum()) for name, tensor in moved.items())

    def first(self) -> dict[str, np.ndarray]:
        """Return the maps that each unit is given by what can be compared when it is its turn: tensors whose other groups are matched.

        The next unit is the one with most numbers in such tensors.
        """
        values, left, matched = self.identity(), list(self.units), set[str]()
        while left:
            comparable = [self._comparable(unit, matched) for unit in left]
            sizes = [sum(self._a[name].numel() for name in names) for names in comparable]
            k = int(np.argmax(sizes))
            unit = left.pop(k)
            values = {**values, **self.best(unit, values, comparable[k] or self._holders(unit))}
            matched |= set(unit.groups)
        return values

    def sweep(self, values: Values) -> dict[str, np.ndarray]:
        """Return maps after each unit in turn was given its best ones, if the distance falls by them."""
        after = dict(values)
        for unit in self.units:
            names = self._holders(unit)
            proposal = {**after, **self.best(unit, after, names)}
            if self.distance(after, names) - self.distance(proposal, names) > self._least:
                after = proposal
        return after

    def best(self, unit: Unit, values: Values, names: Collection[str]) -> dict[str, np.ndarray]:
        """Return the best maps of a unit given the others, by the inner products of some tensors."""
        if not unit.inside:
            return {unit.group: self._best_of(unit.group, self._products(unit.group, values, names))}
        value, pairs = self._heads(unit, values, names)
        order = self._best_of(unit.group, value)
        return {unit.group: order} | {group: procrustes(products[np.arange(len(order)), order]) for group, products in pairs.items()}

    def costs(self, metric: AllWeightsMatching, values: Values) -> dict[str, np.ndarray]:
        """Return the squared distances (n, n) of A's neurons and B's, by group, given the maps of the other groups.

        A head is compared in the coordinates in which it is nearest.
        """
        costs = {}
        for unit in self.units:
            for group in unit.groups:
                costs[group] = metric.ground_cost(self.moved(values, but=group), group, {})
            if unit.inside:
                value, _ = self._heads(unit, values, self._holders(unit))
                a, b = (sum((rows**2).sum(1) for rows in all_rows(self.problem, view.weights, unit.group, {})) for view in self._views())
                costs[unit.group] = np.maximum(a[:, None] + b[None, :] - 2 * value, 0)
        return {group: costs[group] for group in self.problem.groups}

    def _views(self) -> tuple[NetworkView, NetworkView]:
        return self.problem.a, self.problem.b

    def _heads(self, unit: Unit, values: Values, names: Collection[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the inner product of every head of A and of B in the best coordinates, and by group those of coordinates.

        The first is (heads, heads), the others are (heads of A, heads of B, n, n).
        """
        pairs = {group: self._products(group, values, names, (unit.group,)).swapaxes(1, 2) for group in unit.inside}
        remaining = [name for name in names if not self._on[name] & set(unit.inside)]
        value = sum(np.linalg.svd(products, compute_uv=False).sum(-1) for products in pairs.values())
        return np.asarray(value + self._products(unit.group, values, remaining)), pairs

    def maps(self, values: Values) -> Maps:
        """Return the maps as the graph applies them, and files hold them."""
        linear = self.problem.linear
        return {group: linear[group].map_of(array) if group in linear else Permutation(array) for group, array in values.items()}

    def moved(self, values: Values, but: str | None = None) -> MatchingProblem:
        """Return the problem with B mapped, by the maps of all groups or of all but one."""
        moved = self._moved({group: array for group, array in values.items() if group != but}, self._b)
        weights = {**self.problem.b.weights, **{name: tensor.numpy() for name, tensor in moved.items()}}
        return replace(self.problem, views=(self.problem.a, replace(self.problem.b, weights=weights)))

    def _best_of(self, group: str, products: np.ndarray) -> np.ndarray:
        if group in self.problem.linear:
            return procrustes(products, keeps_ones=self.problem.linear[group].keeps_ones)
        return from_coupling(transport.solver("assignment")(-products, TieRule(size=np.mean)).coupling)[0]

    def _products(self, group: str, values: Values, names: Collection[str], together: Sequence[str] = ()) -> np.ndarray:
        r"""Return the derivative of the inner product by a group's map; `together` with heads, by a map of all heads' coordinates."""
        here = matrix(values[group])
        for heads in together:
            here = np.einsum("gh,gij->gihj", matrix(values[heads]), here)
        leaf = torch.from_numpy(here).requires_grad_()
        others = {name: array for name, array in values.items() if name != group and name not in together}
        with torch.enable_grad():
            moved = self.problem.graph.apply({name: self._b[name] for name in names}, {**tensor_maps(others), group: TensorMap(leaf)})
            inner = sum((self._a[name] * tensor).sum() for name, tensor in moved.items() if tensor.requires_grad)
            return torch.autograd.grad(inner, leaf)[0].numpy() if isinstance(inner, Tensor) else np.zeros(here.shape)

    def _moved(self, values: Values, names: Collection[str]) -> dict[str, Tensor]:
        return self.problem.graph.apply({name: self._b[name] for name in names}, tensor_maps(values))

    def _holders(self, unit: Unit) -> list[str]:
        """Return the tensors that have a group of a unit."""
        return [name for name in self._b if self._on[name] & set(unit.groups)]

    def _comparable(self, unit: Unit, matched: set[str]) -> list[str]:
        return [name for name in self._holders(unit) if self._on[name] <= matched | set(unit.groups)]
