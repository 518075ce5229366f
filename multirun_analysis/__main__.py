"""``python -m multirun_analysis SWEEP_DIR [SWEEP_DIR ...] [--out DIR]``."""

import argparse
import sys
from pathlib import Path

from multirun_analysis.checks import InputError
from multirun_analysis.report import write_report


def main(arguments: list[str] | None = None) -> None:
    """Analyse the sweeps named on the command line and print their table."""
    parser = argparse.ArgumentParser(prog="python -m multirun_analysis", description="Aggregate sweeps into barrier-versus-width tables.")
    parser.add_argument("sweep_dir", nargs="+", type=Path, help="folder of a finished or half-finished sweep; several are merged")
    parser.add_argument(
        "--out", type=Path, help="where to write; default: SWEEP_DIR/analysis, or ./analysis for several sweeps; for a study results/NAME"
    )
    parser.add_argument("--study", help="write the tables and figures of this study too, and what was run: a folder to commit, under --out")
    parser.add_argument("--x", default="width", help="the key that makes the rows of the table and the axis of the figure (default: width)")
    parser.add_argument("--hue", default="matching", help="the key that makes its columns, and the lines of the figure (default: matching)")
    options = parser.parse_args(arguments)
    try:
        print(write_report(options.sweep_dir, options.out, options.x, options.hue).text if options.study is None else write_study(options))
    except (InputError, OSError) as error:
        sys.exit(str(error))


def write_study(options: argparse.Namespace) -> str:
    """Write the folder of a study; without ``--out`` it is ``results/<study>``."""
    from multirun_analysis.studies.writing import write_study as write

    return write(options.study, options.sweep_dir, options.out or Path("results") / options.study)


if __name__ == "__main__":
    main()
