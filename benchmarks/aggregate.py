"""Aggregating a large sweep: 20,000 records against `pd.concat` over the same records, time and memory of whole processes."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.records import WIDTHS, write_sweep

RATES = range(250)  # with ten seeds and eight widths, 20,000 records
SETTLE = 3  # s; records younger than two seconds are not indexed
PLAIN = """
import json, pathlib
import pandas as pd
runs, curves = [], []
for path in pathlib.Path(sys.argv[1]).glob("*/record.json"):
    record = json.load(path.open())
    keys = {key: record["scope"][key] for key in ("width", "seed", "optimizer.lr")}
    runs.append(pd.DataFrame(record["runs"]).assign(**keys))
    if WITH_CURVES:
        curves.append(pd.DataFrame(record["curves"]).explode(["t", "loss", "error"]).assign(**keys))
table = pd.concat(runs).groupby(["optimizer.lr", "matching", "split", "width"])["loss_barrier"].mean()
if WITH_CURVES:
    pd.concat(curves).to_csv(pathlib.Path(sys.argv[1]) / "plain_curves.csv", index=False, float_format="%.10g")
"""
TABLE = """
from multirun_analysis import barrier_vs_width, load_runs
barrier_vs_width(load_runs(sys.argv[1]))
"""
COMMAND = """
from multirun_analysis.__main__ import main
main()
"""
# `resource` would give the parent's peak where that is larger, for a process starts as its copy.
MEASURED = """
import sys, time
WITH_CURVES = {curves}
{work}
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(time.process_time(), peak, file=sys.stderr)
"""


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds on the clock, of the processor, and its largest memory in MiB."""

    seconds: float
    processor: float
    peak: int


def run(work: str, folder: Path, *words: str, curves: bool = False) -> Cost:
    """Run a script on a sweep in a process of its own."""
    start = time.perf_counter()
    command = [sys.executable, "-c", MEASURED.format(work=work, curves=curves), str(folder), *words]
    completed = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    processor, peak = completed.stderr.split()[-2:]
    return Cost(seconds, float(processor), int(peak) // 1024)


def aggregate() -> pd.DataFrame:
    """Aggregate 20,000 records, then again after 10 more; ratios against pandas, which writes no table and, for the command, the curves."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, index = Path(scratch) / "sweep", Path(scratch) / "sweep" / "analysis" / "records.index"
        write_sweep(folder, rates=RATES)
        time.sleep(SETTLE)
        plain, with_curves = run(PLAIN, folder), run(PLAIN, folder, curves=True)
        rows = [
            ("pandas: a frame per record, concat, mean of cells", plain, plain),
            ("... and of the curves, written as CSV", with_curves, with_curves),
        ]
        for number, (work, words, base) in enumerate(
            ((TABLE, (), plain), (COMMAND, ("--only", "barrier_vs_width"), plain), (COMMAND, (), with_curves))
        ):
            name = "load_runs, barrier_vs_width" if work is TABLE else " ".join(("python -m multirun_analysis", *words))
            index.unlink(missing_ok=True)
            rows.append((f"{name}: first call", run(work, folder, *words), base))
            write_sweep(folder, seeds=range(10 + number, 11 + number), widths=WIDTHS[:1], rates=range(10))
            rows.append((f"{name}: second call, after 10 new records", run(work, folder, *words), base))
    return pd.DataFrame(
        [
            {
                "what": label,
                "seconds": round(cost.seconds, 1),
                "ratio_to_pandas": base.seconds / cost.seconds,
                "processor [s]": round(cost.processor, 1),
                "peak memory [MiB]": cost.peak,
            }
            for label, cost, base in rows
        ]
    )
