"""Both directions of a pair beside each other."""

import numpy as np
import pytest
from analysis_sweeps import make_record

from multirun_analysis import load_runs, schema
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.tables.direction_differences import direction_differences

BARRIERS = 0.4 * (1 + 0.1 * np.arange(6))
FACTORS = np.array([1.5, 0.5, 2.0, 1.25, 0.8, 1.1])  # of the other direction
GAPS = np.abs(BARRIERS * (FACTORS - 1))


@pytest.fixture
def one_way(write_sweep):
    return load_runs(write_sweep([make_record(f"r{k}", seed=k, barrier=height) for k, height in enumerate(BARRIERS)]))


@pytest.fixture
def runs(one_way):
    """Pairs in both directions; `identity` is the same in both."""
    other = one_way.rename(columns={"network_a": "network_b", "network_b": "network_a"})
    factor = np.where(other["matching"] == "identity", 1.0, FACTORS[other["seed"].astype(int)])
    other = other.assign(loss_barrier=other["loss_barrier"] * factor)
    return type(one_way)({name: [*one_way[name], *other[name]] for name in one_way})


def row(table, method="weights"):
    return table.query(f"matching == {method!r} and split == 'test' and metric == 'loss_barrier'").iloc[0]


def test_the_lower_and_the_higher_of_both_directions_stand_beside_their_difference(runs):
    table = direction_differences(runs)
    values = row(table)
    assert (values["n_pairs"], values["n_networks"]) == (6, 12)
    assert values["mean_lower"] == pytest.approx(np.minimum(BARRIERS, BARRIERS * FACTORS).mean())
    assert values["mean_higher"] == pytest.approx(np.maximum(BARRIERS, BARRIERS * FACTORS).mean())
    assert values["mean"] == pytest.approx(GAPS.mean())
    assert values["mean"] == pytest.approx(values["mean_higher"] - values["mean_lower"])
    assert 0 < values["ci_low"] < values["mean"] < values["ci_high"]
    of_t = row(direction_differences(runs, IntervalChoice(kind="t")))
    error = 2.5705818356363146 * GAPS.std(ddof=1) / np.sqrt(6)  # Student's t with 5 degrees of freedom
    np.testing.assert_allclose([of_t["ci_low"], of_t["ci_high"]], [GAPS.mean() - error, GAPS.mean() + error])


def test_a_method_that_treats_both_networks_alike_has_no_difference(runs):
    values = row(direction_differences(runs), "identity")
    assert (values["mean"], values["max"]) == (0, 0)
    assert values["mean_lower"] == values["mean_higher"] == pytest.approx(10 * BARRIERS.mean())


def test_which_network_is_called_a_makes_no_difference(runs):
    turned = runs.rename(columns={"network_a": "network_b", "network_b": "network_a"})
    assert direction_differences(turned).equals(direction_differences(runs))


def test_pairs_of_one_direction_have_no_row_and_the_same_columns(one_way, runs):
    assert direction_differences(one_way).empty
    assert list(direction_differences(one_way).columns) == list(direction_differences(runs).columns)
    expected = [*schema.CELL, *schema.names(schema.DIRECTION_DIFFERENCES_TAIL)]
    assert [name for name in direction_differences(runs).columns if name in expected] == expected
    lost = runs[(runs["seed"] > 1) | (runs["network_a"] < runs["network_b"])]
    assert row(direction_differences(lost))["n_pairs"] == 4


def test_a_direction_that_diverged_or_has_no_value_leaves_its_pair_out(runs):
    first = runs["network_a"] > runs["network_b"]
    broken = runs.assign(loss_barrier=runs["loss_barrier"].where(~first | (runs["seed"] != 0)))
    broken.loc[first & (runs["seed"] == 1), "status"] = "diverged"
    table = direction_differences(broken)
    assert row(table)["n_pairs"] == 4
    assert row(table)["mean_lower"] == pytest.approx(np.minimum(BARRIERS, BARRIERS * FACTORS)[2:].mean())
    assert set(table.query("metric == 'error_barrier'")["n_pairs"]) == {5}
