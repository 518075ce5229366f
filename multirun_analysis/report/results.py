"""The results of a sweep in Python: frames, tables and figures of its folder, and how a notebook shows them."""

import html
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis import plots
from multirun_analysis.checks import InputError, nearest
from multirun_analysis.common.media import for_terminal
from multirun_analysis.frames import tidy
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes
from multirun_analysis.output.figures import figure_png
from multirun_analysis.page import REPORT_FILE
from multirun_analysis.report.paper_figure import DRAWN, PaperFigure, too_small
from multirun_analysis.report.paper_options import read_size, two_sides
from multirun_analysis.report.report import SHOWN
from multirun_analysis.schema import ANALYSIS_FOLDER
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.tables.names import TABLES
from multirun_analysis.tables.pivots import Block, pivot, pivot_text
from multirun_analysis.tables.sweep import sweep_frames


@dataclass(frozen=True)
class SweepResults:
    """What a sweep has measured, finished or not, read from its folder.

    Frames are read when they are first asked for and kept: `again` reads a sweep that has gone on since. As text, and in a notebook, it is
    the sweep's table of test loss barriers.

    Parameters
    ----------
    folder : path
        Of the sweep, or of one job.

    Examples
    --------
    ::

        SweepResults("my_sweep").runs.query("split == 'test'")
    """

    folder: str | Path

    @property
    def runs(self) -> pd.DataFrame:
        """The measures, as in ``runs.csv``: one row per job, pair, method and split."""
        return self.table("runs")

    @property
    def curves(self) -> pd.DataFrame:
        """Loss and error along the path, as in ``curves.csv``: one row per job, pair, method, split and t."""
        return self.table("curves")

    @property
    def layers(self) -> pd.DataFrame:
        """What matching says of layers, as in ``layers.csv``."""
        return self.table("layers")

    @property
    def failures(self) -> pd.DataFrame:
        """What failed, diverged or is missing, as in ``failures.csv``: a row for each."""
        return self.table("failures")

    def barrier_vs_width(self, choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
        """Return means of barriers with their intervals, as in ``barrier_vs_width.csv``; `choice` is the kind of interval."""
        return self.table(DRAWN) if choice == DEFAULT else sweep_frames(self._sweep, [DRAWN], choice)[DRAWN]

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the sweep by the name of its CSV.

        Raises
        ------
        InputError
            If there is no such table.
        """
        if name not in TABLES:
            raise InputError(f"`name` must be one of {', '.join(TABLES)}, got {name!r}.{nearest(name, TABLES)}")
        if name not in self._tables:
            self._tables.update(sweep_frames(self._sweep, [name]))
        return self._tables[name].copy()

    def plot(self, figure: str = DRAWN, x: str = "width", hue: str = "matching") -> Figure:
        """Return one of the figures of the sweep's report.

        Parameters
        ----------
        figure : str
            Its name: ``barrier_vs_width``, ``interpolation_curves``, ...
        x, hue : str
            The keys that make its axis and its lines.

        Raises
        ------
        InputError
            If there is no such figure or key, or the sweep has nothing that the figure could show.
        """
        choices = plots.choices()
        if figure not in choices:
            raise InputError(f"`figure` must be one of {', '.join(choices)}, got {figure!r}.{nearest(figure, choices)}")
        pivot(self.table(DRAWN), self.runs, SHOWN, x=x, hue=hue)  # which refuses what is no key
        self._tables.update(sweep_frames(self._sweep, [name for name in TABLES if name not in self._tables]))
        drawn = choices[figure].draw({**self._tables, "planes": find_planes(self._sweep, self.folder).frame}, x, hue)
        if drawn is None:
            raise InputError(f"the sweep in {self.folder} has nothing that the figure {figure} could show.")
        vars(drawn)["_repr_png_"] = partial(figure_png, drawn)  # a notebook shows it, whether or not pyplot is set up there
        return drawn

    def paper_figure(
        self,
        figure: str = DRAWN,
        x: str = "width",
        hue: str = "matching",
        *,
        metric: str | None = None,
        select: Mapping[str, object] | None = None,
        size: tuple[float, float] | str | None = None,
        styles: str | Sequence[str] = (),
        level_line: float | None = None,
    ) -> tuple[Figure, str]:
        """Return a figure for a paper and its caption, as ``python -m multirun_analysis DIR --figure NAME`` writes them.

        Parameters
        ----------
        figure, x, hue : str
            As those of `plot`.
        metric : str, optional
            The only measure that it shows, ``"error_barrier"`` for example.
        select : mapping, optional
            The value, or the values in a list, that keys may have: ``{"depth": [1, 2]}``.
        size : tuple of float or str, optional
            Width and height in inches, or as the command takes them: ``"82x60mm"``.
        styles : sequence of str
            Of matplotlib, by name or as the file of one; or ``tueplots.icml2022``, a bundle of tueplots.
        level_line : float, optional
            A barrier at which a dotted line is drawn.

        Raises
        ------
        InputError
            If anything was asked for that is not there.
        """
        if not isinstance(select, Mapping | None):
            raise InputError(f"`select` must be keys and their values, such as {{'depth': [1, 2]}}, got {select!r}.")
        words = {key: _words(value) for key, value in (select or {}).items()}
        inches = None if size is None else read_size(size) if isinstance(size, str) else two_sides(size)
        chosen = PaperFigure(figure, x, hue, metric, words, inches, styles, level_line)
        drawn, frames = chosen.draw(self._sweep, self.folder)
        if sentence := too_small(drawn):
            warnings.warn(sentence, stacklevel=2)
        vars(drawn)["_repr_png_"] = partial(figure_png, drawn)
        return drawn, chosen.caption(drawn, frames)

    def again(self) -> "SweepResults":
        """Return the results as they are now."""
        return SweepResults(self.folder)

    @property
    def report(self) -> Path:
        """The page that the sweep has written, or ``python -m multirun_analysis`` writes."""
        return Path(self.folder) / ANALYSIS_FOLDER / REPORT_FILE

    def __repr__(self) -> str:
        """Return the table of the sweep's test loss barriers, as the terminal shows it."""
        table = pivot_text(list(self._blocks)) if self._blocks else "(no results yet)"
        return f"{table}\n\n{for_terminal(self._counts)}"

    def _repr_html_(self) -> str:
        """Return the same for a cell of a notebook."""
        parts = [f"<p><strong>{html.escape(block.title)}</strong></p>{_frame(block).to_html(index=False)}" for block in self._blocks]
        return "".join([*parts, f"<p>{html.escape(self._counts)}</p>"])

    @cached_property
    def _sweep(self) -> tidy.Sweep:
        return find_sweep(self.folder)

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        return {}

    @cached_property
    def _blocks(self) -> Sequence[Block]:
        return tuple(pivot(self.table(DRAWN), self.runs, SHOWN))

    @property
    def _counts(self) -> str:
        failed = len(self.failures)
        more = f", {failed} rows in failures" if failed else ""
        return f"Test loss barrier [nats]; {len(self._sweep.records)} of {self._sweep.n_asked} jobs in {self.folder}{more}."


def _frame(block: Block) -> pd.DataFrame:
    """Return a block of the table as a frame of words."""
    return pd.DataFrame([[*row[:3], *(value.text("±") for value in row[3])] for row in block.rows], columns=list(block.header))


def _words(value: object) -> list[str]:
    """Return a value, or each of several, as it stands in the tables."""
    several = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    return [tidy.value_text(each) for each in several]
