"""`epsilon` of methods with a transport: handed to `sinkhorn` alone, and in no name while it is at its default."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from parts_folders import added, write_parts
from small_problems import GROUPS

from lmc_sweeps import matching
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.identity import left_out
from lmc_sweeps.matching.base import Matching, MatchingProblem, MatchingResult
from lmc_sweeps.transport.sinkhorn import EPSILON

NAMES = [name for name, kind in matching.choices().items() if "transport" in {field.name for field in fields(kind)}]
by_name = pytest.mark.parametrize("name", NAMES)


def solved(method: Matching, problem: MatchingProblem) -> MatchingResult:
    return method(replace(problem, generator=np.random.default_rng(0)))


NAMES_OF_BEFORE = {  # of finished jobs, from when no method had an epsilon
    "activations": "a0b2c6c7", "covariance": "dfe0cccb", "rebasin": "3489aa7e", "rebasin_covariance": "cd3dbc29", "weights": "669f3987"
}  # fmt: skip


@by_name
def test_epsilon_is_in_the_name_of_a_method_only_where_it_is_not_the_default(name: str) -> None:
    method = matching.choices()[name]()
    assert method.settings_hash() == NAMES_OF_BEFORE.get(name, method.settings_hash())
    assert "epsilon" in left_out(method)
    assert replace(method, epsilon=0.1).settings_hash() != method.settings_hash()


@by_name
def test_exact_transports_do_not_look_at_epsilon(name: str, problem: MatchingProblem) -> None:
    results = [solved(matching.choices()[name](transport="emd", epsilon=epsilon), problem) for epsilon in (0.01, 10.0)]
    for group in GROUPS:
        np.testing.assert_array_equal(*(result.permutations[group] for result in results))


@pytest.mark.parametrize("name", ["weights", "covariance", "activations"])
def test_a_vanishing_epsilon_gives_the_exact_permutations_and_a_large_one_costs_more(name: str, problem: MatchingProblem) -> None:
    kind = matching.choices()[name]
    exact = kind(transport="emd")(problem)
    small, large = (kind(transport="sinkhorn", epsilon=epsilon)(problem) for epsilon in (1e-5, 10.0))
    for group in GROUPS:
        np.testing.assert_array_equal(small.permutations[group], exact.permutations[group])
    assert large.layers[0].matching_cost >= exact.layers[0].matching_cost
    assert "layer 1: entropic, with epsilon 10 of " in large.sentence


@by_name
@pytest.mark.parametrize("epsilon", [0.0, -1.0, np.nan, True])
def test_an_epsilon_that_is_not_positive_is_refused_under_the_key_that_users_type(name: str, epsilon: float) -> None:
    with pytest.raises(InputError, match=rf"^`matching\.{name}\.epsilon` must be a finite number above 0, got "):
        matching.choices()[name](epsilon=epsilon)


def test_a_method_of_ones_own_that_extends_one_of_these_needs_no_line_for_it_in_its_yaml(tmp_path: Path) -> None:
    folder = write_parts(tmp_path)
    assert "epsilon" not in (folder / "conf/matching/mine.yaml").read_text()
    with added(folder):
        assert matching.choices()["mine"]().epsilon == EPSILON
