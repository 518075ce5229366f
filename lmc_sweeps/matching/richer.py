"""Weight matching over the richest maps that a problem allows: permutations, and orthogonal maps of groups that are coordinates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lmc_sweeps import transport
from lmc_sweeps.matching.all_weights import LEAST_GAIN, AllWeightsMatching, squares
from lmc_sweeps.matching.neuron_weights import all_rows
from lmc_sweeps.matching.problem import Maps, MatchingProblem
from lmc_sweeps.matching.soft_maps import Block, blocks_of, gradient
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
        self.problem, self._blocks = problem, blocks_of(problem)
        linear = problem.linear
        heads = {group: tuple(name for name, each in linear.items() if each.heads == group) for group in problem.groups}
        self.units = [Unit(group, heads[group]) for group in problem.groups if not any(group in inside for inside in heads.values())]
        self._least = LEAST_GAIN * sum(squares(problem, view.weights) for view in (problem.a, problem.b))

    def identity(self) -> dict[str, np.ndarray]:
        """Return the maps that change nothing."""
        linear = self.problem.linear
        return {group: linear[group].identity() if group in linear else np.arange(n) for group, n in self.problem.sizes.items()}

    def distance(self, values: Values, blocks: Sequence[Block] | None = None) -> float:
        r"""Return :math:`\|\theta_A - Q \theta_B\|^2` over parameters, or over some of them."""
        return sum(block.distance(values) for block in (self._blocks if blocks is None else blocks))

    def first(self) -> dict[str, np.ndarray]:
        """Return the maps that each unit is given by what can be compared when it is its turn: blocks whose other groups are matched.

        The next unit is the one with most numbers in such blocks.
        """
        values, left, matched = self.identity(), list(self.units), set[str]()
        while left:
            comparable = [[block for block in self._holders(unit) if {*block.groups} <= {*matched, *unit.groups}] for unit in left]
            k = int(np.argmax([sum(block.a.size for block in blocks) for blocks in comparable]))
            unit = left.pop(k)
            values = {**values, **self.best(unit, values, comparable[k] or self._holders(unit))}
            matched |= set(unit.groups)
        return values

    def sweep(self, values: Values) -> dict[str, np.ndarray]:
        """Return maps after each unit in turn was given its best ones, if the distance falls by them."""
        after = dict(values)
        for unit in self.units:
            blocks = self._holders(unit)
            proposal = {**after, **self.best(unit, after, blocks)}
            if self.distance(after, blocks) - self.distance(proposal, blocks) > self._least:
                after = proposal
        return after

    def best(self, unit: Unit, values: Values, blocks: Sequence[Block] | None = None) -> dict[str, np.ndarray]:
        """Return the best maps of a unit given the others, by the inner products of all blocks, or of some."""
        blocks = self._blocks if blocks is None else blocks
        if not unit.inside:
            return {unit.group: self._best_of(unit.group, gradient(blocks, unit.group, values))}
        value, pairs = self._heads(unit, values, blocks)
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
                a, b = (
                    sum((rows**2).sum(1) for rows in all_rows(self.problem, view.weights, unit.group, {}))
                    for view in (self.problem.a, self.problem.b)
                )
                costs[unit.group] = np.maximum(a[:, None] + b[None, :] - 2 * value, 0)
        return {group: costs[group] for group in self.problem.groups}

    def _heads(self, unit: Unit, values: Values, blocks: Sequence[Block]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the inner product of every head of A and of B in the best coordinates, and by group those of coordinates.

        The first is (heads, heads), the others are (heads of A, heads of B, n, n).
        """
        pairs = {}
        for group in unit.inside:
            places = [(block, k) for block in blocks for k, name in enumerate(block.groups) if name == group]  # behind that of the heads
            n_heads, n = self.problem.sizes[unit.group], self.problem.sizes[group]
            products = sum((block.products(values, k - 1, k) for block, k in places), np.zeros((n_heads, n, n_heads, n)))
            pairs[group] = products.swapaxes(1, 2)
        value = sum(np.linalg.svd(products, compute_uv=False).sum(-1) for products in pairs.values())
        remaining = [block for block in blocks if not {*block.groups} & {*unit.inside}]
        return np.asarray(value + gradient(remaining, unit.group, values)), pairs

    def maps(self, values: Values) -> Maps:
        """Return the maps as the graph applies them, and files hold them."""
        linear = self.problem.linear
        return {group: linear[group].map_of(array) if group in linear else Permutation(array) for group, array in values.items()}

    def moved(self, values: Values, but: str | None = None) -> MatchingProblem:
        """Return the problem with B mapped, by the maps of all groups or of all but one."""
        tensors = {name: torch.from_numpy(array) for name, array in self.problem.b.weights.items()}
        moved = self.problem.graph.apply(tensors, {group: each for group, each in self.maps(values).items() if group != but})
        weights = {name: tensor.numpy() for name, tensor in moved.items()}
        return replace(self.problem, views=(self.problem.a, replace(self.problem.b, weights=weights)))

    def _best_of(self, group: str, products: np.ndarray) -> np.ndarray:
        if group in self.problem.linear:
            return procrustes(products, keeps_ones=self.problem.linear[group].keeps_ones)
        return from_coupling(transport.solver("assignment")(-products, TieRule(size=np.mean)).coupling)[0]

    def _holders(self, unit: Unit) -> list[Block]:
        """Return the blocks that have a group of a unit."""
        return [block for block in self._blocks if {*block.groups} & {*unit.groups}]
