"""Run benchmarks and write their tables: ``python -m benchmarks [NAME ...]``, by the names in `BENCHMARKS`; all if none is named.

A benchmark returns its table, or yields the rows of it, each of which is written when it is there, so that a stopped one leaves some.
"""

import argparse
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks import aggregate, architectures, coverage, faults, fuzz, grid, matching_times, measuring, planted, precision, steps, sweeps
from benchmarks.timing import machine

RESULTS = Path(__file__).resolve().parent / "results"
BENCHMARKS: dict[str, Callable[[], pd.DataFrame | Iterator[dict[str, object]]]] = {
    "steps": steps.narrow,
    "wide": steps.wide,
    "architectures": architectures.architectures,
    "line": measuring.line,
    "matching": measuring.matching,
    "matching_times": matching_times.matching_times,
    "planted": planted.planted,
    "launchers": sweeps.launchers,
    "growth": sweeps.growth,
    "memory": sweeps.memory,
    "precision": precision.barriers,
    "grid": grid.missed,
    "aggregate": aggregate.aggregate,
    "coverage": coverage.coverage,
    "fuzz": fuzz.fuzz,
    "faults": faults.faults,
}


def main() -> None:
    """Run what was asked for, all if nothing was, and write each table as CSV with a line on the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="which ones; all if none is named")
    names = parser.parse_args().names or list(BENCHMARKS)
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        heading = f"{name}: {str(BENCHMARKS[name].__doc__).splitlines()[0]}"
        conditions = f"{machine()}, {date.today().isoformat()}"
        for table in _growing(BENCHMARKS[name]()):
            with (RESULTS / f"{name}.csv").open("w", encoding="utf-8") as stream:
                stream.write(f"# {heading}\n# {conditions}\n")
                table.to_csv(stream, index=False, float_format="%.4g")
        print(f"\n{heading}\n{conditions}\n{table.to_string(index=False, float_format='{:.3g}'.format)}", flush=True)


def _growing(made: pd.DataFrame | Iterator[dict[str, object]]) -> Iterator[pd.DataFrame]:
    """Yield a benchmark's table: as it is, or with every row that has come."""
    if isinstance(made, pd.DataFrame):
        yield made
        return
    rows = []
    for row in made:
        rows.append(row)
        yield pd.DataFrame(rows)


if __name__ == "__main__":
    main()
