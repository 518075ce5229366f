"""Statistics of many cells at once, against each cell for itself."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from multirun_analysis.stats.crossings import width_within
from multirun_analysis.stats.intervals import count_groups, job_means_t, network_jackknife, student_t
from multirun_analysis.stats.shares import clopper_pearson
from multirun_analysis.stats.slopes import slope_over_widths
from multirun_analysis.stats.summary import JACKKNIFE, JOBS, NO_VALUE, ONE_VALUE, SHARED, STUDENT, summarise, summarise_all
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width
from multirun_analysis.tables.connected_share import connected_share
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.slopes import slopes
from multirun_analysis.tables.width_needed import width_needed

KEYS = ["dataset", "model", "depth", "optimizer.lr"]


def runs_of(seeds=6, widths=(8, 16, 32, 64), rates=(0.1, 0.2, "-"), missing=0.1):
    """Return rows of runs.csv: lognormal barriers that fall with width, some of them absent, some diverged, some of pairs that share networks."""
    rng, rows = np.random.default_rng(0), []
    for rate in rates:
        for width in widths:
            for seed in range(seeds if width != 32 else 1):
                names = [f"{rate}-{width}-{seed}-{k}" for k in range(3 if rate == 0.2 else 2)]
                for a, b in combinations(names, 2):
                    for matching in ("weights", "identity"):
                        for split in ("train", "test"):
                            measures = rng.lognormal(-np.log(width), 0.5, 12) * 10
                            measures[rng.random(12) < missing] = np.nan
                            rows.append([f"r{rate}{width}{seed}", "diverged" if seed == 5 else "ok", "digits", "mlp", width, 1, seed, rate,
                                         a, b, matching, split, *measures])  # fmt: skip
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
        "split",
    ]
    frame = pd.DataFrame(rows, columns=[*columns, *names])
    return frame.astype({name: object for name in columns if frame[name].dtype != "int64"})


def summary_of_each(frame, by, value):
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
        rows.append(
            [
                *key,
                len(values),
                networks.nunique(),
                values.mean(),
                values.std(),
                low,
                high,
                kind,
                values.median(),
                values.min(),
                values.max(),
            ]
        )
    names = ["n_pairs", "n_networks", "mean", "std", "ci_low", "ci_high", "interval", "median", "min", "max"]
    return pd.DataFrame(rows, columns=[*by, *names])


@pytest.mark.parametrize(
    "by", [["width"], ["optimizer.lr", "matching", "width", "split"], ["seed", "optimizer.lr", "width", "split", "matching"]]
)
@pytest.mark.parametrize("missing", [0.0, 0.1, 0.9])
def test_the_summary_of_every_cell_is_that_of_the_cell_alone_to_the_last_bit(by, missing):
    runs = runs_of(missing=missing).sample(frac=1, random_state=1)  # cells are not together
    summary, expected = summarise(runs, by, "loss_barrier"), summary_of_each(runs, by, "loss_barrier")
    pd.testing.assert_frame_equal(summary[list(expected.columns)], expected, check_exact=True)
    if missing == 0.9 and len(by) == 5:
        assert {NO_VALUE, ONE_VALUE} <= set(summary["interval"])


def test_large_cells_are_summed_in_the_order_of_a_cell_alone():
    rng, n = np.random.default_rng(3), 3000
    frame = pd.DataFrame(
        {"cell": np.arange(n) % 2, "value": rng.lognormal(size=n), "network_a": np.arange(n), "network_b": -1 - np.arange(n)}
    )
    expected = summary_of_each(frame, ["cell"], "value")
    pd.testing.assert_frame_equal(summarise(frame, ["cell"], "value")[list(expected.columns)], expected, check_exact=True)


def test_several_measures_are_one_below_the_other():
    runs = runs_of()
    both = summarise_all(runs, ["width"], ["loss_barrier", "error_barrier"])
    for metric in ("loss_barrier", "error_barrier"):
        part = both[both["metric"] == metric].drop(columns="metric").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, summarise(runs, ["width"], metric), check_exact=True)


def test_no_row_is_a_summary_without_rows():
    summary = summarise(runs_of().iloc[:0], ["width", "split"], "loss_barrier")
    assert list(summary.columns) == list(summarise(runs_of(), ["width", "split"], "loss_barrier").columns)
    assert len(summary) == 0


def test_the_exact_interval_of_many_counts_is_scipys():
    k, n = np.array([0, 0, 3, 7, 7, 1]), np.array([0, 5, 10, 7, 20, 1])
    low, high = clopper_pearson(k, n)
    for index in range(1, len(k)):
        expected = stats.binomtest(int(k[index]), int(n[index])).proportion_ci(0.95, "exact")
        np.testing.assert_allclose([low[index], high[index]], [expected.low, expected.high], rtol=1e-10)
        assert clopper_pearson(int(k[index]), int(n[index])) == (low[index], high[index])
    assert np.isnan([low[0], high[0]]).all()


def test_the_share_of_every_cell_is_that_of_the_cell_alone():
    runs = runs_of()
    table = connected_share(runs)
    by = [*KEYS, "matching", "split", "width"]
    cells = {key: cell for key, cell in runs[runs["status"] == "ok"].groupby(by)}
    assert len(table) == len(cells) * 8  # tolerances
    for row in table.to_dict("records"):
        cell = cells[tuple(row[key] for key in by)]
        shared = pd.concat([cell["network_a"], cell["network_b"]]).duplicated().any()
        n, k = len(cell), int((cell[row["metric"]] <= row["tolerance"]).sum())
        assert (row["n_pairs"], row["n_connected"], row["share"]) == (n, k, k / n)
        expected = (np.nan, np.nan) if shared else clopper_pearson(k, n)
        np.testing.assert_array_equal([row["ci_low"], row["ci_high"]], expected)
        assert (row["interval"] == "none: pairs share networks") == shared


def test_the_slope_of_every_cell_is_that_of_its_pivot():
    runs = runs_of()
    all_slopes = slopes(runs).set_index([*KEYS, "matching", "split", "metric"])
    assert len(all_slopes) == 3 * 2 * 2 * 2
    for key, cell in runs[runs["status"] == "ok"].groupby([*KEYS, "matching", "split"]):
        for metric in ("loss_barrier", "error_barrier"):
            table = cell.pivot_table(index="seed", columns="width", values=metric, aggfunc="mean").sort_index(axis=1)
            expected, row = slope_over_widths(table.columns.to_numpy(), table.to_numpy()), all_slopes.loc[(*key, metric)]
            np.testing.assert_array_equal(row[["slope", "ci_low", "ci_high"]].astype(float), [expected.slope, expected.low, expected.high])
            assert (row["window"], row["n_seeds"]) == (" ".join(map(str, expected.window)) or "none", len(table))
            assert row["zeros"] == 0


def test_the_width_needed_of_every_cell_is_that_of_its_means():
    table = barrier_vs_width(runs_of())
    needed = width_needed(table)
    for row in needed.to_dict("records"):
        of_cell = (
            table[[*KEYS, "matching", "split", "metric"]] == pd.Series({k: row[k] for k in (*KEYS, "matching", "split", "metric")})
        ).all(axis=1)
        cell = table[of_cell & table["mean"].notna()].sort_values("width")
        crossing = width_within(cell["width"].to_numpy(dtype=float), cell["mean"].to_numpy(), row["tolerance"])
        np.testing.assert_array_equal(row["width_needed"], crossing.width if crossing.side == "inside" else np.nan)
        assert row["n_widths"] == len(cell)
        assert ("[" in row["text"]) == cell["ci_low"].notna().all()


def test_the_difference_of_every_cell_is_that_of_its_pairs():
    runs = runs_of()
    differences = method_differences(runs)
    assert set(zip(differences["method"], differences["other"], strict=True)) == {("identity", "weights")}
    by = [*KEYS, "width", "split"]
    measured = runs[runs["status"] == "ok"].set_index([*by, "network_a", "network_b"])
    for metric in ("loss_barrier", "error_barrier"):
        two = [measured.loc[measured["matching"] == method, metric] for method in ("identity", "weights")]
        expected = summary_of_each((two[0] - two[1]).rename("value").reset_index(), by, "value")
        expected = expected[expected["n_pairs"] > 0].sort_values(by, ignore_index=True)
        part = differences[differences["metric"] == metric].reset_index(drop=True)
        assert list(part["interval"]) == list(expected["interval"])
        names = ["n_pairs", "n_networks", "mean", "std", "ci_low", "ci_high", "median", "min", "max"]
        np.testing.assert_allclose(part[names], expected[names], rtol=1e-12)
