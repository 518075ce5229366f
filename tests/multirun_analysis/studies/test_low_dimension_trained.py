"""Data of few dimensions: slopes and correlations of records that follow a known law."""

import numpy as np
import pytest
from analysis_sweeps import make_record

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.studies.low_dimension_trained import DIMENSION, correlations, cost_slopes, dimension_and_barrier
from multirun_analysis.tables.sweep import sweep_frames


def test_data_of_more_dimensions_have_a_line_each_and_their_slopes(write_sweep):
    records = []
    for dimension in (1, 4, 16):
        for width in (8, 16, 32):
            for seed in (0, 1, 2):
                record = make_record(
                    f"r{dimension}-{width}-{seed}", width=width, seed=seed, barrier=dimension / width, **{DIMENSION: dimension}
                )
                for layer in record["layers"]:
                    layer |= {
                        "matching_cost": width**-0.5 * (1 + 0.01 * seed),
                        "effective_dimension": 2.0,
                        "approximate_dimension": float(dimension),
                    }
                    layer |= {"matching": "covariance"}
                for run in record["runs"]:
                    run |= {"matching": "covariance" if run["matching"] == "weights" else "identity", "output_gap": 1 / width}
                for entry in (*record["matching"], *record["curves"]):
                    entry["matching"] = "covariance" if entry["matching"] == "weights" else "identity"
                records.append(record)
    frames = sweep_frames(find_sweep(write_sweep(records)))
    slopes = cost_slopes(frames).set_index(["metric", DIMENSION])
    np.testing.assert_allclose(slopes.loc["matching_cost", "slope"], -0.5)
    np.testing.assert_allclose(slopes.loc["loss_barrier", "slope"], -1)
    table = correlations(frames).set_index(["across", "dimension", "measure"])
    assert table.loc[("settings", "approximate_dimension", "loss_barrier"), "correlation"] == pytest.approx(1.0)  # at a fixed width
    figure = dimension_and_barrier(frames)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [f"data of dimension {d}" for d in (1, 4, 16)]
    (points,) = [line for line in figure.axes[2].get_lines() if line.get_label() == "covariance"]
    np.testing.assert_allclose(points.get_xdata(), [1, 4, 16])
    np.testing.assert_allclose(points.get_ydata(), [1 / 16, 4 / 16, 16 / 16])
