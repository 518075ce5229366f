"""Costs near a subspace: the floor of the noise, and the slopes."""

import numpy as np
import pandas as pd
import pytest
from study_rows import SEEDS, jitter, pair

from multirun_analysis.studies.low_dimension import cost_slopes, costs


def test_the_floor_of_the_noise_and_the_excess_over_no_noise():
    rows = [
        pair(width, seed, **{"model.intrinsic_dimension": 4, "model.noise": noise})
        | {"matching": "weights", "matching_cost": width**-0.5 * jitter(seed) + 2 * noise**2, "split": "test", "output_gap": 1 / width, "loss_barrier": 0.0}
        for noise in (0.0, 0.3)
        for width in (64, 128, 256)
        for seed in SEEDS
    ]  # fmt: skip
    frames = {"layers": pd.DataFrame(rows), "runs": pd.DataFrame(rows)}
    table = costs(frames)
    np.testing.assert_allclose(table["excess"], table["noise_floor"], atol=1e-12)
    assert sorted(set(table["noise_floor"].round(12))) == [0.0, 0.18]
    slopes = cost_slopes(frames).set_index(["metric", "model.noise"])
    assert slopes.loc[("matching_cost", 0.0), "slope"] == pytest.approx(-0.5) == slopes.loc[("matching_cost", 0.0), "theory"]
    assert pd.isna(slopes.loc[("matching_cost", 0.3), "theory"])  # which has a floor
    assert slopes.loc[("matching_cost", 0.3), "slope"] > -0.25
    assert slopes.loc[("output_gap", 0.0), "slope"] == pytest.approx(-1)
    assert slopes.loc[("loss_barrier", 0.0), ["slope", "window", "zeros"]].tolist()[1:] == ["none", 12]
