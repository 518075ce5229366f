"""End-point losses and errors are means over networks: each once, however many pairs, methods and records it is in."""

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import make_record

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.report.report import write_report
from multirun_analysis.stats.endpoints import endpoints
from multirun_analysis.stats.positive import log_t
from multirun_analysis.tables.pivots import pivot, pivot_latex, pivot_markdown, pivot_text

SIZES = {"r0": (8, 0, 3), "r1": (8, 1, 4), "r2": (16, 0, 2)}  # width, seed, networks


def own(name: str, split: str) -> tuple[float, float]:
    """Return a network's own loss and error, another for each network and split."""
    run, number = name[1], int(name.partition("-")[2])
    error = 0.01 + 0.02 * number**2 + 0.1 * int(run) + (0.003 if split == "test" else 0.0)
    return 3 * error, error


@pytest.fixture
def runs(write_sweep):
    """Identity has all pairs of 3 and of 4 networks, weights only some of them: a mean of the methods' means is another number."""
    records = []
    for run_id, (width, seed, networks) in SIZES.items():
        record = make_record(run_id, width=width, seed=seed, networks=networks)
        for row in record["runs"]:
            for end in "ab":
                row[f"loss_{end}"], row[f"error_{end}"] = own(row[f"network_{end}"], row["split"])
        pairs = {(f"{run_id}-0", f"{run_id}-1"), (f"{run_id}-1", f"{run_id}-2")}
        record["runs"] = [row for row in record["runs"] if row["matching"] == "identity" or (row["network_a"], row["network_b"]) in pairs]
        records.append(record)
    return load_runs(write_sweep(records))


def networks(*run_ids: str) -> pd.Series:
    return pd.Series([own(f"{run}-{k}", "test")[1] for run in run_ids for k in range(SIZES[run][2])])


def test_the_error_at_ends_of_a_row_is_the_mean_over_its_networks_on_a_ragged_set(runs):
    (block,) = pivot(barrier_vs_width(runs), runs)
    assert [row[2] for row in block.rows] == [f"{networks('r0', 'r1').mean():.4f}", f"{networks('r2').mean():.4f}"]
    means = runs[(runs["split"] == "test") & (runs["width"] == 8)].groupby("matching")[["error_a", "error_b"]].mean().mean(axis=1).mean()
    assert abs(means - networks("r0", "r1").mean()) > 0.005  # what was shown before


def test_with_the_columns_over_widths_a_row_is_the_mean_over_all_its_networks(runs):
    blocks = pivot(barrier_vs_width(runs), runs, x="dataset", hue="width")
    everything = f"{networks('r0', 'r1', 'r2').mean():.4f}"
    some = pd.Series([own(name, "test")[1] for name in ("r0-0", "r0-1", "r0-2", "r1-0", "r1-1", "r1-2", "r2-0", "r2-1")])
    assert [[row[2] for row in block.rows] for block in blocks] == [[everything], [f"{some.mean():.4f}"]]  # identity, then weights


def test_every_medium_shows_the_same_error_at_ends(runs, write_sweep):
    table = barrier_vs_width(runs)
    blocks = pivot(table, runs, split="train")
    train = np.mean([own(f"{run}-{k}", "train")[1] for run in ("r0", "r1") for k in range(SIZES[run][2])])
    for write in (pivot_text, pivot_markdown, pivot_latex):
        assert f"{train:.4f}" in write(blocks)


@pytest.mark.usefixtures("no_figures")
def test_the_page_shows_the_mean_over_networks(write_sweep):
    record = make_record("r", networks=3)
    for row in record["runs"]:
        for end in "ab":
            row[f"error_{end}"] = own(row[f"network_{end}"].replace("r-", "r0-"), row["split"])[1]
    record["runs"] = record["runs"][:-4]  # the last pair of networks has no row: network 1 is in one pair, 0 in two
    report = write_report([write_sweep([record])])
    expected = f"{networks('r0').mean():.4f}"
    assert expected in report.text
    assert f">{expected}</td>" in (report.folder / "report.html").read_text()


@pytest.mark.parametrize(("matching", "names"), [("identity", ["r0", "r1"]), ("weights", None)])
def test_the_rows_of_end_points_are_statistics_over_networks(runs, matching, names):
    table = barrier_vs_width(runs)
    row = table[(table["metric"] == "error_endpoint") & (table["split"] == "test") & (table["width"] == 8)]
    row = row[row["matching"] == matching].iloc[0]
    values = networks(*names) if names else networks("r0", "r1").drop(6)  # no pair of weights has the fourth network of r1
    expected = [values.mean(), values.std(), *log_t(values), values.median(), values.min(), values.max()]
    np.testing.assert_allclose(row[["mean", "std", "ci_low", "ci_high", "median", "min", "max"]].astype(float), expected, rtol=1e-12)
    assert (row["n_pairs"], row["n_networks"], row["interval"]) == (9 if names else 4, len(values), "log-scale t over networks, 95%")
    assert np.isnan(row["pairs_to_halve"])


def test_of_a_network_that_records_differ_on_the_mean_of_their_values_counts_once():
    row = {"cell": 0, "network_a": "a", "network_b": "b", "loss_a": 1.0, "loss_b": 5.0, "error_a": 0.1, "error_b": 0.5}
    rows = pd.DataFrame([row, row, row, row | {"error_a": 0.2}, row | {"network_b": "c", "error_b": 0.0}])
    table = endpoints(rows, ["cell"]).set_index("network")
    np.testing.assert_allclose(table.loc[["a", "b", "c"], "error"], [0.15, 0.5, 0.0], rtol=1e-12)
    assert len(table) == 3


def test_the_seed_is_no_key_of_the_table_and_that_is_said(runs):
    with pytest.raises(ValueError, match=r"^`--x` must be one of dataset, model, depth, matching, width, got 'seed'\.$"):
        pivot(barrier_vs_width(runs), runs, x="seed")
