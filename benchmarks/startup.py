"""Whole commands of now and of an earlier version, in turn: ``python -m benchmarks.startup FOLDER``, with the earlier version in FOLDER.

Both run with the libraries that are installed here. Commands of a sweep begin with an empty store, unless it is the same command again.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.timing import busy_cores, idle_cores, interleaved, machine, timed

ROOT = Path(__file__).resolve().parents[1]
SWEEP = ("lmc_sweeps", "width=8,16,32,64,128,256,512", "seed=0,1,2,3", "hydra.sweep.dir=sweep", "-m")  # the README's first command
TINY = ("dataset=gaussian_mixture", "dataset.train_size=64", "dataset.test_size=32", "width=4", "training.epochs=1")
ONE_BY_ONE = ("hydra/launcher=basic", "training.stack=1")


@dataclass(frozen=True)
class Case:
    """A command, by what it is compared with: itself in the earlier version, or another command there."""

    name: str
    words: tuple[str, ...]
    before: tuple[str, ...] | None = None
    is_again: bool = False
    repeats: int = 5
    completes: str | None = None  # what is typed when TAB is pressed


CASES = (
    Case("help", ("lmc_sweeps", "--help"), repeats=9),
    Case("TAB", ("lmc_sweeps", "-sc", "query=bash"), completes="lmc-sweeps datas", repeats=9),
    Case("help of multirun_analysis", ("multirun_analysis", "--help"), repeats=9),
    Case("one job", ("lmc_sweeps", "hydra.run.dir=run")),
    Case("the sweep", SWEEP, repeats=3),
    Case("the sweep, against `basic`, `training.stack=1` before", SWEEP, before=(*SWEEP, *ONE_BY_ONE), repeats=3),
    Case("the sweep again", SWEEP, is_again=True),
    Case("1,000 tiny jobs", ("lmc_sweeps", *TINY, "seed=range(1000)", "hydra.sweep.dir=sweep", "-m"), repeats=1),
    Case("1,000 tiny jobs again", ("lmc_sweeps", *TINY, "seed=range(1000)", "hydra.sweep.dir=sweep", "-m"), is_again=True, repeats=1),
)


def run(tree: Path, folder: Path, words: Sequence[str], completes: str | None = None) -> None:
    """Run a command of a version of ours in a folder."""
    environment = os.environ | {"PYTHONPATH": str(tree), "LMC_SWEEPS_STORE": str(folder / "store")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as on a user's machine, no command compiles what an earlier one has
    if completes is not None:
        environment |= {"COMP_LINE": completes, "COMP_POINT": str(len(completes))}
    subprocess.run([sys.executable, "-m", *words], cwd=folder, env=environment, check=True, capture_output=True)


def candidate(case: Case, tree: Path, words: Sequence[str], scratch: Path) -> Callable[[], float]:
    """Return what runs a command once, in a new folder unless it is the same command again, and returns its seconds."""
    folder = scratch / f"{case.name}-{tree.name}".replace(" ", "_").replace("/", "_")

    def once() -> float:
        if not case.is_again:
            shutil.rmtree(folder, ignore_errors=True)
        if not folder.is_dir():
            folder.mkdir(parents=True)
            if case.is_again:
                run(tree, folder, words)
        return timed(partial(run, tree, folder, words, case.completes))

    return once


def compare(case: Case, earlier: Path, cores: Callable[[], AbstractContextManager[None]], machine_state: str) -> dict[str, object]:
    """Return a row: the seconds of both versions, and how many times as fast the one of now is, turn by turn."""
    with tempfile.TemporaryDirectory() as scratch, cores():
        both = {
            "before": candidate(case, earlier, case.before or case.words, Path(scratch) / "before"),
            "now": candidate(case, ROOT, case.words, Path(scratch) / "now"),
        }
        seconds = interleaved(both, case.repeats)
    times = {f"{name} [s]": f"{each.median:.2f} ({min(each.turns):.2f} to {max(each.turns):.2f})" for name, each in seconds.items()}
    row = {"command": case.name, "cores": machine_state, "ratio": seconds["now"].speed(seconds["before"]), "turns": case.repeats, **times}
    print(row, file=sys.stderr, flush=True)
    return row


def main() -> None:
    """Compare all commands, or those that are named, and write ``benchmarks/results/startup.csv``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("earlier", type=Path, metavar="FOLDER", help="a folder with the earlier version: git worktree add FOLDER COMMIT")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of commands: " + "; ".join(case.name for case in CASES))
    arguments = parser.parse_args()
    cases = [case for case in CASES if not arguments.names or case.name in arguments.names]
    states = {"idle": idle_cores, "one busy": busy_cores}
    commit = ["git", "-C", str(arguments.earlier), "rev-parse", "--short", "HEAD"]
    before = subprocess.run(commit, check=True, capture_output=True, text=True).stdout.strip()
    rows: list[dict[str, object]] = []
    for state, cores in states.items():
        for case in cases:
            rows.append(compare(case, arguments.earlier.resolve(), cores, state))
            with (Path(__file__).parent / "results" / "startup.csv").open("w", encoding="utf-8") as stream:  # a stop costs one row
                stream.write(f"# startup: whole commands of now against those of {before}, in turn; ratio: median over turns\n")
                stream.write(f"# {machine()}, {date.today().isoformat()}\n")
                pd.DataFrame(rows).to_csv(stream, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
