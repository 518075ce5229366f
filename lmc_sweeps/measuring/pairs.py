"""What is measured on one pair of networks: match B to A by every method, evaluate along the lines, measure the barriers."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Maps, Matching, MatchingResult
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.measuring.evaluation import FUNCTION_ROUNDING, Scores, evaluate, evaluate_line, evaluate_path, function_gap
from lmc_sweeps.measuring.gaps import distance, midpoint_gap
from lmc_sweeps.measuring.paths import Line, Repaired
from lmc_sweeps.measuring.problems import MOMENTS, matching_problem, solved
from lmc_sweeps.measuring.rows import (
    CurveRow,
    LineRows,
    MapMeasures,
    PairResult,
    RunRow,
    end_measures,
    layer_rows,
    line_measures,
    method_columns,
    run_row,
    search_rows,
)
from lmc_sweeps.models.base import Architecture, stacked
from lmc_sweeps.repair.base import Repair
from lmc_sweeps.repair.none import NoRepair


@dataclass(frozen=True)
class _Pair:
    """Networks A and B, and how many examples are evaluated at a time."""

    architecture: Architecture
    a: Mapping[str, Tensor]
    b: Mapping[str, Tensor]
    batch_size: int


@dataclass(frozen=True)
class _Match:
    """A method, what it returned, and what is measured of its map."""

    method: Matching
    result: MatchingResult
    measures: MapMeasures


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
) -> PairResult:
    """Return everything that is measured on one pair.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Parameters of networks A and B, on the device of the splits.
    train, test : Split
        Statistics for matching come from the training set; lines are evaluated on both.
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

    Returns
    -------
    PairResult
    """
    pair = _Pair(architecture, a, b, batch_size)
    matches = _match(pair, train, test, methods, seed, enter)
    rows: dict[str, LineRows] = {}
    for repair in with_none(repairs):
        rows[repair.name], lines = LineRows([], []), _repaired_lines(pair, matches, repair, train)
        for name, split in (("train", train if path_train is None else path_train), ("test", test)):
            enter("evaluating", name if isinstance(repair, NoRepair) else f"{name}, {repair.name}")
            runs, curves = _line_rows(pair, matches, line_points(points), name, split, lines)
            rows[repair.name].runs.extend(runs)
            rows[repair.name].curves.extend(curves)
    as_they_are = rows.pop(NoRepair.name)
    maps = {method_key(match.method): match.result.maps for match in matches}
    results = [(match.method, match.result) for match in matches]
    layers = layer_rows(architecture, architecture.graph(a).sizes, test, results)
    notes = [*_notes(matches), *(note for repair in repairs for note in repair.notes(architecture))]
    return PairResult(as_they_are.runs, as_they_are.curves, layers, maps, notes, rows, search_rows(results))


def _match(
    pair: _Pair, train: Split, test: Split, methods: Sequence[Matching], seed: int, enter: Callable[[str, str], None]
) -> list[_Match]:
    """Return the match of every method; moments, which several look at, are computed once, and the methods share the seconds."""
    users = sum(bool(method.needs & MOMENTS) for method in methods)
    enter("matching", "statistics")
    start = time.perf_counter()
    needs = frozenset().union(*(method.needs for method in methods))
    problem = matching_problem(pair.architecture, [pair.a, pair.b], train, needs, batch_size=pair.batch_size)
    share = (time.perf_counter() - start) / max(users, 1)
    results, seconds = [], []
    for method in methods:
        enter("matching", method.name)
        start = time.perf_counter()
        results.append(solved(method, problem.shown_to(method.needs, generator(seed, "matching", method.name))))
        seconds.append(time.perf_counter() - start + (share if method.needs & MOMENTS else 0.0))
    enter("evaluating", "ends")
    measures = _map_measures(pair, [result.maps for result in results], seconds, test)
    return [_Match(*parts) for parts in zip(methods, results, measures, strict=True)]


def _map_measures(pair: _Pair, maps: Sequence[Maps], seconds: Sequence[float], test: Split) -> list[MapMeasures]:
    """Return what is measured of every map on the test split; halfway only where mapped B computes B's function."""
    architecture, inputs = pair.architecture, test.inputs
    certify = architecture.certifier(pair.a, pair.b, inputs, pair.batch_size)
    measures = []
    graph = architecture.graph(pair.b)
    for by_group, seconds_match in zip(maps, seconds, strict=True):
        gap = function_gap(architecture, pair.b, by_group, inputs, pair.batch_size)
        aligned = graph.apply(pair.b, by_group)
        one = MapMeasures(function_gap=gap, distance=distance(pair.a, aligned), seconds=seconds_match)
        if one.keeps_function:
            one = replace(one, midpoint=midpoint_gap(architecture, pair.a, aligned, certify, inputs, pair.batch_size))
        measures.append(one)
    return measures


def _repaired_lines(pair: _Pair, matches: Sequence[_Match], repair: Repair, train: Split) -> list[Repaired]:
    """Return the repaired line of every match; none where the repair changes nothing in networks of this kind."""
    if not repair.applies(pair.architecture):
        return []
    graph = pair.architecture.graph(pair.b)
    return [Repaired(Line(pair.architecture, pair.a, graph.apply(pair.b, match.result.maps)), repair, train) for match in matches]


def _line_rows(
    pair: _Pair, matches: Sequence[_Match], t: np.ndarray, name: str, split: Split, lines: Sequence[Repaired]
) -> tuple[list[RunRow], list[CurveRow]]:
    """Return the rows of one split; a map that does not keep B's function has no line, and so neither barriers nor a curve."""
    start = time.perf_counter()
    scores = _line_scores(pair, matches, t, split, lines)
    seconds = (time.perf_counter() - start) / len(matches)
    all_keep = all(match.measures.keeps_function for match in matches)
    ends = None if all_keep else _ends(pair, split, lines)
    runs, curves = [], []
    for match, loss, error in zip(matches, scores.loss, scores.error, strict=True):
        keeps_function = match.measures.keeps_function
        on_line = line_measures(t, loss, error) if ends is None or keeps_function else end_measures(t, ends)
        measures = match.measures.of_repaired() if lines else match.measures
        runs.append(run_row(match.method, name, on_line, measures, seconds))
        if keeps_function:
            curves.append(CurveRow(**method_columns(match.method), split=name, t=t.tolist(), loss=loss.tolist(), error=error.tolist()))
    return runs, curves


def _ends(pair: _Pair, split: Split, lines: Sequence[Repaired]) -> Scores:
    """Return the loss and the error of A and B, repaired as the lines are."""
    ends = stacked([pair.a, pair.b])
    ends = lines[0].repair(pair.architecture, ends, lines[0].train) if lines else ends
    return evaluate(pair.architecture, ends, split, pair.batch_size)


def _line_scores(pair: _Pair, matches: Sequence[_Match], t: np.ndarray, split: Split, lines: Sequence[Repaired]) -> Scores:
    """Return loss and error along the line of every match, (matches, points); repaired, NaN where a map does not keep B's function."""
    if not lines:
        return evaluate_line(pair.architecture, pair.a, pair.b, [match.result.maps for match in matches], t, split, pair.batch_size)
    nothing = Scores(np.full(len(t), math.nan), np.full(len(t), math.nan))
    scores = [
        evaluate_path(line, t, split, pair.batch_size) if match.measures.keeps_function else nothing
        for match, line in zip(matches, lines, strict=True)
    ]
    return Scores(np.stack([each.loss for each in scores]), np.stack([each.error for each in scores]))


def _notes(matches: Sequence[_Match]) -> list[str]:
    """Return a sentence for everything that a reader of the numbers must know."""
    notes = []
    for match in matches:
        name, gap = match.method.name, match.measures.function_gap
        if not match.result.converged:
            notes.append(f"{name}: not converged: {match.result.sentence}.")
        if not match.result.is_permutation:
            notes.append(f"{name}: the coupling is not a permutation; it was rounded to the nearest one.")
        if math.isnan(gap):
            notes.append(f"{name}: a logit of B, or of permuted B, is not finite on the test split, so it has no barrier.")
        elif gap > FUNCTION_ROUNDING:
            notes.append(
                f"{name}: permuted B is not the same function as B (function_gap {gap:.1e}, rounding is below {FUNCTION_ROUNDING:g}), "
                "so it has no barrier."
            )
    return notes
