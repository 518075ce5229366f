"""The weights of neurons: what leads to the neurons of a group, their biases, and what leads from them to the outputs."""

from collections.abc import Collection, Mapping

import numpy as np

from lmc_sweeps.matching.problem import MatchingProblem, Permutations


def incoming_rows(
    problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str, permutations: Permutations
) -> list[tuple[str, np.ndarray]]:
    """Return the incoming weights of a group: for each parameter, what feeds it and an array (kernel positions, n, d).

    Input axes are reordered by `permutations`: pass B's with those of the layers below, A's with none.
    """
    rows = []
    for name, source in zip(problem.spec.incoming(group), problem.sources[group], strict=True):
        weight = weights[name]
        if source in permutations:
            weight = weight[:, permutations[source]]
        n, d = weight.shape[:2]
        rows.append((source, np.moveaxis(weight.reshape(n, d, -1), 2, 0)))  # (n, d, kernel) -> (kernel, n, d)
    return rows


def bias_column(problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str) -> np.ndarray:
    """Return the biases of a group (every one-axis parameter that it owns) as columns, shape (n, number of them)."""
    owned = [weights[p] for p in problem.spec.incoming(group, biases=True) if weights[p].ndim == 1]
    return np.stack(owned, axis=1) if owned else np.zeros((problem.sizes[group], 0))


def outgoing_columns(problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str) -> list[np.ndarray]:
    """Return the weights that lead from a group to the outputs, which are not permuted: one array (n, weights per neuron) per parameter."""
    leading = [p for p, axes in problem.spec.axes.items() if len(axes) > 1 and axes[1] == group and axes[0] is None]
    return [np.moveaxis(weights[p], 1, 0).reshape(problem.sizes[group], -1) for p in leading]


def neuron_rows(
    problem: MatchingProblem,
    weights: Mapping[str, np.ndarray],
    group: str,
    permutations: Permutations,
    biases: bool = False,
    outgoing: bool = False,
    sources: Collection[str] | None = None,
) -> np.ndarray:
    """Return the weights of every neuron of a group as a row, (n, d): incoming ones, and if asked for biases and those to the outputs.

    Of the incoming ones those from some `sources` only, if these are given.
    """
    kernels = incoming_rows(problem, weights, group, permutations)
    parts = [position for source, kernel in kernels for position in kernel if sources is None or source in sources]
    if biases:
        parts.append(bias_column(problem, weights, group))
    if outgoing:
        parts += outgoing_columns(problem, weights, group)
    return np.concatenate(parts, axis=1) if parts else np.zeros((problem.sizes[group], 0))
