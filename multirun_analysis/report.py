"""Writing the analysis of sweeps: CSVs, figures, and the text that a terminal shows."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis import tidy
from multirun_analysis.csv_text import write_curves, write_frame
from multirun_analysis.discovery import find_sweep
from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.plots.style import figure_style
from multirun_analysis.stats.summary import kinds_of
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width, cell_title, varying_columns
from multirun_analysis.tables.connected_share import connected_share
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.pivots import pivot_latex, pivot_markdown, pivot_text
from multirun_analysis.tables.slopes import slopes
from multirun_analysis.tables.width_needed import width_needed
from multirun_analysis.tidy import Sweep, method_order

MOST_ROWS = 12  # of panels in the figure; the tables have all
MOST_FAILURES = 10  # on the terminal; failures.csv has all


@dataclass(frozen=True)
class Report:
    """What was written where, and the text for the terminal."""

    folder: Path
    text: str


def write_report(sweep_dirs: Sequence[Path], out: Path | None = None, x: str = "width", hue: str = "matching") -> Report:
    """Write the tables and figures of sweeps, and return the text that sums them up.

    Parameters
    ----------
    sweep_dirs : sequence of Path
        Folders of sweeps; a job found in several counts once.
    out : Path, optional
        Where to write; ``analysis`` in the sweep's folder, or in the working directory for several sweeps, if not given.
    x, hue : str
        The keys that make the rows and columns of the table, and the axis and the lines of the figure.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If a folder does not exist or holds no job, or `x` or `hue` is no key of the sweep.
    """
    sweep = find_sweep(sweep_dirs)
    folder = out if out is not None else (sweep_dirs[0] if len(sweep_dirs) == 1 else Path()) / "analysis"
    frames = sweep_frames(sweep, curves=False)
    table = frames["barrier_vs_width"]
    pivots = {".md": pivot_markdown(table, x=x, hue=hue), ".tex": pivot_latex(table, x=x, hue=hue)}
    for name, frame in frames.items():
        write_csv(frame, folder / f"{name}.csv")
    _write(folder / "curves.csv", partial(write_curves, sweep))  # by far the longest: never a frame as a whole
    for ending, text in pivots.items():
        _write(folder / f"barrier_vs_width{ending}", _writer(text))
    if (table["n_pairs"] > 0).any():
        save_figure(_barrier_figure(table, frames["runs"], x, hue), folder / "barrier_vs_width.png")
    return Report(folder, _text(sweep, table, folder, x, hue))


def sweep_frames(sweep: Sweep, curves: bool = True) -> dict[str, pd.DataFrame]:
    """Return the tables that every sweep has, by the names of their CSVs; without the curves, which are long, if so asked."""
    runs = tidy.runs_frame(sweep)
    table = barrier_vs_width(runs, tidy.expected_frame(sweep))
    return {
        "runs": runs,
        **({"curves": tidy.curves_frame(sweep)} if curves else {}),
        "layers": tidy.layers_frame(sweep),
        "barrier_vs_width": table,
        "failures": sweep.failures,
        "method_differences": method_differences(runs),
        "slopes": slopes(runs),
        "width_needed": width_needed(table),
        "connected_share": connected_share(runs),
    }


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, floats in a fixed format: equal frames give equal bytes."""
    _write(path, partial(write_frame, frame))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the place and rename, so that a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new") as fresh:
        write(Path(fresh) / path.name)
        os.replace(Path(fresh) / path.name, path)


def _writer(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding="utf-8")


def _barrier_figure(table: pd.DataFrame, runs: pd.DataFrame, x: str, hue: str) -> Figure:
    """Return test loss and error barrier against `x`, a row of panels for each cell of the keys other than `x` and `hue`."""
    keys = [key for key in ("dataset", "model", "depth", *varying_columns(runs), "matching", "width") if key not in (x, hue)]
    cells = list(table[table["n_pairs"] > 0].groupby(keys, sort=False))[:MOST_ROWS]
    metrics = ("loss_barrier", "error_barrier")
    with figure_style():
        figure = Figure(figsize=(4.6 * len(metrics), 3.2 * len(cells) + 0.5), layout="constrained")
        axes = figure.subplots(len(cells), len(metrics), squeeze=False)
        for row, (key, cell) in zip(axes, cells, strict=True):
            of_cell = (runs[keys].astype(str) == pd.Series(key, index=keys).astype(str)).all(axis=1)
            title = cell_title(keys, key)
            for ax, metric in zip(row, metrics, strict=True):
                plot_barrier_vs_width(cell, runs[of_cell], metric=metric, x=x, hue=hue, ax=ax)
                ax.set_title(title, fontsize=8, loc="left")
        shown = {label: handle for ax in axes.flat for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        labels = sorted(shown, key=method_order) if hue == "matching" else list(shown)
        figure.legend(
            [shown[label] for label in labels],
            labels,
            ncols=min(6, len(labels)),
            loc="outside upper center",
            title=f"points: pairs; line: mean; band: {kinds_of(table)}",
        )
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the style of all figures; equal figures give equal bytes."""
    with figure_style(), matplotlib.rc_context({"savefig.bbox": None}):
        _write(path, lambda temporary: figure.savefig(temporary, dpi=150, metadata={"Software": None}))


def _text(sweep: Sweep, table: pd.DataFrame, folder: Path, x: str, hue: str) -> str:
    """Return the table for the terminal, what was found of what was expected, and where the rest lies."""
    parts = [
        f"Test loss barrier [nats]: mean ± half the 95 % interval ({kinds_of(table)}); error at ends: mean test error of the networks.",
        "",
    ]
    parts += [pivot_text(table, x=x, hue=hue) if len(table) else "(no results yet)", ""]
    parts.append(f"{len(sweep.records)} of {sweep.n_asked} jobs found.")
    for row in sweep.failures.head(MOST_FAILURES).to_dict("records"):
        parts.append(f"  {row['status']}: {row['job'] or row['run_id']}: {row['sentence']}")
    if len(sweep.failures) > MOST_FAILURES:
        parts.append(f"  and {len(sweep.failures) - MOST_FAILURES} more in failures.csv")
    parts += [f"  note: {note}" for note in sweep.notes]
    parts += [
        f"  note: {key} differs between jobs and has no column, for here it follows from {of}." for key, of in sweep.following.items()
    ]
    keys = [key for key in ("dataset", "model", "depth", *sweep.varying, "matching", "width") if key not in (x, hue)]
    n_cells = len(table.loc[table["n_pairs"] > 0, keys].drop_duplicates())
    if n_cells > MOST_ROWS:
        parts.append(f"  note: the figure shows the first {MOST_ROWS} of {n_cells} cells; the tables have all.")
    parts.append(f"Tables and figure: {folder}")
    return "\n".join(parts)
