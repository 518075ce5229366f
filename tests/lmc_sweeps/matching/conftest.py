"""Matching problems made of whole networks, for the tests of this folder."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from torch import Tensor

from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.measuring.moments import pair_moments
from lmc_sweeps.models.base import Architecture

ALL = ("weights", "moments", "cross_moments")
FIELDS = {"weights": ("weights_a", "weights_b"), "moments": ("moments_a", "moments_b"), "cross_moments": ("cross_moments",)}


@pytest.fixture
def problem_of() -> Callable[..., MatchingProblem]:
    """Return a function that makes the problem of a pair of networks, holding the parts in `needs` and nothing else."""

    def make(
        architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, needs: Iterable[str] = ALL
    ) -> MatchingProblem:
        shared = pair_moments(architecture, a, b, inputs, batch_size=100)
        every: dict[str, Any] = {
            "weights_a": {name: tensor.double().numpy() for name, tensor in a.items()},
            "weights_b": {name: tensor.double().numpy() for name, tensor in b.items()},
            "moments_a": shared.a,
            "moments_b": shared.b,
            "cross_moments": shared.cross,
        }
        parts = {field: every[field] for need in needs for field in FIELDS[need]}
        spec = architecture.spec
        sources = {group: architecture.sources(group) for group in spec.groups}
        return MatchingProblem(spec=spec, sizes=spec.sizes(a), sources=sources, **parts)

    return make
