"""Matching problems: what a method may look at, made of two networks and the moments of their activations."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching, MatchingProblem, MatchingResult, Permutations
from lmc_sweeps.matching.problem import SHOWN, NotShown
from lmc_sweeps.measuring.evaluation import evaluate_line
from lmc_sweeps.measuring.moments import PairMoments
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.checking import sources_of


@dataclass(frozen=True)
class MidpointLoss:
    """The loss halfway between A and a permuted B, over the training set, as a function of the permutations."""

    architecture: Architecture
    a: Mapping[str, Tensor]
    b: Mapping[str, Tensor]
    train: Split
    batch_size: int = 2000

    def __call__(self, permutations: Permutations) -> float:
        half = np.array([0.5])
        scores = evaluate_line(self.architecture, self.a, self.b, [permutations], half, self.train, self.batch_size)
        return float(scores.loss[0, 0])


def matching_problem(
    architecture: Architecture,
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    needs: Collection[str],
    *,
    moments: PairMoments | None = None,
    objective: MidpointLoss | None = None,
    generator: np.random.Generator | None = None,
) -> MatchingProblem:
    """Return the problem of matching B to A that shows a method what it needs and nothing more.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Parameters of networks A and B.
    needs : collection of str
        The method's `needs`, of `NEEDS`.
    moments : PairMoments, optional
        Of the training set; for ``"moments"`` and ``"cross_moments"``.
    objective : MidpointLoss, optional
    generator : numpy.random.Generator, optional
        What is needed and not given is left out, as what is not needed is.

    Returns
    -------
    MatchingProblem
        Weights in float64.
    """
    spec = architecture.spec
    parts: dict[str, Any] = {}
    if "weights" in needs:
        parts["weights_a"], parts["weights_b"] = ({name: p.double().cpu().numpy() for name, p in net.items()} for net in (a, b))
    if "moments" in needs and moments is not None:
        parts["moments_a"], parts["moments_b"] = moments.a, moments.b
    if "cross_moments" in needs and moments is not None:
        parts["cross_moments"] = moments.cross
    if "objective" in needs:
        parts["objective"] = objective
    if "generator" in needs:
        parts["generator"] = generator
    return MatchingProblem(spec=spec, sizes=spec.sizes(a), sources=sources_of(architecture), **parts)


def solved(method: Matching, problem: MatchingProblem) -> MatchingResult:
    """Return what a method makes of a problem.

    Raises
    ------
    InputError
        If the method looks at a field of the problem that its `needs` does not list, or returns something else than a result.
    """
    needs = f"its `needs` lists {', '.join(sorted(method.needs)) or 'nothing'}"
    try:
        result = method(problem)
    except NotShown as error:
        raise InputError(f"matching={method.name}: {str(error).removesuffix('.')}; {needs}.") from error
    except (AttributeError, TypeError) as error:
        absent = [name for name, need in SHOWN.items() if need not in method.needs and getattr(problem, name) is None]
        if not absent or "'NoneType' object" not in str(error):
            raise
        listed = " and ".join(f"`{name}`" for name in absent)
        rule = f"a method must list {' or '.join(repr(SHOWN[name]) for name in absent)} in its `needs` to see it"
        raise InputError(f"matching={method.name}: {error}; {listed} of a problem may be None: {rule}; {needs}.") from error
    if not isinstance(result, MatchingResult):
        raise InputError(f"matching={method.name}: `__call__` must return a MatchingResult, got {type(result).__name__}.")
    return result
