"""Matching costs of a sweep: the statistics of every layer's measures over pairs."""

import numpy as np
import pytest
from analysis_sweeps import make_record

from multirun_analysis import load_layers, schema
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.stats.positive import log_t
from multirun_analysis.tables.matching_costs import MEASURES, matching_costs


@pytest.fixture
def layers(write_sweep):
    """Return layers whose cost is 1, 2 or 3 by seed at width 8, and a quarter of that at width 16; one job diverged."""
    records = [make_record(f"r{width}{seed}", width=width, seed=seed) for width in (16, 8) for seed in range(3)]
    records.append(make_record("diverged", seed=9, status="diverged"))
    for record in records:
        for layer in record["layers"]:
            layer |= {"matching_cost": (1.0 + record["scope"]["seed"]) * 64 / record["scope"]["width"] ** 2, "identity_cost": 9.0}
    return load_layers(write_sweep(records))


def test_every_layer_and_measure_has_its_statistics_over_pairs(layers):
    table = matching_costs(layers)
    columns = [*schema.CELL, "matching", "layer", "measure", "width", *schema.STATISTICS]
    assert list(table.columns) == columns
    assert table[["measure", "width"]].to_numpy().tolist() == [
        [measure, width] for measure in ("identity_cost", "matching_cost") for width in (8, 16)
    ]
    row = table[(table["measure"] == "matching_cost") & (table["width"] == 16)].iloc[0]
    assert (row["n_pairs"], row["mean"], row["median"], row["max"]) == (3, 0.5, 0.5, 0.75)
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], log_t(np.array([0.25, 0.5, 0.75])))


def test_a_bound_has_rows_where_some_pair_has_one(layers):
    assert set(matching_costs(layers)["measure"]) == set(MEASURES) - {"cost_lower_bound"}
    table = matching_costs(layers.assign(cost_lower_bound=layers["matching_cost"].where(layers["seed"] == 0)))
    assert table.loc[table["measure"] == "cost_lower_bound", "n_pairs"].tolist() == [1, 1]


def test_the_interval_is_the_one_chosen(layers):
    assert set(matching_costs(layers, IntervalChoice(level=0.5))["level"]) == {0.5}
