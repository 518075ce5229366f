"""The lines from A to B under every method's map, evaluated with the networks on them as they are or repaired."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching, MatchingResult
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.measuring.evaluation import Scores, evaluate_line, evaluate_path
from lmc_sweeps.measuring.paths import Line, OutputEnsemble, Path, Repaired
from lmc_sweeps.measuring.rows import CurveRow, MapMeasures, RunRow, curve_row, end_measures, line_columns, line_measures, run_row
from lmc_sweeps.models.base import Architecture, unstack
from lmc_sweeps.repair.base import Repair
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.linear_form import LinearForm
from lmc_sweeps.symmetry.maps import Coupling

# The split on which temperatures are fitted, for the networks have not seen it, and of whose examples blocks are kept.
CALIBRATED = IN_BLOCKS = "test"
ENDS = np.array([0.0, 1.0])


@dataclass(frozen=True)
class Pair:
    """Networks A and B, and how many examples are evaluated at a time.

    `examples` are inputs by which the linear form of the architecture is found; `form` is that of a pair which is in it.
    """

    architecture: Architecture
    a: Mapping[str, Tensor]
    b: Mapping[str, Tensor]
    batch_size: int
    examples: Tensor | None = None
    form: LinearForm | None = None

    @cached_property
    def graph(self) -> Graph:
        """The symmetry graph of the networks as they are here."""
        return self.architecture.graph(self.b) if self.form is None else self.form.free

    @cached_property
    def folded(self) -> "Pair":
        """The pair in linear form; as it is, with the obstacle said, where a tensor would overflow."""
        assert self.examples is not None
        form = self.architecture.linear_form(self.b, self.examples)
        a, b = form.folded(self.a), form.folded(self.b)
        if not all(bool(torch.isfinite(network[name]).all()) for network in (a, b) for name in network):
            obstacle = "its norms cannot be folded: a product of weights and scales is larger than their type holds."
            return replace(self, form=LinearForm(form.graph, obstacle=obstacle))
        return replace(self, a=a, b=b, form=form)

    def seen_by(self, method: Matching) -> "Pair":
        """Return the pair as a method sees it, whose line is measured."""
        return self.folded if method.folds else self

    def scores(self, path: Path, t: np.ndarray, name: str, split: Split) -> Scores:
        """Return the scores along a path on a split of this name."""
        return evaluate_path(path, t, split, self.batch_size, calibrate=name == CALIBRATED, in_blocks=name == IN_BLOCKS)


@dataclass(frozen=True)
class Match:
    """A method, what it returned, and what is measured of its map."""

    method: Matching
    result: MatchingResult
    measures: MapMeasures

    @property
    def is_coupling(self) -> bool:
        """Whether B is mapped by a coupling, and so may be another function: of other maps that would be a mistake."""
        return any(isinstance(mapping, Coupling) and not mapping.is_permutation for mapping in self.result.maps.values())

    @property
    def permutes(self) -> bool:
        """Whether the line is that from A to B in another order of its neurons."""
        return not self.method.folds and all(mapping.is_permutation for mapping in self.result.maps.values())

    @property
    def has_line(self) -> bool:
        """Whether there is a line to evaluate: a permuted B that is another function is not B."""
        return self.measures.keeps_function or self.is_coupling

    def line(self, pair: Pair) -> Line:
        """Return the line from A to mapped B."""
        ends = pair.seen_by(self.method)
        return Line(pair.architecture, ends.a, ends.graph.apply(ends.b, self.result.maps))


def line_rows(
    pair: Pair,
    matches: Sequence[Match],
    repair: Repair,
    train: Split,
    splits: Mapping[str, Split],
    points: int,
    enter: Callable[[str, str], None],
) -> tuple[list[RunRow], list[CurveRow]]:
    """Return the rows of all lines on all splits under one repair.

    A line to a permuted B that is not B's function has neither barriers nor a curve. One to a B that was mapped by a coupling has both: its
    barriers count from B's own loss and error.
    """
    t = line_points(points)
    changes = repair.applies(pair.architecture)

    def repaired(line: Line) -> Repaired:
        return Repaired(line, repair, train)

    def enter_part(part: str) -> None:
        enter("evaluating", part if isinstance(repair, NoRepair) else f"{part}, {repair.name}")

    if changes:
        lines = _repaired_scores(pair, matches, repaired, splits, t, enter_part)
    else:
        lines = _plain_scores(pair, matches, splits, t, enter_part)
    unmatched = repaired(Line(pair.architecture, pair.a, pair.b))
    runs, curves = [], []
    for name, split in splits.items():
        ends = unmatched.at(torch.as_tensor(ENDS, device=split.inputs.device))
        start = time.perf_counter()
        ensemble = pair.scores(OutputEnsemble(pair.architecture, unstack(ends, 0), unstack(ends, 1)), t, name, split)
        all_end_at_b = all(match.measures.keeps_function for match in matches)
        own = None if all_end_at_b else pair.scores(unmatched, ENDS, name, split)
        share = (time.perf_counter() - start) / len(matches)
        for match, (scores, seconds) in zip(matches, lines[name], strict=True):
            columns, ends_at_b = line_columns(match.method, repair, name), match.measures.keeps_function
            measures = match.measures.of_repaired() if changes else match.measures
            if scores is not None:
                on_line = line_measures(t, scores, ensemble, None if ends_at_b else own)
                curves.append(curve_row(columns, t, scores, ensemble))
            else:
                assert own is not None
                on_line = end_measures(t, own)
            runs.append(run_row(columns, on_line, measures, seconds + share))
    return runs, curves


Lines = dict[str, list[tuple[Scores | None, float]]]  # by split, for every match: the scores along its line, and the seconds they took


def _plain_scores(pair: Pair, matches: Sequence[Match], splits: Mapping[str, Split], t: np.ndarray, enter: Callable[[str], None]) -> Lines:
    """Return the scores along lines whose networks are left as they are: those of all permutations at once, which is faster."""
    together = [match for match in matches if match.has_line and match.permutes]
    lines: Lines = {}
    for name, split in splits.items():
        enter(name)
        by_match: dict[int, tuple[Scores, float]] = {}
        if together:
            start = time.perf_counter()
            maps = [match.result.maps for match in together]
            scores = evaluate_line(
                pair.architecture, pair.a, pair.b, maps, t, split, pair.batch_size, name == CALIBRATED, name == IN_BLOCKS
            )
            share = (time.perf_counter() - start) / len(together)
            by_match = {id(match): (scores.part(k), share) for k, match in enumerate(together)}
        for match in matches:
            if match.has_line and not match.permutes:
                start = time.perf_counter()
                alone = pair.scores(match.line(pair), t, name, split)
                by_match[id(match)] = (alone, time.perf_counter() - start)
        lines[name] = [by_match.get(id(match), (None, 0.0)) for match in matches]
    return lines


def _repaired_scores(
    pair: Pair,
    matches: Sequence[Match],
    repaired: Callable[[Line], Repaired],
    splits: Mapping[str, Split],
    t: np.ndarray,
    enter: Callable[[str], None],
) -> Lines:
    """Return the scores along repaired lines, one line after the other, for repaired networks take memory."""
    lines: Lines = {name: [] for name in splits}
    for match in matches:
        enter(match.method.name)
        path = repaired(match.line(pair))
        for name, split in splits.items():
            start = time.perf_counter()
            scores = pair.scores(path, t, name, split) if match.has_line else None
            lines[name].append((scores, time.perf_counter() - start))
    return lines
