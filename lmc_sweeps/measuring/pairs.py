"""What is measured on one pair of networks: match B to A by every method, walk the lines, measure the barriers."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching, MatchingProblem, MatchingResult, Permutations
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.maths.barriers import barriers
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.maths.theory import tolerance_reached
from lmc_sweeps.measuring.evaluation import Scores, evaluate, evaluate_line, function_gap
from lmc_sweeps.measuring.gaps import NONE, MidpointGap, distance, midpoint_gap
from lmc_sweeps.measuring.moments import PairMoments, pair_moments
from lmc_sweeps.models.base import INPUT, Architecture, stacked

ROUNDING = 1e-4  # a function gap above this is not rounding (measured in float32: below 1e-5)
# Of a loss, or of 1: the same network and examples in other batches (measured on the CPU in float32: below 1e-6). The convolutions of a
# CUDA device round their factors to TensorFloat-32, 10 bits.
LOSS_ROUNDING, LOSS_ROUNDING_CUDA = 1e-4, 1e-2
UNDEFINED = MidpointGap(math.nan, math.nan, math.nan, math.nan, NONE)


@dataclass(frozen=True)
class PairResult:
    """What was measured on one pair: rows as they stand in a record, and the permutations by method."""

    runs: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    permutations: Mapping[str, Permutations]
    notes: list[str]


def with_identity(methods: Sequence[Matching]) -> tuple[Matching, ...]:
    """Return the methods with the identity before them, once: no method is shown without its control."""
    return (Identity(), *(method for method in methods if not isinstance(method, Identity)))


@one_thread()
def compare_pair(
    architecture: Architecture,
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    train: Split,
    test: Split,
    methods: Sequence[Matching],
    points: int,
    seed: int = 0,
    batch_size: int = 2000,
) -> PairResult:
    """Return everything that is measured on one pair.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Parameters of networks A and B, on the device of the splits.
    train, test : Split
        Statistics for matching come from the training set; lines are walked on both.
    methods : sequence of Matching
    points : int
        Number of values of t.
    seed : int
        For methods that draw random numbers.
    batch_size : int

    Returns
    -------
    PairResult
    """
    sizes = architecture.spec.sizes(a)
    start = time.perf_counter()
    needs = frozenset().union(*(method.needs for method in methods))
    shared = pair_moments(architecture, a, b, train.inputs, batch_size) if needs & {"moments", "cross_moments"} else None
    seconds_shared = time.perf_counter() - start
    users = sum(bool(method.needs & {"moments", "cross_moments"}) for method in methods)

    results, seconds_match = [], []
    for method in methods:
        start = time.perf_counter()
        objective = _Objective(architecture, a, b, train, batch_size)
        rng = generator(seed, "matching", method.name)
        results.append(method(_problem(method, architecture, sizes, a, b, shared, objective, rng)))
        share = seconds_shared / users if method.needs & {"moments", "cross_moments"} else 0.0
        seconds_match.append(time.perf_counter() - start + share)

    t = line_points(points)
    runs, curves = [], []  # a map that does not keep B's function has no line, and so neither barriers nor a curve
    maps = [result.permutations for result in results]
    gaps = [function_gap(architecture, b, found, test.inputs, batch_size) for found in maps]
    keeps = [gap <= ROUNDING for gap in gaps]  # not of NaN
    middles = _middles(architecture, a, b, maps, keeps, test, batch_size)
    for split_name, split in (("train", train), ("test", test)):
        start = time.perf_counter()
        scores = evaluate_line(architecture, a, b, maps, t, split, batch_size)
        seconds = (time.perf_counter() - start) / len(methods)
        ends = None if all(keeps) else evaluate(architecture, stacked([a, b]), split, batch_size)
        for m, method in enumerate(methods):
            key: dict[str, Any] = {"matching": method.name, "settings_hash": method.settings_hash(), "split": split_name}
            loss, error = scores.loss[m], scores.error[m]
            times: dict[str, Any] = {"seconds_match": seconds_match[m], "seconds_evaluate": seconds}
            measures = _measures(t, loss, error) if ends is None or keeps[m] else _ends_alone(t, ends)
            runs.append(key | measures | {"function_gap": gaps[m]} | middles[m] | times)
            if keeps[m]:
                curves.append(key | {"t": t.tolist(), "loss": loss.tolist(), "error": error.tolist()})
    layers = _layer_rows(methods, results, _promised(architecture, sizes, test))
    found = {method_key(method): result.permutations for method, result in zip(methods, results, strict=True)}
    return PairResult(runs, curves, layers, found, _notes(methods, results, gaps))


def _layer_rows(methods: Sequence[Matching], results: Sequence[MatchingResult], promised: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return what matching says of the layers, with the tolerance that is promised of each."""
    return [
        {
            "matching": method.name,
            "settings_hash": method.settings_hash(),
            **asdict(layer),
            "recursion_tolerance": promised[layer.layer_name],
        }
        for method, result in zip(methods, results, strict=True)
        for layer in result.layers
    ]


def _middles(
    architecture: Architecture,
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    maps: Sequence[Permutations],
    keeps: Sequence[bool],
    test: Split,
    batch_size: int,
) -> list[dict[str, Any]]:
    """Return for every permutation what is measured halfway, on the test split, if it keeps B, and how far apart the networks are."""
    certify = architecture.certifier(a, b, test.inputs, batch_size)
    found = []
    for permutation, is_kept in zip(maps, keeps, strict=True):
        aligned = apply_permutations(b, architecture.spec, permutation)
        gap = midpoint_gap(architecture, a, aligned, certify, test.inputs, batch_size) if is_kept else UNDEFINED
        found.append(asdict(gap) | {"distance": distance(a, aligned)})
    return found


def _promised(architecture: Architecture, sizes: Mapping[str, int], test: Split) -> dict[str, float]:
    """Return by group the tolerance that the recursion of theorem 5.2 promises; NaN but for chains of layers of two neurons and more."""
    found, before = {}, INPUT
    for layer, group in enumerate(architecture.spec.groups, start=1):
        is_chain = test.inputs.dim() == 2 and architecture.sources(group) == (before,)
        known = is_chain and sizes[group] > 1
        found[group] = tolerance_reached(sizes[group], test.inputs.shape[1], layer) if known else float("nan")
        before = group if is_chain else ""
    return found


def method_key(method: Matching) -> str:
    """Return the name of a method with its settings, as permutations are filed under."""
    return f"{method.name}.{method.settings_hash()}"


class _Objective:
    """The loss halfway between A and a permuted B, over the training set, as a function of the permutations."""

    def __init__(self, architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], train: Split, batch_size: int):
        self._arguments = (architecture, a, b)
        self._train, self._batch_size = train, batch_size

    def __call__(self, found: Permutations) -> float:
        scores = evaluate_line(*self._arguments, [found], np.array([0.5]), self._train, self._batch_size)
        return float(scores.loss[0, 0])


def _problem(
    method: Matching,
    architecture: Architecture,
    sizes: Mapping[str, int],
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    shared: PairMoments | None,
    objective: _Objective,
    rng: np.random.Generator,
) -> MatchingProblem:
    """Return the problem with exactly what the method needs."""
    spec = architecture.spec
    parts: dict[str, Any] = {}
    if "weights" in method.needs:
        parts["weights_a"], parts["weights_b"] = ({name: p.double().cpu().numpy() for name, p in net.items()} for net in (a, b))
    if shared is not None and "moments" in method.needs:
        parts["moments_a"], parts["moments_b"] = shared.a, shared.b
    if shared is not None and "cross_moments" in method.needs:
        parts["cross_moments"] = shared.cross
    if "objective" in method.needs:
        parts["objective"] = objective
    if "generator" in method.needs:
        parts["generator"] = rng
    return MatchingProblem(spec=spec, sizes=sizes, sources={group: architecture.sources(group) for group in spec.groups}, **parts)


def _measures(t: np.ndarray, loss: np.ndarray, error: np.ndarray) -> dict[str, float]:
    """Return the end points and the barriers of one line under their column names."""
    ends = {"loss_a": loss[0], "loss_b": loss[-1], "error_a": error[0], "error_b": error[-1]}
    found: dict[str, float] = {"points": len(t), **{key: float(value) for key, value in ends.items()}}
    return found | barriers(t, loss).columns("loss") | barriers(t, error).columns("error")


def _ends_alone(t: np.ndarray, ends: Scores) -> dict[str, float]:
    """Return the measures of a line whose map does not keep B's function: A's and B's own, and nothing between them."""
    nothing = np.full(len(t), math.nan)
    own = zip(("loss_a", "loss_b", "error_a", "error_b"), (*ends.loss, *ends.error), strict=True)
    return _measures(t, nothing, nothing) | {key: float(value) for key, value in own}


def check_final_losses(result: PairResult, names: Sequence[str], losses: Sequence[float], device: torch.device) -> None:
    """Raise `InputError` if A or B measures another loss on the training set than it had at the end of its training.

    Parameters
    ----------
    result : PairResult
    names, losses : sequence, length 2
        Of A and B: their names in the store, and their training losses at the end of training.
    device : torch.device
        On which they were measured.
    """
    rounding = LOSS_ROUNDING_CUDA if device.type == "cuda" else LOSS_ROUNDING
    for row in (row for row in result.runs if row["split"] == "train"):
        for name, final, measured in zip(names, losses, (row["loss_a"], row["loss_b"]), strict=True):
            if not abs(measured - final) <= rounding * max(1.0, abs(final)):
                raise InputError(
                    f"network {name} ended its training at a loss of {final:.6g} on the training set, and measures {measured:.6g} there: "
                    "what was trained is not what is measured. Either its model's `forward`, `line_logits` and `padded` differ, or an "
                    "earlier version or another code trained it; then remove it from the store and run the job again."
                )


def _notes(methods: Sequence[Matching], results: Sequence[MatchingResult], gaps: Sequence[float]) -> list[str]:
    """Return a sentence for everything that a reader of the numbers must know."""
    notes = []
    for method, result, gap in zip(methods, results, gaps, strict=True):
        if not result.converged:
            notes.append(f"{method.name}: the solver did not converge ({result.sentence}).")
        if not result.is_permutation:
            notes.append(f"{method.name}: the coupling is no permutation; it was rounded to the nearest one.")
        if math.isnan(gap):
            notes.append(f"{method.name}: a logit of B, or of permuted B, is not finite on the test split, so it has no barrier.")
        elif gap > ROUNDING:
            notes.append(
                f"{method.name}: permuted B is not the same function as B (function_gap {gap:.1e}, rounding is below {ROUNDING:g}), "
                "so it has no barrier."
            )
    return notes


def undefined_rows(methods: Sequence[Matching], points: int) -> PairResult:
    """Return the rows of a pair that cannot be measured, because a network has weights that are not finite: every value is NaN."""
    t, nothing = line_points(points), np.full(points, math.nan)
    measures = _measures(t, nothing, nothing) | {
        "function_gap": math.nan,
        **asdict(UNDEFINED),
        "distance": math.nan,
        "seconds_match": 0.0,
        "seconds_evaluate": 0.0,
    }
    keys = [
        {"matching": method.name, "settings_hash": method.settings_hash(), "split": split}
        for split in ("train", "test")
        for method in methods
    ]
    return PairResult([key | measures for key in keys], [], [], {}, [])
