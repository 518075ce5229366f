"""What is measured on one pair, as rows under the column names of ``runs.csv``, ``curves.csv`` and ``layers.csv``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import LayerMatch, Maps, Matching, MatchingResult
from lmc_sweeps.maths.barriers import barriers
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.width_recursions import tolerance_reached
from lmc_sweeps.measuring.blocks import kept_blocks
from lmc_sweeps.measuring.evaluation import FUNCTION_ROUNDING, Scores, no_scores
from lmc_sweeps.measuring.gaps import NONE, MidpointGap
from lmc_sweeps.models.base import INPUT, Architecture
from lmc_sweeps.repair.base import Repair
from multirun_analysis.schema import TEST_BLOCKS

UNDEFINED = MidpointGap(math.nan, math.nan, math.nan, math.nan, NONE)


@dataclass(frozen=True, kw_only=True)
class MethodRow:
    """What every row begins with: the matching method and the hash of its settings."""

    matching: str
    settings_hash: str


@dataclass(frozen=True, kw_only=True)
class LineRow(MethodRow):
    """What every row of a line begins with: the method, the repair of the networks on the line, the hash of its settings, the split."""

    repair: str
    repair_hash: str
    split: str


@dataclass(frozen=True, kw_only=True)
class RunRow(LineRow):
    """The measures of one method on one split; losses in nats per item, errors in [0, 1], NaN where a measure does not exist."""

    matching_status: str
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
    barrier_over_loss: float
    loss_barrier_calibrated: float
    temperature_midpoint: float
    loss_ensemble: float
    error_ensemble: float
    loss_b_mapped: float
    error_b_mapped: float
    function_gap: float
    output_gap: float
    output_scale: float
    certificate: float
    certificate_ratio: float
    certificate_status: str
    distance: float
    seconds_match: float
    seconds_evaluate: float
    test_blocks: str | None


@dataclass(frozen=True, kw_only=True)
class CurveRow(LineRow):
    """Loss and error of one method along the line on one split, at every t; NaN where nothing was calibrated."""

    t: list[float]
    loss: list[float]
    error: list[float]
    loss_calibrated: list[float]
    loss_ensemble: list[float]
    error_ensemble: list[float]


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
class PairResult:
    """What was measured on one pair: the rows, the maps by method and group, and a sentence for everything that readers must know."""

    runs: list[RunRow]
    curves: list[CurveRow]
    layers: list[LayerRow]
    maps: Mapping[str, Maps]
    notes: list[str]
    searches: Sequence[SearchRow] = ()

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of every table as plain dicts, as they stand in a record."""
        rows: dict[str, Sequence[MethodRow]] = {"runs": self.runs, "curves": self.curves, "layers": self.layers}
        return {table: [dict(vars(row)) for row in rows[table]] for table in rows}


@dataclass(frozen=True, kw_only=True)
class MapMeasures:
    """What is measured once of a method's map of B, beside the lines, and how the method ended."""

    status: str = ""
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


def line_columns(method: Matching, repair: Repair, split: str) -> dict[str, Any]:
    """Return what every row of a line begins with."""
    return {**method_columns(method), "repair": repair.name, "repair_hash": repair.settings_hash(), "split": split}


def run_row(columns: Mapping[str, Any], on_line: Mapping[str, Any], of_map: MapMeasures, seconds: float) -> RunRow:
    """Return the row of a method on one split, with what it begins with; `seconds` are those of evaluating its line."""
    return RunRow(
        **columns,
        **on_line,
        matching_status=of_map.status,
        function_gap=of_map.function_gap,
        **asdict(of_map.midpoint),
        distance=of_map.distance,
        seconds_match=of_map.seconds,
        seconds_evaluate=seconds,
    )


def curve_row(columns: Mapping[str, Any], t: np.ndarray, line: Scores, ensemble: Scores) -> CurveRow:
    """Return the row of one line, with what it begins with."""
    return CurveRow(
        **columns,
        t=t.tolist(),
        loss=line.loss.tolist(),
        error=line.error.tolist(),
        loss_calibrated=line.calibrated.tolist(),
        loss_ensemble=ensemble.loss.tolist(),
        error_ensemble=ensemble.error.tolist(),
    )


def line_measures(t: np.ndarray, line: Scores, ensemble: Scores, own: Scores | None = None) -> dict[str, Any]:
    """Return the number of points, the end points and the barriers of one line under their column names, and its test blocks.

    `own` are the scores of A and B, (2,), where the line does not end at B but at what a coupling makes of it: barriers count from them.
    """
    ends = line.part([0, -1]) if own is None else own
    on_line, on_error = barriers(t, line.loss, ends.loss), barriers(t, line.error, ends.error)
    half, mean = len(t) // 2, ends.loss.mean()
    measures = {
        "loss_a": ends.loss[0],
        "loss_b": ends.loss[1],
        "error_a": ends.error[0],
        "error_b": ends.error[1],
        "barrier_over_loss": on_line.barrier / mean if mean > 0 else math.nan,
        "loss_barrier_calibrated": barriers(t, line.calibrated, ends.calibrated).barrier,
        "temperature_midpoint": line.temperature[half],
        "loss_ensemble": ensemble.loss[half],
        "error_ensemble": ensemble.error[half],
        "loss_b_mapped": math.nan if own is None else line.loss[-1],
        "error_b_mapped": math.nan if own is None else line.error[-1],
        **on_line.columns("loss"),
        **on_error.columns("error"),
    }
    blocks = kept_blocks(t, line.blocks, ends.blocks, on_line, on_error)
    return {"points": len(t), **{column: float(value) for column, value in measures.items()}, TEST_BLOCKS: blocks}


def end_measures(t: np.ndarray, own: Scores) -> dict[str, Any]:
    """Return the measures of a line whose map does not keep B's function: A's and B's own, and nothing between them."""
    ends = zip(("loss_a", "loss_b", "error_a", "error_b"), (*own.loss, *own.error), strict=True)
    return _no_line(len(t)) | {column: float(value) for column, value in ends}


def _no_line(points: int) -> dict[str, Any]:
    return line_measures(line_points(points), no_scores(points), no_scores(points))


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
    is_of_vectors = test.inputs.dim() == 2 and test.inputs.is_floating_point()
    for layer, group in enumerate(sizes, start=1):
        is_chain = is_of_vectors and architecture.sources(group) == (before,)
        has_promise = is_chain and sizes[group] > 1
        tolerances[group] = tolerance_reached(sizes[group], test.inputs.shape[1], layer) if has_promise else math.nan
        before = group if is_chain else ""
    return tolerances


def undefined_rows(methods: Sequence[Matching], repairs: Sequence[Repair], points: int) -> PairResult:
    """Return the rows of a pair that cannot be measured, because a network has weights that are not finite: every value is NaN."""
    columns = [line_columns(method, repair, split) for repair in repairs for split in ("train", "test") for method in methods]
    return PairResult([run_row(each, _no_line(points), MapMeasures(), 0.0) for each in columns], [], [], {}, [])
