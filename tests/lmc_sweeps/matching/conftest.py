"""Matching problems made of whole networks, for the tests of this folder."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
import pytest
import torch
from small_problems import inputs, networks
from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.models.base import Architecture

ALL = ("weights", "moments", "cross_moments", "loss", "generator")


@pytest.fixture
def problem_of() -> Callable[..., MatchingProblem]:
    """Return a function that makes the problem of a pair of networks, holding the parts in `needs` and nothing else."""

    def make(
        architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, needs: Collection[str] = ALL
    ) -> MatchingProblem:
        train = Split(inputs, torch.zeros(len(inputs), dtype=torch.int64))
        return matching_problem(architecture, [a, b], train, needs, np.random.default_rng(0), batch_size=100)

    return make


@pytest.fixture
def problem(problem_of: Callable[..., MatchingProblem]) -> MatchingProblem:
    """Return the problem of two small networks, with everything in it."""
    return problem_of(*networks(), inputs())
