"""What is measured on one pair of networks: match B to A by every method, evaluate along the lines, measure the barriers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Maps, Matching
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.measuring.evaluation import FUNCTION_ROUNDING, outputs_gap
from lmc_sweeps.measuring.gaps import distance, midpoint_gap
from lmc_sweeps.measuring.lines import Match, Pair, line_rows
from lmc_sweeps.measuring.matches import matched
from lmc_sweeps.measuring.rows import CurveRow, MapMeasures, PairResult, RunRow, layer_rows, search_rows
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.repair.base import Repair
from lmc_sweeps.repair.none import NoRepair


def with_identity(methods: Sequence[Matching]) -> tuple[Matching, ...]:
    """Return the methods with the identity before them, once: no method is shown without its control."""
    return (Identity(), *(method for method in methods if not isinstance(method, Identity)))


def with_none(repairs: Sequence[Repair]) -> tuple[Repair, ...]:
    """Return the repairs with none before them, once: no repair is shown without its control."""
    return (NoRepair(), *(repair for repair in repairs if not isinstance(repair, NoRepair)))


def method_key(method: Matching) -> str:
    """Return the name of a method with its settings, as permutations are filed under."""
    return f"{method.name}.{method.settings_hash()}"


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
    *,
    path_train: Split | None = None,
    enter: Callable[[str, str], None] = lambda stage, detail: None,
    repairs: Sequence[Repair] = (NoRepair(),),
    evaluated: Sequence[str] = ("train", "test"),
) -> PairResult:
    """Return everything that is measured on one pair.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Parameters of networks A and B, on the device of the splits.
    train, test : Split
        Statistics for matching come from the training set, unless a method's settings say else; lines are evaluated on both.
    methods : sequence of Matching
    points : int
        Number of values of t.
    seed : int
        For methods that draw random numbers.
    batch_size : int
    path_train : Split, optional
        Training examples that the lines are evaluated on, if not all of `train`.
    enter : callable
        Shown the stage that begins, ``matching`` or ``evaluating``, and its details.
    repairs : sequence of Repair
        Of the networks on the lines, the ends too, from `train`; `none` is always measured.
    evaluated : sequence of str
        The splits that lines are evaluated on, of ``train`` and ``test``.

    Returns
    -------
    PairResult
    """
    pair = Pair(architecture, a, b, batch_size, train.inputs)
    matches = _match(pair, {"train": train, "test": test}, methods, seed, enter)
    both = {"train": train if path_train is None else path_train, "test": test}
    splits = {name: both[name] for name in evaluated}
    runs: list[RunRow] = []
    curves: list[CurveRow] = []
    for repair in with_none(repairs):
        rows = line_rows(pair, matches, repair, train, splits, points, enter)
        runs.extend(rows[0])
        curves.extend(rows[1])
    maps = {method_key(match.method): match.result.maps for match in matches}
    results = [(match.method, match.result) for match in matches]
    layers = layer_rows(architecture, architecture.graph(a).sizes, test, results)
    notes = [*_notes(pair, matches), *(note for repair in repairs for note in repair.notes(architecture))]
    return PairResult(runs, curves, layers, maps, notes, search_rows(results))


def _match(
    pair: Pair, splits: Mapping[str, Split], methods: Sequence[Matching], seed: int, enter: Callable[[str, str], None]
) -> list[Match]:
    """Return the match of every method, with what is measured of its map."""
    results, seconds = zip(*matched(pair, splits, methods, seed, enter), strict=True)
    enter("evaluating", "ends")
    measures = _map_measures(pair, methods, [result.maps for result in results], seconds, splits["test"])
    return [
        Match(method, result, replace(one, status=result.status)) for method, result, one in zip(methods, results, measures, strict=True)
    ]


def _map_measures(
    pair: Pair, methods: Sequence[Matching], maps: Sequence[Maps], seconds: Sequence[float], test: Split
) -> list[MapMeasures]:
    """Return what is measured of every map on the test split; halfway only where mapped B computes B's function."""
    architecture, inputs = pair.architecture, test.inputs
    certify = architecture.certifier(pair.a, pair.b, inputs, pair.batch_size)
    measures = []
    for method, by_group, seconds_match in zip(methods, maps, seconds, strict=True):
        ends = pair.seen_by(method)
        aligned = ends.graph.apply(ends.b, by_group)
        gap = outputs_gap(architecture, pair.b, aligned, inputs, pair.batch_size)
        if ends is not pair:  # then the line does not begin at A as it is
            gap = float(np.maximum(gap, outputs_gap(architecture, pair.a, ends.a, inputs, pair.batch_size)))
        one = MapMeasures(function_gap=gap, distance=distance(ends.a, aligned), seconds=seconds_match)
        if one.keeps_function:
            one = replace(one, midpoint=midpoint_gap(architecture, ends.a, aligned, certify, inputs, pair.batch_size))
        measures.append(one)
    return measures


def _notes(pair: Pair, matches: Sequence[Match]) -> list[str]:
    """Return a sentence for everything that a reader of the numbers must know."""
    notes = []
    for match in matches:
        name, gap = match.method.name, match.measures.function_gap
        form = pair.seen_by(match.method).form
        if form is not None and form.obstacle:
            notes.append(f"{name}: no map but a permutation is tried of a residual stream: {form.obstacle}")
        if not match.result.converged:
            notes.append(f"{name}: not converged: {match.result.sentence}.")
        if match.is_coupling and not match.measures.keeps_function:
            notes.append(
                f"{name}: B is mapped by couplings that are no permutations, so the line ends at another function than B's, whose loss "
                "and error are loss_b_mapped and error_b_mapped; barriers count from B's own."
            )
            continue
        if not match.result.is_permutation:
            notes.append(f"{name}: the coupling is not a permutation; it was rounded to the nearest one.")
        if math.isnan(gap):
            some = "B, or of permuted B" + (", or of A, folded or not" if match.method.folds else "")
            notes.append(f"{name}: a logit of {some}, is not finite on the test split, so it has no barrier.")
        elif gap > FUNCTION_ROUNDING:
            same = "permuted B is not the same function as B" + (", or folded A not as A" if match.method.folds else "")
            notes.append(f"{name}: {same} (function_gap {gap:.1e}, rounding is below {FUNCTION_ROUNDING:g}), so it has no barrier.")
    return notes
