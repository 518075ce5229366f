"""What bfloat16 does to barriers: the same pairs trained in both precisions, and the differences."""

import tempfile
from pathlib import Path

import pandas as pd
from scipy import stats

from benchmarks.sweeps import run_in

SWEEP = ("width=32,256", "seed=range(16)", "precision=float32,bfloat16", "-m")
MEASURES = ("loss_barrier", "error_barrier", "loss_a", "error_a")


def barriers() -> pd.DataFrame:
    """Compare bfloat16 with float32 (mean difference) on 16 pairs of digits, test split, with the 95 % interval of paired Student's t."""
    with tempfile.TemporaryDirectory() as folder:
        run_in(Path(folder), *SWEEP)
        runs = pd.read_csv(Path(folder) / "sweep" / "analysis" / "runs.csv")
    runs = runs[runs["split"] == "test"]
    rows = []
    for (width, matching), cell in runs.groupby(["width", "matching"], sort=False):
        for measure in MEASURES:
            wide = cell.pivot(index="seed", columns="precision", values=measure)
            difference = wide["bfloat16"] - wide["float32"]
            half = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
            rows.append(
                {
                    "width": width, "matching": matching, "measure": measure, "pairs": len(difference), "float32": wide["float32"].mean(),
                    "difference": difference.mean(), "ci_low": difference.mean() - half, "ci_high": difference.mean() + half,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
