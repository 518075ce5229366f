# PYTHON_ARGCOMPLETE_OK
"""``python -m multirun_analysis SWEEP_DIR [SWEEP_DIR ...] [--out DIR]``."""

import argparse
import gc
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from multirun_analysis.checks import InputError, user_path
from multirun_analysis.common.backend import draw_into_files
from multirun_analysis.common.lean_imports import process_is_ours
from multirun_analysis.common.leaving import run_and_leave
from multirun_analysis.common.media import for_terminal
from multirun_analysis.common.registry import check_folders, folders_of_parts
from multirun_analysis.common.side_by_side import cores
from multirun_analysis.common.streams import command_streams
from multirun_analysis.completion import complete
from multirun_analysis.stats.interval_choice import DEFAULT, FEWEST_TO_RESAMPLE, KINDS, IntervalChoice
from multirun_analysis.tables.names import TABLES

SECONDS, LEAST, MOST = 10.0, 1.0, 86_400.0  # between two looks at a sweep that is watched: if nothing else is said, at least, at most

EXAMPLES = """examples:
  python -m multirun_analysis my_sweep
      the tables, figures and report.html of a sweep, finished or not
  python -m multirun_analysis first second --out both
      of two sweeps together; a job found in both counts once
  python -m multirun_analysis tables --interval t
      of an analysis without records: new intervals and figures
  python -m multirun_analysis my_sweep --x optimizer.lr
      rows and axis: learning rates in place of widths
  python -m multirun_analysis my_sweep --only runs,curves
      these tables and nothing else: sooner, where a sweep is large
  python -m multirun_analysis my_sweep --study width_mnist
      a study's own tables and figures too, in results/width_mnist
  python -m multirun_analysis my_sweep --figure barrier_vs_width \\
      --metric error_barrier --size 3.25x2.4 --format pdf,pgf
      a figure for a paper, with its caption

exit status: 0 if the tables were written (failed or missing jobs are listed in
them), 1 if not, with a sentence that says why
"""


@command_streams()
def main(arguments: list[str] | None = None) -> None:
    """Analyse the sweeps named on the command line and print their table."""
    parser = _parser()
    complete(parser)
    options = parser.parse_args(arguments)
    if arguments is None:  # a process of its own
        process_is_ours()
        gc.disable()  # a twelfth of the time of a large sweep: its objects stay to the end, and would be looked through again and again
    draw_into_files()
    try:
        _check(options)
        _run(options)
    except InputError as error:
        sys.exit(for_terminal(error, keep="\n"))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(for_terminal(f"the tables cannot be written: {error}; make room or name another folder with --out DIR."))


def _run(options: argparse.Namespace) -> None:
    """Write what was asked for: a figure for a paper, a study, or the report of sweeps, once or again and again."""
    from multirun_analysis.report.report import write_report  # here: pandas takes half a second, in which --help would wait
    from multirun_analysis.report.terminal import show, written
    from multirun_analysis.report.watching import watch

    check_folders(InputError)
    if folders_of_parts() and not options.only:
        from multirun_analysis import plots

        plots.choices()  # a file of a user's that cannot be imported is refused before any table is made
    folders = [user_path("SWEEP_DIR", folder) for folder in options.sweep_dir]
    out = None if options.out is None else user_path("--out", options.out)
    if options.study is not None:
        sys.stdout.write(written(f"{for_terminal(write_study(options, folders, out))}\n", sys.stdout))
        return
    choice = IntervalChoice(options.interval, options.level, options.resamples, options.resampling_seed)
    if options.figure is not None:
        files = write_figure(options, folders, out, choice)
        sys.stdout.write(written("".join(f"{for_terminal(file)}\n" for file in files), sys.stdout))
        return
    look = partial(write_report, folders, out, options.x, options.hue, choice=choice, only=options.only, processes=cores(InputError))
    if options.watch is None:
        show(look())
    else:
        show(watch(lambda refresh: look(brief=refresh is not None, refresh=refresh), options.watch))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m multirun_analysis",
        description="Aggregate sweeps into barrier-versus-width tables, figures and one page of HTML.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sweep_dir",
        nargs="+",
        type=Path,
        help="folder of a finished or half-finished sweep; several are merged. Or the folder of one analysis",
    )
    parser.add_argument(
        "--out", type=Path, help="where to write; default: SWEEP_DIR/analysis, or ./analysis for several sweeps; for a study results/NAME"
    )
    parser.add_argument(
        "--only",
        type=lambda names: names.split(","),
        default=(),
        metavar="TABLE[,TABLE]",
        help=f"write these tables only, without figures and page: {', '.join(TABLES)}",
    )
    parser.add_argument("--study", help="write the tables and figures of this study too, and what was run: a folder to commit, under --out")
    parser.add_argument(
        "--watch",
        nargs="?",
        type=float,
        const=SECONDS,
        metavar="SECONDS",
        help="behind the folder of a sweep that runs: write its tables and the page with one figure again every so many seconds (default: "
        f"{SECONDS:g}) until it is done, then all of it; the page loads itself",
    )
    _add_figure(parser)
    parser.add_argument("--x", default="width", help="the key of the rows of the table and the axis of the figures (default: width)")
    parser.add_argument("--hue", default="matching", help="the key of its columns and of the lines of the figures (default: matching)")
    parser.add_argument(
        "--interval",
        default=DEFAULT.kind,
        help=f"of the means: {', '.join(KINDS)}; bootstraps for cells of {FEWEST_TO_RESAMPLE} and more independent pairs (default: log, "
        "for what cannot be negative)",
    )
    parser.add_argument("--level", type=float, default=DEFAULT.level, help="of the intervals (default: 0.95)")
    parser.add_argument("--resamples", type=int, default=DEFAULT.resamples, help="of a bootstrap (default: 9999)")
    parser.add_argument("--resampling-seed", type=int, default=DEFAULT.seed, help="of a bootstrap (default: 0)")
    return parser


def _add_figure(parser: argparse.ArgumentParser) -> None:
    figure = parser.add_argument_group("a figure for a paper", "into DIR/analysis/paper, with a caption; nothing else is written then")
    figure.add_argument("--figure", metavar="NAME", help="draw this figure of the report, barrier_vs_width for example")
    figure.add_argument("--metric", help="the only measure that it shows: loss_barrier, error_barrier, ...")
    figure.add_argument(
        "--select", action="append", default=[], metavar="KEY=VALUE[,VALUE]", help="show these values of a key only; may be given again"
    )
    figure.add_argument("--size", metavar="WxH", help="in inches, such as 3.25x2.4, or with mm or cm behind it: 82x60mm")
    figure.add_argument("--format", metavar="FORMAT[,FORMAT]", help="pdf, png, svg, pgf (default: pdf)")
    figure.add_argument("--style", metavar="STYLE[,STYLE]", help="a style of matplotlib, the file of one, or tueplots.NAME")
    figure.add_argument("--line", type=float, metavar="BARRIER", help="draw a dotted line at this barrier")


def _check(options: argparse.Namespace) -> None:
    """Raise `InputError` for options that do not go together."""
    of_figure = [name for name in ("metric", "select", "size", "format", "style", "line") if getattr(options, name) not in (None, [])]
    if options.figure is None and of_figure:
        raise InputError(f"`--{of_figure[0]}` is of a figure for a paper: name it with --figure, such as --figure barrier_vs_width.")
    if options.watch is not None and not LEAST <= options.watch <= MOST:
        raise InputError(f"`--watch` must be {LEAST:g} to {MOST:g} seconds, got {options.watch:g}.")
    for name in ("figure", "study"):
        if options.watch is not None and getattr(options, name):
            raise InputError(f"`--watch` and `--{name}` exclude each other: what is watched is a sweep's own page.")
    for name in ("only", "study"):
        if options.figure is not None and getattr(options, name):
            raise InputError(f"`--figure` and `--{name}` exclude each other: a figure for a paper is all that is written.")


def write_figure(options: argparse.Namespace, sweep_dirs: Sequence[Path], out: Path | None, choice: IntervalChoice) -> Sequence[Path]:
    """Write a figure for a paper, and return its files."""
    from multirun_analysis.report.paper_figure import PaperFigure, write_paper_figure
    from multirun_analysis.report.paper_options import read_selected, read_size

    chosen = PaperFigure(
        options.figure,
        options.x,
        options.hue,
        metric=options.metric,
        select=read_selected(options.select),
        size=None if options.size is None else read_size(options.size),
        styles=tuple(filter(None, (options.style or "").split(","))),
        level_line=options.line,
    )
    formats = (options.format or "pdf").split(",")
    return write_paper_figure(sweep_dirs, chosen, formats, out, choice, lambda sentence: sys.stderr.write(f"warning: {sentence}\n"))


def write_study(options: argparse.Namespace, sweep_dirs: Sequence[Path], out: Path | None) -> str:
    """Write the folder of a study; without `out` it is ``results/<study>``."""
    if options.only:
        raise InputError("`--only` and `--study` exclude each other: a study has all its tables.")
    own = {"--x": "width", "--hue": "matching", "--interval": DEFAULT.kind, "--level": DEFAULT.level, "--resamples": DEFAULT.resamples}
    for option, value in (own | {"--resampling-seed": DEFAULT.seed}).items():
        if getattr(options, option.strip("-").replace("-", "_")) != value:
            raise InputError(f"`{option}` and `--study` exclude each other: a study has its own keys, and the default intervals at 95 %.")
    from multirun_analysis.studies.writing import write_study as write

    return write(options.study, sweep_dirs, out or Path("results") / options.study)


command = partial(run_and_leave, main)

if __name__ == "__main__":
    command()
