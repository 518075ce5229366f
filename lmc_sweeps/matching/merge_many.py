"""`merge_many`: K networks in one common order of neurons, each matched to the mean of the others in turn until none moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.iteration import iterate
from lmc_sweeps.matching.problem import LOCAL, NOT_CONVERGED, MatchingProblem, NetworkView, Permutations
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.maths.permutations import inverse

MOST_ROUNDS = 100


@dataclass(frozen=True, kw_only=True)
class SeveralMatched:
    """The orders of the neurons of K networks in one common frame, that of the first network, and how the search ended.

    Parameters
    ----------
    permutations : tuple of mapping of str to ndarray of int
        For each network, by group, the order that puts its neurons into the common frame, ``aligned = weight[order]``; those of the first
        network are the identity.
    status : str
        ``local``, where a further round changes nothing; ``not_converged``.
    sentence : str
        How it ended, in words.
    objective : tuple of float
        The sum of the inner products of all pairs (`sum_of_products`) after every round of the best start.
    ends : tuple of float
        That sum at the end of each start.
    """

    permutations: tuple[Permutations, ...]
    status: str
    sentence: str
    objective: tuple[float, ...]
    ends: tuple[float, ...]

    @property
    def converged(self) -> bool:
        return self.status != NOT_CONVERGED

    @property
    def rounds(self) -> int:
        """The number of rounds of the best start, with the last one, which changes nothing where the search converged."""
        return len(self.objective)

    def between(self, i: int, j: int) -> dict[str, np.ndarray]:
        r"""Return the orders that put the neurons of network j into the order of network i, by group.

        .. math:: \pi_{ij} = \pi_j \circ \pi_i^{-1}, \qquad \pi_{jk} \circ \pi_{ij} = \pi_{ik}, \qquad \pi_{ii} = 1

        with :math:`\pi_m` the order of network m in the common frame, so that round any cycle of networks they compose to the identity.
        """
        return {group: order[inverse(self.permutations[i][group])] for group, order in self.permutations[j].items()}


@one_thread()
def merge_many(problem: MatchingProblem, *, starts: int = 5, most_rounds: int = MOST_ROUNDS) -> SeveralMatched:
    r"""Return the orders of the neurons of K networks in which the networks are near one another.

    .. math:: \max_{P_1, \dots, P_K} f, \qquad f = \sum_{a<b} \sum_p \langle \tilde W^p_a, \tilde W^p_b \rangle, \qquad
              \sum_{a<b} \|\tilde\theta_a - \tilde\theta_b\|^2 = (K - 1) \sum_m \|\theta_m\|^2 - 2 f

    over the parameters that the graph knows, each once where names are tied; :math:`\tilde W_m` are those of network m in the common
    frame. One network after the other, in a random order that is drawn for every round, is matched to the mean of the others by sweeps of
    `rebasin` from where it lies. Its squared distance from that mean then falls, by more than rounding, and f rises by (K - 1) / 2 times
    as much, or it stays as it is; the search ends where a whole round changes nothing. There no group of any network can be improved
    alone (where no tensor has a group twice). That is a local maximum, which depends on the turns and on where the search starts, and so
    on the orders of the networks' neurons: the first start is those orders, the others are random ones, and the best end counts. At last
    all networks are relabelled together, so that the first one has its own order again: distances and f stay the same.

    Parameters
    ----------
    problem : MatchingProblem
        Of K >= 2 networks, with `weights` and `generator`; nothing else is looked at.
    starts : int
    most_rounds : int
        Of each start.

    Raises
    ------
    InputError
        If there are fewer than two networks, or no weights or no generator are shown.

    References
    ----------
    Ainsworth, Hayase and Srinivasa 2023, algorithm 3; f by the sum of the networks after Crisostomi et al. 2024 (C2M3); the restarts are
    ours.
    """
    checks.integer("starts", starts)
    checks.integer("most_rounds", most_rounds)
    problem = _parameters_alone(problem)
    searches = [iterate(_start(problem, number), lambda lying: _round(problem, lying), _is_same, most_rounds) for number in range(starts)]
    ends = tuple(search.state.objective[-1] for search in searches)
    best = searches[int(np.argmax(ends))]
    moving = [search.is_done for search in searches].count(False)
    stopped = f"; {moving} of them still changed after {most_rounds} rounds" if moving else ""
    return SeveralMatched(
        permutations=_in_frame_of_first(best.state.orders),
        status=LOCAL if best.is_done else NOT_CONVERGED,
        sentence=f"the best of {starts} starts, after {best.steps} rounds{stopped}",
        objective=best.state.objective,
        ends=ends,
    )


def sum_of_products(networks: Sequence[Mapping[str, np.ndarray]]) -> float:
    r"""Return the sum of the inner products of all pairs of K networks, from their sum S.

    .. math:: f = \sum_{a<b} \sum_p \langle W^p_a, W^p_b \rangle = \frac12 \sum_p \Big( \|S^p\|^2 - \sum_m \|W^p_m\|^2 \Big), \qquad
              S^p = \sum_m W^p_m

    Parameters
    ----------
    networks : sequence of mapping of str to ndarray
        Their parameters in one order of neurons, by name.
    """
    tensors = ([network[name] for network in networks] for name in networks[0])
    return sum(float(np.sum(sum(each) ** 2)) - sum(float(np.sum(tensor**2)) for tensor in each) for each in tensors) / 2


@dataclass(frozen=True)
class _Lying:
    """The orders of all networks, their parameters in these, and f after every round so far."""

    orders: tuple[Permutations, ...]
    networks: tuple[Mapping[str, np.ndarray], ...]
    objective: tuple[float, ...] = ()


def _parameters_alone(problem: MatchingProblem) -> MatchingProblem:
    """Return the problem without statistics, constants, counts and second names, which state dicts have too, after checking it."""
    if len(problem.views) < 2:
        raise checks.InputError(f"`problem` must have at least 2 networks, got {len(problem.views)}.")
    absent = [name for name, is_there in (("weights", problem.a.weights), ("generator", problem.generator)) if not is_there]
    if absent:
        raise checks.InputError(f"`problem` must show `weights` and `generator`, got no {' and no '.join(absent)}.")
    names = [name for name in problem.a.weights if name in problem.graph.axes and name not in problem.graph.buffers]
    views = tuple(NetworkView(weights={name: view.weights[name] for name in names}) for view in problem.views)
    return replace(problem, views=views)


def _start(problem: MatchingProblem, number: int) -> _Lying:
    """Return the networks in their own orders for the first start, in random ones for any other."""
    draw: Any = problem.generator
    orders = tuple(
        {group: np.arange(size) if number == 0 else draw.permutation(size) for group, size in problem.sizes.items()} for _ in problem.views
    )
    return _Lying(orders, tuple(_moved(problem, view, each) for view, each in zip(problem.views, orders, strict=True)))


def _round(problem: MatchingProblem, before: _Lying) -> _Lying:
    """Return where all networks lie after each was matched once to the mean of the others."""
    match, draw = Rebasin(starts=1), problem.generator
    orders, networks = list(before.orders), list(before.networks)
    for k in draw.permutation(len(networks)):  # type: ignore[union-attr]
        others = [network for j, network in enumerate(networks) if j != k]
        mean = {name: np.mean([network[name] for network in others], axis=0) for name in networks[k]}
        pair = replace(problem, views=(NetworkView(weights=mean), problem.views[k]))
        orders[k] = match.search(pair, orders[k]).state
        networks[k] = _moved(problem, problem.views[k], orders[k])
    return _Lying(tuple(orders), tuple(networks), (*before.objective, sum_of_products(networks)))


def _moved(problem: MatchingProblem, view: NetworkView, orders: Permutations) -> dict[str, np.ndarray]:
    """Return the parameters of a network in an order of its neurons."""
    tensors = {name: torch.as_tensor(array) for name, array in view.weights.items()}
    return {name: tensor.numpy() for name, tensor in problem.graph.apply(tensors, orders).items()}


def _is_same(before: _Lying, after: _Lying) -> bool:
    pairs = zip(before.orders, after.orders, strict=True)
    return all(np.array_equal(old[group], order) for old, new in pairs for group, order in new.items())


def _in_frame_of_first(orders: Sequence[Permutations]) -> tuple[dict[str, np.ndarray], ...]:
    """Return the orders with the frame relabelled so that those of the first network are the identity."""
    to_first = {group: inverse(order) for group, order in orders[0].items()}
    return tuple({group: order[to_first[group]] for group, order in each.items()} for each in orders)
