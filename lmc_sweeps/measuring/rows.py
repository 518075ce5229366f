"""What is measured on one pair, as rows under the column names of ``runs.csv``, ``curves.csv`` and ``layers.csv``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import LayerMatch, Maps, Matching, MatchingResult
from lmc_sweeps.maths.barriers import barriers
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.width_recursions import tolerance_reached
from lmc_sweeps.measuring.evaluation import FUNCTION_ROUNDING, Scores
from lmc_sweeps.measuring.gaps import NONE, MidpointGap
from lmc_sweeps.models.base import INPUT, Architecture

UNDEFINED = MidpointGap(math.nan, math.nan, math.nan, math.nan, NONE)


@dataclass(frozen=True, kw_only=True)
class MethodRow:
    """What every row begins with: the matching method and the hash of its settings."""

    matching: str
    settings_hash: str


@dataclass(frozen=True, kw_only=True)
class RunRow(MethodRow):
    """The measures of one method on one split; losses in nats per example, errors in [0, 1], NaN where a measure does not exist."""

    split: str
    points: int
    loss_a: float
    loss_b: float
    error_a: float
    error_b: float
    loss_barrier: float
    loss_barrier_t: float
    loss_barrier_mean: float
    loss_midpoint: float
    loss_midpoint_barrier: float
    error_barrier: float
    error_barrier_t: float
    error_barrier_mean: float
    error_midpoint: float
    error_midpoint_barrier: float
    function_gap: float
    output_gap: float
    output_scale: float
    certificate: float
    certificate_ratio: float
    certificate_status: str
    distance: float
    seconds_match: float
    seconds_evaluate: float


@dataclass(frozen=True, kw_only=True)
class CurveRow(MethodRow):
    """Loss and error of one method along the line on one split, at every t."""

    split: str
    t: list[float]
    loss: list[float]
    error: list[float]


@dataclass(frozen=True, kw_only=True)
class LayerRow(LayerMatch, MethodRow):
    """What one method says of one layer, and the tolerance that the recursion of theorem 5.2 promises of it."""

    recursion_tolerance: float


@dataclass(frozen=True, kw_only=True)
class SearchRow(MethodRow):
    """How a method ended: its status and a sentence, the objective by iteration, and what else it reports (`MatchingResult`)."""

    status: str
    sentence: str
    objective: list[float]
    statistics: dict[str, Any]


@dataclass(frozen=True)
class LineRows:
    """What was measured along the lines."""

    runs: list[RunRow]
    curves: list[CurveRow]


@dataclass(frozen=True)
class PairResult:
    """What was measured on one pair: the rows, the maps by method and group, and a sentence for everything that readers must know.

    `runs` and `curves` are those of networks as they are on the lines; `repaired` has those of repaired networks, by repair.
    """

    runs: list[RunRow]
    curves: list[CurveRow]
    layers: list[LayerRow]
    maps: Mapping[str, Maps]
    notes: list[str]
    repaired: Mapping[str, LineRows] = field(default_factory=dict)
    searches: Sequence[SearchRow] = ()

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of every table as plain dicts, as they stand in a record."""
        rows: dict[str, Sequence[MethodRow]] = {"runs": self.runs, "curves": self.curves, "layers": self.layers}
        return {table: [asdict(row) for row in rows[table]] for table in rows}


@dataclass(frozen=True, kw_only=True)
class MapMeasures:
    """What is measured once of a method's map of B, beside the lines."""

    function_gap: float = math.nan
    midpoint: MidpointGap = UNDEFINED
    distance: float = math.nan
    seconds: float = 0.0

    @property
    def keeps_function(self) -> bool:
        """Whether permuted B computes B's function; without a gap it does not."""
        return self.function_gap <= FUNCTION_ROUNDING

    def of_repaired(self) -> "MapMeasures":
        """Return them without the measures of the midpoint, which are those of the network as it is."""
        return replace(self, midpoint=UNDEFINED)


def method_columns(method: Matching) -> dict[str, Any]:
    """Return what every row of a method begins with."""
    return {"matching": method.name, "settings_hash": method.settings_hash()}


def run_row(method: Matching, split: str, on_line: Mapping[str, Any], of_map: MapMeasures, seconds: float) -> RunRow:
    """Return the row of a method on one split; `seconds` are those of evaluating its line."""
    return RunRow(
        **method_columns(method),
        split=split,
        **on_line,
        function_gap=of_map.function_gap,
        **asdict(of_map.midpoint),
        distance=of_map.distance,
        seconds_match=of_map.seconds,
        seconds_evaluate=seconds,
    )


def line_measures(t: np.ndarray, loss: np.ndarray, error: np.ndarray) -> dict[str, Any]:
    """Return the number of points, the end points and the barriers of one line under their column names."""
    ends = {"loss_a": loss[0], "loss_b": loss[-1], "error_a": error[0], "error_b": error[-1]}
    measures = {"points": len(t), **{column: float(value) for column, value in ends.items()}}
    return measures | barriers(t, loss).columns("loss") | barriers(t, error).columns("error")


def end_measures(t: np.ndarray, ends: Scores) -> dict[str, Any]:
    """Return the measures of a line whose map does not keep B's function: A's and B's own, and nothing between them."""
    own = zip(("loss_a", "loss_b", "error_a", "error_b"), (*ends.loss, *ends.error), strict=True)
    return _no_line(len(t)) | {column: float(value) for column, value in own}


def _no_line(points: int) -> dict[str, Any]:
    nothing = np.full(points, math.nan)
    return line_measures(line_points(points), nothing, nothing)


def search_rows(results: Sequence[tuple[Matching, MatchingResult]]) -> list[SearchRow]:
    """Return how every method ended."""
    return [
        SearchRow(
            **method_columns(method),
            status=result.status,
            sentence=result.sentence,
            objective=list(result.objective),
            statistics={key: list(value) if isinstance(value, tuple) else value for key, value in result.statistics.items()},
        )
        for method, result in results
    ]


def layer_rows(
    architecture: Architecture, sizes: Mapping[str, int], test: Split, results: Sequence[tuple[Matching, MatchingResult]]
) -> list[LayerRow]:
    """Return what every method says of the layers, with the tolerance that theory promises of each."""
    tolerances = _tolerances(architecture, sizes, test)
    return [
        LayerRow(**method_columns(method), **asdict(layer), recursion_tolerance=tolerances[layer.layer_name])
        for method, result in results
        for layer in result.layers
    ]


def _tolerances(architecture: Architecture, sizes: Mapping[str, int], test: Split) -> dict[str, float]:
    """Return by group the tolerance that the recursion of theorem 5.2 promises; NaN but for chains of layers of two neurons and more."""
    tolerances, before = {}, INPUT
    for layer, group in enumerate(sizes, start=1):
        is_chain = test.inputs.dim() == 2 and architecture.sources(group) == (before,)
        has_promise = is_chain and sizes[group] > 1
        tolerances[group] = tolerance_reached(sizes[group], test.inputs.shape[1], layer) if has_promise else math.nan
        before = group if is_chain else ""
    return tolerances


def undefined_rows(methods: Sequence[Matching], points: int) -> PairResult:
    """Return the rows of a pair that cannot be measured, because a network has weights that are not finite: every value is NaN."""
    runs = [run_row(method, split, _no_line(points), MapMeasures(), 0.0) for split in ("train", "test") for method in methods]
    return PairResult(runs, [], [], {}, [])
