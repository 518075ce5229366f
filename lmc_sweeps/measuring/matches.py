"""Every method's match of one pair: what each may look at, computed once for all that look at the same, and B shuffled first on request."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching, MatchingProblem, MatchingResult
from lmc_sweeps.measuring.lines import Pair
from lmc_sweeps.measuring.problems import MOMENTS, matching_problem, solved


class Sight(NamedTuple):
    """What a method's problem is made of, by its settings."""

    split: str
    examples: int | None
    shuffled: bool
    folded: bool


@dataclass(frozen=True)
class Shown:
    """A problem, the order in which B's neurons are in it (empty where it is their own), and the seconds of each method with moments."""

    problem: MatchingProblem
    order: Mapping[str, np.ndarray]
    seconds: float


def matched(
    pair: Pair, splits: Mapping[str, Split], methods: Sequence[Matching], seed: int, enter: Callable[[str, str], None]
) -> list[tuple[MatchingResult, float]]:
    """Return the result of every method, with its seconds: moments that several look at are computed once and shared."""
    enter("matching", "statistics")
    import scipy.optimize  # noqa: F401 - before a method's seconds begin; a command that measures nothing does without

    by_sight: dict[Sight, list[Matching]] = {}
    for method in methods:
        by_sight.setdefault(_sight(method), []).append(method)
    shown = {sight: _shown(pair, splits, sight, users, seed) for sight, users in by_sight.items()}
    results = []
    for method in methods:
        enter("matching", method.name)
        start, view = time.perf_counter(), shown[_sight(method)]
        result = solved(method, view.problem.shown_to(method.needs, generator(seed, "matching", method.name)))
        if view.order:
            result = replace(result, maps={group: each.of_reordered(view.order[group]) for group, each in result.maps.items()})
        results.append((result, time.perf_counter() - start + (view.seconds if method.needs & MOMENTS else 0.0)))
    return results


def _sight(method: Matching) -> Sight:
    return Sight(method.matching_split, method.matching_examples, method.shuffled, method.folds)


def _shown(pair: Pair, splits: Mapping[str, Split], sight: Sight, users: Sequence[Matching], seed: int) -> Shown:
    start = time.perf_counter()
    pair = pair.folded if sight.folded else pair
    graph, b, order = pair.graph, pair.b, {}
    if sight.shuffled:
        rng = generator(seed, "matching", "shuffled")
        order = {group: rng.permutation(size) for group, size in graph.sizes.items()}
        b = graph.apply(pair.b, order)
    needs = frozenset().union(*(method.needs for method in users))
    problem = matching_problem(
        pair.architecture, [pair.a, b], splits[sight.split], needs, batch_size=pair.batch_size, examples=sight.examples, form=pair.form
    )
    n_users = sum(bool(method.needs & MOMENTS) for method in users)
    return Shown(problem, order, (time.perf_counter() - start) / max(n_users, 1))
