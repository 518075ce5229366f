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
    parser.add_argument("--out", type=Path, help="where to write; default: SWEEP_DIR/analysis, or ./analysis for several sweeps")
    options = parser.parse_args(arguments)
    try:
        print(write_report(options.sweep_dir, options.out).text)
    except (InputError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
