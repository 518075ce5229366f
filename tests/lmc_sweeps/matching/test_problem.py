"""The parts of a matching problem and of its result: moments against NumPy's, fields against the columns of `layers.csv`."""

from dataclasses import fields

import numpy as np

from lmc_sweeps.matching.problem import NEEDS, LayerMatch, MatchingProblem, Moments, NetworkView
from lmc_sweeps.symmetry.graph import Graph
from multirun_analysis.schema import LAYERS_TAIL, names


def test_the_covariance_of_moments_is_that_of_the_examples() -> None:
    examples = np.random.default_rng(0).standard_normal((50, 4)) + 2.0
    moments = Moments(examples.mean(axis=0), examples.T @ examples / len(examples))
    np.testing.assert_allclose(moments.covariance, np.cov(examples.T, bias=True), rtol=1e-12, atol=1e-13)


def test_a_problem_has_nothing_that_was_not_put_into_it() -> None:
    problem = MatchingProblem(graph=Graph({}, {}), views=(NetworkView(), NetworkView()))
    for need in NEEDS:
        for part in (need, f"{need}_a", f"{need}_b"):
            assert not getattr(problem, part, None)


def test_what_matching_says_of_a_layer_stands_under_columns_of_the_table_of_layers() -> None:
    assert {field.name for field in fields(LayerMatch)} <= set(names(LAYERS_TAIL))
