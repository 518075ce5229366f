"""What a coarse grid of t misses of a barrier: lines of digits networks at 11 and 25 points against 1,201, loss and error."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.sweeps import run_in

FINE, COARSE = 1201, (11, 25)  # 1,200 steps hold those of both
SWEEP = ("width=16,64,256", "seed=range(6)", f"points={FINE}", "splits=test", "-m")
MEASURES = ("loss", "error")
LEAST = 1e-6  # lower barriers are rounding


def missed() -> pd.DataFrame:
    """Compare barriers at 11 and 25 values of t with those at 1,201, on lines between digits networks, test split (360 images)."""
    with tempfile.TemporaryDirectory() as folder:
        run_in(Path(folder), *SWEEP)
        curves = pd.read_csv(Path(folder) / "sweep" / "analysis" / "curves.csv")
    return table_of(curves)


def table_of(curves: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each width, measure and coarse grid: what it misses, in the unit of the measure and as a share of the barrier.

    Parameters
    ----------
    curves : DataFrame
        Rows of ``curves.csv`` at 1,201 values of t.

    Returns
    -------
    DataFrame
        ``lines``: those whose barrier at all values is above rounding, of which shares are taken; ``mean_barrier``: over all
        lines, at all values; ``mean_missed`` and ``most_missed``: over all lines; ``median_share`` and ``most_share``.
    """
    rows = []
    for width, cell in curves.groupby("width"):
        for measure in MEASURES:
            lines = np.stack(list(_above_chord(cell, measure)))  # (lines, t)
            whole = lines.max(axis=1)  # not negative: both ends are 0
            for points in COARSE:
                gap = whole - lines[:, :: (FINE - 1) // (points - 1)].max(axis=1)
                share = gap[whole > LEAST] / whole[whole > LEAST]
                rows.append(
                    {
                        "width": width, "measure": measure, "points": points, "lines": len(share), "mean_barrier": whole.mean(),
                        "mean_missed": gap.mean(), "most_missed": gap.max(), "median_share": np.median(share), "most_share": share.max(),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def _above_chord(curves: pd.DataFrame, measure: str) -> Iterator[np.ndarray]:
    """Yield of every line by how much it is above the straight one between its ends."""
    for _, line in curves.sort_values("t").groupby(["run_id", "matching"]):
        t, values = line["t"].to_numpy(), line[measure].to_numpy()
        if len(t) != FINE:
            raise ValueError(f"a line must have {FINE} values of t, got {len(t)}.")
        yield values - (1 - t) * values[0] - t * values[-1]
