"""Runs of many cells of every kind, and the statistics of each cell for itself, by pandas."""

import math
from itertools import combinations

import numpy as np
import pandas as pd

from multirun_analysis.stats.intervals import count_groups, job_means_t, network_jackknife, student_t
from multirun_analysis.stats.summary import JACKKNIFE, JOBS, NO_VALUE, ONE_VALUE, SHARED, STUDENT

KEYS = ["dataset", "model", "depth", "optimizer.lr"]


def runs_of(missing: float = 0.1) -> pd.DataFrame:
    """Return rows of runs.csv: lognormal barriers that fall with width, some of them absent, some diverged, some of pairs that share networks."""
    rng, rows = np.random.default_rng(0), []
    for rate in (0.1, 0.2, "-"):
        for width in (8, 16, 32, 64):
            for seed in range(6 if width != 32 else 1):
                names = [f"{rate}-{width}-{seed}-{k}" for k in range(3 if rate == 0.2 else 2)]
                for a, b in combinations(names, 2):
                    for matching in ("weights", "identity"):
                        for split in ("train", "test"):
                            measures = rng.lognormal(-np.log(width), 0.5, 12) * 10
                            measures[rng.random(12) < missing] = np.nan
                            rows.append([f"r{rate}{width}{seed}", "diverged" if seed == 5 else "ok", "digits", "mlp", width, 1, seed, rate,
                                         a, b, matching, "none", split, *measures])  # fmt: skip
    names = [
        f"{m}_{quantity}" for m in ("loss", "error") for quantity in ("a", "b", "barrier", "barrier_mean", "midpoint", "midpoint_barrier")
    ]
    columns = [
        "run_id",
        "status",
        "dataset",
        "model",
        "width",
        "depth",
        "seed",
        "optimizer.lr",
        "network_a",
        "network_b",
        "matching",
        "repair",
        "split",
    ]
    frame = pd.DataFrame(rows, columns=[*columns, *names])
    return frame.astype({name: object for name in columns if frame[name].dtype != "int64"})


def summary_of_each(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Return what `summarise` returns, cell by cell with pandas."""
    rows = []
    for key, whole in frame.groupby(by, sort=False, dropna=False):
        cell = whole[whole[value].notna()]
        values, networks = cell[value], pd.concat([cell["network_a"], cell["network_b"]])
        if networks.nunique() < len(networks):
            pairs = values.to_numpy(), cell["network_a"].to_numpy(), cell["network_b"].to_numpy()
            by_job = count_groups(*pairs[1:]) >= 4
            low, high = job_means_t(*pairs) if by_job else network_jackknife(*pairs)
            kind = SHARED if math.isnan(low) else f"{JOBS if by_job else JACKKNIFE}, 95%"
        else:
            (low, high), kind = student_t(values.to_numpy()), STUDENT if len(values) > 1 else ONE_VALUE if len(values) else NO_VALUE
        moments = values.mean(), values.std(), low, high, kind, values.median(), values.min(), values.max()
        rows.append([*key, len(values), networks.nunique(), *moments])
    names = ["n_pairs", "n_networks", "mean", "std", "ci_low", "ci_high", "interval", "median", "min", "max"]
    return pd.DataFrame(rows, columns=[*by, *names])
