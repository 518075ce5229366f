"""The weights of neurons: what leads to the neurons of a group, their biases, and what leads from them to the outputs."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from lmc_sweeps.matching.problem import MatchingProblem, Permutations
from lmc_sweeps.symmetry.axes import INPUT, Axis, Factor
from lmc_sweeps.symmetry.graph import Graph, Occurrence
from lmc_sweeps.symmetry.sites import read_axis


@dataclass(frozen=True)
class Piece:
    """The part of a tensor that belongs to the neurons of a group at one place.

    Parameters
    ----------
    rows : ndarray, shape (kernel positions, n, d)
        For each position a row of each neuron, of what it reads there.
    source : str
        The key of what is read, among the moments.
    partners : frozenset of str
        The groups on the other axes and factors: rows of A and of B can be compared once these are in one order.
    """

    rows: np.ndarray
    source: str
    partners: frozenset[str]


def pieces(
    problem: MatchingProblem,
    weights: Mapping[str, np.ndarray],
    occurrence: Occurrence,
    orders: Permutations,
    matched: Collection[str] | None = None,
) -> Iterator[Piece]:
    """Yield the parts of a tensor at one occurrence of a group, one for each combination of segments of its other axes.

    Parameters
    ----------
    problem : MatchingProblem
    weights : mapping of str to ndarray
        Of A or of B.
    occurrence : Occurrence
    orders : mapping of str to ndarray
        Orders that the other axes and factors are put into: B's permutations, none for A.
    matched : collection of str, optional
        Groups whose orders A and B share. Along others numbers are sorted, by size, which is one order for both.
    """
    axes = problem.graph.axes[occurrence.tensor]
    keys = problem.reads.get(occurrence.tensor, ())
    choices = [[occurrence.segment] if k == occurrence.axis else range(len(axis.segments)) for k, axis in enumerate(axes)]
    inputs = read_axis(axes)
    for segments in product(*choices):
        part = cut(weights[occurrence.tensor], axes, segments)
        if inputs is None or not keys:
            source = f"{INPUT} of {occurrence.tensor}"
        else:  # of a weight that is used both ways only what its first such axis reads is known
            source = keys[min(segments[inputs], len(keys) - 1)] if inputs != occurrence.axis else ""
        yield _piece(part, axes, segments, occurrence, source, orders, matched)


def cut(tensor: np.ndarray, axes: tuple[Axis, ...], segments: tuple[int, ...]) -> np.ndarray:
    """Return the part of a tensor in one segment of each axis, its axes split into factors."""
    for k, (axis, s) in enumerate(zip(axes, segments, strict=True)):
        if len(axis.segments) > 1:
            start = sum(prod(factor.size for factor in segment) for segment in axis.segments[:s])
            size = prod(factor.size for factor in axis.segments[s])
            tensor = tensor[(slice(None),) * k + (slice(start, start + size),)]
    return tensor.reshape([factor.size for axis, s in zip(axes, segments, strict=True) for factor in axis.segments[s]])


def _piece(
    part: np.ndarray,
    axes: tuple[Axis, ...],
    segments: tuple[int, ...],
    occurrence: Occurrence,
    source: str,
    orders: Permutations,
    matched: Collection[str] | None,
) -> Piece:
    factors: list[tuple[int, Factor]] = [(k, f) for k, (axis, s) in enumerate(zip(axes, segments, strict=True)) for f in axis.segments[s]]
    own = [k for k, _ in factors].index(occurrence.axis) + occurrence.factor
    others = [(j, factor.group) for j, (_, factor) in enumerate(factors) if j != own and factor.group is not None]
    for j, group in others:
        if group in orders:
            part = part[:, orders[group]] if j == 1 else part.take(orders[group], axis=j)
    for j, group in others:
        if matched is not None and group not in matched:
            part = np.sort(part, axis=j)
    inputs = read_axis(axes)
    if inputs is None or inputs == occurrence.axis:
        inputs = next((k for k, _ in factors if k != occurrence.axis), None)
    columns = [j for j, (k, _) in enumerate(factors) if k == inputs and j != own]
    columns = [j for j in columns if factors[j][1].group is not None] or columns[:1]
    positions = [j for j in range(len(factors)) if j != own and j not in columns]
    n, d = part.shape[own], prod(part.shape[j] for j in columns)
    rows = np.moveaxis(part.transpose([own, *columns, *positions]).reshape(n, d, -1), 2, 0)  # (n, d, kernel) -> (kernel, n, d)
    return Piece(rows, source, frozenset(group for _, group in others))


def leading(graph: Graph, group: str) -> list[Occurrence]:
    """Return the places of a group on tensors of several axes that lead to it: on axes that are not those of their inputs.

    Where it is on inputs' axes alone, as by a weight that is used both ways, W x and then W' h, those of tensors with a second such axis.
    """
    places = [o for o in graph.occurrences(group) if len(graph.axes[o.tensor]) > 1]
    both = [o for o in places if any(axis.reads for k, axis in enumerate(graph.axes[o.tensor]) if k != o.axis)]
    return [o for o in places if not o.reads] or both


def incoming(
    problem: MatchingProblem,
    weights: Mapping[str, np.ndarray],
    group: str,
    orders: Permutations,
    matched: Collection[str] | None = None,
) -> list[Piece]:
    """Return the incoming weights of a group: of every tensor that leads to it (`leading`).

    Parameters
    ----------
    problem : MatchingProblem
    weights : mapping of str to ndarray
        Of A or of B.
    group : str
    orders : mapping of str to ndarray
        B's permutations, by which other axes are put into A's order; none for A's weights.
    matched : collection of str, optional
        Groups whose orders A and B share: pieces that have others are left out. If all have others, none is, and numbers are sorted along
        the axes of those: what does not depend on an order is compared. Without it every piece counts, as it is.
    """
    occurrences = leading(problem.graph, group)
    every = [piece for occurrence in occurrences for piece in pieces(problem, weights, occurrence, orders)]
    if matched is None:
        return every
    comparable = [piece for piece in every if piece.partners <= set(matched)]
    return comparable or [piece for occurrence in occurrences for piece in pieces(problem, weights, occurrence, orders, matched)]


def partners(problem: MatchingProblem, group: str) -> set[str]:
    """Return the groups on the other axes and factors of what leads to a group: those on whose orders its rows depend."""
    axes = problem.graph.axes
    places = [*leading(problem.graph, group), *(o for o in problem.graph.occurrences(group) if len(axes[o.tensor]) == 1)]
    others = {other for o in places for k, axis in enumerate(axes[o.tensor]) if k != o.axis for other in axis.groups}
    siblings = {factor.group for o in places for factor in axes[o.tensor][o.axis].segments[o.segment] if factor.group is not None}
    return others | (siblings - {group})


def incoming_rows(
    problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str, permutations: Permutations
) -> list[tuple[str, np.ndarray]]:
    """Return the incoming weights of a group: for each piece, what feeds it and an array (kernel positions, n, d).

    Input axes are reordered by `permutations`: pass B's with those of the layers below, A's with none.
    """
    return [(piece.source, piece.rows) for piece in incoming(problem, weights, group, permutations)]


def bias_column(
    problem: MatchingProblem,
    weights: Mapping[str, np.ndarray],
    group: str,
    orders: Permutations | None = None,
    matched: Collection[str] | None = None,
) -> np.ndarray:
    """Return the biases of a group (every one-axis tensor that it is on) as columns, shape (n, number of them)."""
    occurrences = [o for o in problem.graph.occurrences(group) if len(problem.graph.axes[o.tensor]) == 1]
    parts = [piece for occurrence in occurrences for piece in pieces(problem, weights, occurrence, orders or {})]
    columns = [_flat(piece) for piece in parts if matched is None or piece.partners <= set(matched)]
    return np.concatenate(columns, axis=1) if columns else np.zeros((problem.sizes[group], 0))


def outgoing_columns(problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str) -> list[np.ndarray]:
    """Return the weights that lead from a group to the outputs, which are not permuted: one array (n, weights per neuron) per parameter."""
    occurrences = [o for o in problem.graph.occurrences(group) if o.reads]
    return [_flat(piece) for occurrence in occurrences for piece in pieces(problem, weights, occurrence, {}) if not piece.partners]


def neuron_rows(
    problem: MatchingProblem,
    weights: Mapping[str, np.ndarray],
    group: str,
    permutations: Permutations,
    biases: bool = False,
    outgoing: bool = False,
    matched: Collection[str] | None = None,
) -> np.ndarray:
    """Return the weights of every neuron of a group as a row, (n, d): incoming ones, and if asked for biases and those to the outputs.

    With `matched`, only those that A and B can compare while just these groups are in one order (`incoming`).
    """
    parts = [position for piece in incoming(problem, weights, group, permutations, matched) for position in piece.rows]
    if biases:
        parts.append(bias_column(problem, weights, group, permutations, matched))
    if outgoing:
        parts += outgoing_columns(problem, weights, group)
    return np.concatenate(parts, axis=1) if parts else np.zeros((problem.sizes[group], 0))


def all_rows(problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str, orders: Permutations) -> Iterator[np.ndarray]:
    """Yield all that belongs to the neurons of a group as rows, (n, d), tensor by tensor: what they read, biases, and what reads them.

    Of parameters only: statistics and constants are no weights.
    """
    occurrences = [o for o in problem.graph.occurrences(group) if o.tensor not in problem.graph.buffers]
    yield from (_flat(piece) for occurrence in occurrences for piece in pieces(problem, weights, occurrence, orders))


def _flat(piece: Piece) -> np.ndarray:
    """Return the rows of all kernel positions side by side, (n, d and kernel)."""
    return np.moveaxis(piece.rows, 0, 2).reshape(piece.rows.shape[1], -1)
