"""The two readings of the third claim."""

import pandas as pd
import pytest
from study_rows import SEEDS, pair

from multirun_analysis.stats.correlations import correlation_within
from multirun_analysis.tables.dimension_correlations import dimension_correlations


def test_the_two_readings_of_the_third_claim_come_apart():
    # Across methods, dimension and barrier rise together; across learning rates, dimension rises while the barrier falls.
    runs, layers = [], []
    for seed in SEEDS:
        for k, rate in enumerate((0.01, 0.1, 1.0)):
            for m, method in enumerate(("activations", "covariance", "weights")):
                key = pair(512, seed, **{"optimizer.lr": rate}) | {"matching": method}
                runs.append(key | {"split": "test", "loss_midpoint": 1 + m - 0.1 * k})
                for layer in (1, 2):
                    measures = dict.fromkeys(
                        ("approximate_dimension", "approximate_dimension_centred", "effective_dimension"), 10.0**m * (1 + k) * layer
                    )
                    layers.append(key | {"layer": layer} | measures)
    table = dimension_correlations(pd.DataFrame(runs), pd.DataFrame(layers), ["optimizer.lr"])
    shown = table[table["dimension"] == "approximate_dimension"].set_index(["across", "matching"])["correlation"]
    assert shown["methods", ""] == pytest.approx(1.0)
    assert shown["settings"].tolist() == pytest.approx([-1.0] * 3)
    within = correlation_within(pd.DataFrame(runs), "loss_midpoint", "optimizer.lr", ["matching"])
    assert (within["n_seeds"], within["n_cells"]) == (4, 12)
