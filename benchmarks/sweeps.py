"""Whole commands: the README's sweep by three launchers, and time and memory against the number of jobs, width and depth."""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.timing import interleaved, timed

REPEATS = 2
MAIN = ("experiment=width_digits",)
TINY = ("dataset=gaussian_mixture", "dataset.train_size=64", "dataset.test_size=32", "width=4", "training.epochs=1")


def run_in(folder: Path, *words: str) -> int:
    """Run ``python -m lmc_sweeps`` in a folder, with a store of its own, and return the most memory that it had, in MiB."""
    arguments = ["lmc_sweeps", "hydra.sweep.dir=sweep" if "-m" in words else "hydra.run.dir=run", *words]  # each is refused for the other
    script = "\n".join(
        [
            "import resource, sys",
            "from lmc_sweeps.cli import main",
            f"sys.argv = {arguments!r}",
            "try:",
            "    main()",
            "finally:",
            "    print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)",
        ]
    )
    environment = os.environ | {"LMC_SWEEPS_STORE": str(folder / "store")}
    completed = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return int(completed.stderr.rsplit("PEAK", 1)[1]) // 1024


def run(*words: str) -> int:
    """Run the same in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        return run_in(Path(folder), *words)


def launchers() -> pd.DataFrame:
    """Run the README's main command as a whole, start-up and tables included, from an empty store each time."""
    kinds: dict[str, tuple[str, ...]] = {
        "batched": (),
        "basic, one network at a time": ("hydra/launcher=basic", "training.stack=1"),
        "joblib, two processes": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "training.stack=1"),
    }
    timings = interleaved({name: partial(_command, *MAIN, *words) for name, words in kinds.items()}, REPEATS)
    batched = timings["batched"].median
    return pd.DataFrame(
        [{"launcher": name, "seconds": round(s.median, 2), "ratio_to_batched": s.median / batched} for name, s in timings.items()]
    )


def _command(*words: str) -> float:
    return timed(lambda: run(*words))


def growth() -> pd.DataFrame:
    """Take time and peak memory of one command against the number of tiny jobs, and of one job against width and depth."""
    cases: dict[str, tuple[str, ...]] = {f"{n} tiny jobs": (*TINY, f"seed=range({n})", "-m") for n in (10, 100, 1000)}
    cases |= {f"1 job, 1 x {width}": (f"width={width}", "training.epochs=5") for width in (64, 256, 1024, 4096)}
    cases |= {f"1 job, {depth} x 256": (f"depth={depth}", "width=256", "training.epochs=5") for depth in (1, 2, 4, 8)}
    rows = []
    for name, words in cases.items():
        start = time.perf_counter()
        peak = run(*words)
        rows.append({"command": name, "seconds": round(time.perf_counter() - start, 1), "peak memory [MiB]": peak})
    return pd.DataFrame(rows)


def memory() -> pd.DataFrame:
    """Compare the peak memory of a sweep of 784-1024-10 networks, above that of tiny ones, with the bound of its stacks."""
    data = ("dataset=gaussian_mixture", "dataset.ambient_dimension=784", "dataset.train_size=600", "points=3", "matching=weights")
    common = (*data, "seed=range(10)", "training.epochs=2", "training.stack=20")
    base = run(*common, "width=4", "-m")
    rows = []
    for bound in (2.0, 0.25, 0.1):
        above = run(*common, "width=1024", f"training.stack_gib={bound}", "-m") - base
        rows.append({"training.stack_gib [MiB]": round(1024 * bound), "above the base [MiB]": above, "base [MiB]": base})
    return pd.DataFrame(rows)
