"""Runs of many cells of every kind, and the statistics of each cell for itself, by pandas."""

import math
from itertools import combinations

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.stats.intervals import count_groups, job_means_t, network_jackknife, student_t
from multirun_analysis.stats.positive import log_jackknife, log_job_means, log_t
from multirun_analysis.stats.summary import JACKKNIFE, JOBS, NO_VALUE, ON_LOGS, ONE_VALUE, SHARED, STUDENT

CUT_OFF = "t cut at 0 over pairs, 95%"  # of two pairs
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
    rows, signed = [], value not in schema.NOT_NEGATIVE  # runs_of has no zeros
    for key, whole in frame.groupby(by, sort=False, dropna=False):
        cell = whole[whole[value].notna()]
        values, networks = cell[value], pd.concat([cell["network_a"], cell["network_b"]])
        if networks.nunique() < len(networks):
            pairs = values.to_numpy(), cell["network_a"].to_numpy(), cell["network_b"].to_numpy()
            by_job = count_groups(*pairs[1:]) >= 4
            if signed:
                low, high = job_means_t(*pairs) if by_job else network_jackknife(*pairs)
                kind = JOBS if by_job else JACKKNIFE
            else:
                low, high = (log_job_means(*pairs) if by_job else log_jackknife(*pairs))[:2]
                kind = "log-scale t over jobs" if by_job else f"log-scale {JACKKNIFE}"
            kind = SHARED if math.isnan(low) else f"{kind}, 95%"
        else:
            low, high = (student_t if signed else log_t)(values.to_numpy())
            of_pairs = STUDENT if signed else ON_LOGS if len(values) > 2 else CUT_OFF
            kind = of_pairs if len(values) > 1 else ONE_VALUE if len(values) else NO_VALUE
        moments = values.mean(), values.std(), low, high, kind, values.median(), values.min(), values.max()
        rows.append([*key, len(values), networks.nunique(), *moments])
    names = ["n_pairs", "n_networks", "mean", "std", "ci_low", "ci_high", "interval", "median", "min", "max"]
    return pd.DataFrame(rows, columns=[*by, *names])
