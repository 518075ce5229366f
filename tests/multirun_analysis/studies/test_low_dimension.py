"""Costs near a subspace: the floor of the noise, and the slopes."""

import numpy as np
import pandas as pd
import pytest
from study_rows import SEEDS, jitter, pair

from multirun_analysis.studies.low_dimension import cost_slopes, costs, noise_floor


def test_the_floor_is_how_far_neurons_that_agree_on_a_subspace_are_apart_outside_it():
    rng, n, inputs, eta = np.random.default_rng(0), 4000, 50, 0.3
    for k in (2, 10):
        basis = np.linalg.qr(rng.standard_normal((inputs, k)))[0]
        noise = eta / np.sqrt(inputs) * rng.standard_normal((2, n, inputs))
        inside = rng.standard_normal((n, k)) @ basis.T
        a, b = inside + noise  # (n, inputs) each
        outside = np.eye(inputs) - basis @ basis.T
        apart = (((a - b) @ outside) ** 2).sum(axis=1)
        assert apart.mean() == pytest.approx(float(noise_floor(k, eta)), abs=4 * apart.std() / np.sqrt(n))
        assert abs(((a - b) ** 2).sum(axis=1).mean() - noise_floor(0, eta)) < 4 * apart.std() / np.sqrt(n)  # in all directions, 2 η²


def test_the_floor_of_the_noise_and_the_excess_over_no_noise():
    rows = [
        pair(width, seed, **{"model.intrinsic_dimension": 4, "model.noise": noise})
        | {"matching": "weights", "matching_cost": width**-0.5 * jitter(seed) + 2 * noise**2 * (1 - 4 / 50), "split": "test", "output_gap": 1 / width, "loss_barrier": 0.0}
        for noise in (0.0, 0.3)
        for width in (64, 128, 256)
        for seed in SEEDS
    ]  # fmt: skip
    frames = {"layers": pd.DataFrame(rows), "runs": pd.DataFrame(rows)}
    table = costs(frames)
    np.testing.assert_allclose(table["excess"], table["noise_floor"], atol=1e-12)
    assert sorted(set(table["noise_floor"].round(12))) == [0.0, 0.1656]
    slopes = cost_slopes(frames).set_index(["metric", "model.noise"])
    assert slopes.loc[("matching_cost", 0.0), "slope"] == pytest.approx(-0.5) == slopes.loc[("matching_cost", 0.0), "theory"]
    assert pd.isna(slopes.loc[("matching_cost", 0.3), "theory"])  # which has a floor
    assert slopes.loc[("matching_cost", 0.3), "slope"] > -0.25
    assert slopes.loc[("output_gap", 0.0), "slope"] == pytest.approx(-1)
    assert slopes.loc[("loss_barrier", 0.0), ["slope", "window", "zeros"]].tolist()[1:] == ["none", 12]
