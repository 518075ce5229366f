"""`random`: uniform, of the problem's generator alone, and it looks at nothing else."""

from collections import Counter

import numpy as np
import pytest

from lmc_sweeps.matching.problem import MatchingProblem, NetworkView
from lmc_sweeps.matching.random_permutations import Random
from lmc_sweeps.symmetry.graph import Graph


def problem_of(sizes: dict[str, int], seed: int) -> MatchingProblem:
    return MatchingProblem(graph=Graph({}, sizes), views=(NetworkView(), NetworkView()), generator=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(3))
def test_every_group_has_a_permutation_of_its_own_drawn_from_the_generator(seed: int) -> None:
    sizes = {"hidden_1": 50, "hidden_2": 50, "hidden_3": 7}
    one, same, other = (Random()(problem_of(sizes, number)).permutations for number in (seed, seed, seed + 1))
    for group, size in sizes.items():
        np.testing.assert_array_equal(np.sort(one[group]), np.arange(size))
        np.testing.assert_array_equal(one[group], same[group])
    assert not np.array_equal(one["hidden_1"], one["hidden_2"])
    assert not np.array_equal(one["hidden_1"], other["hidden_1"])


def test_all_permutations_are_as_likely() -> None:
    from scipy.stats import chisquare

    problem = problem_of({"h": 3}, 0)
    counts = Counter(tuple(Random()(problem).permutations["h"].tolist()) for _ in range(1200))
    assert len(counts) == 6
    assert chisquare(list(counts.values())).pvalue > 0.001


def test_it_reports_no_layer() -> None:
    result = Random()(problem_of({"h": 5}, 0))
    assert (result.layers, result.converged, result.is_permutation, result.sentence) == ((), True, True, "random permutations")
