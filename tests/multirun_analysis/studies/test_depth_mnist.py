"""Barrier against depth: what the artists hold."""

import numpy as np
import pandas as pd
from study_rows import SEEDS, jitter, pair

from multirun_analysis.studies.depth_mnist import barrier_against_depth


def depth_frames() -> dict[str, pd.DataFrame]:
    barriers = {1: {64: 0.03, 256: 0.015, 512: 0.001}, 2: {64: 0.3, 256: 0.01, 512: 0.06}}
    rows = [
        pair(width, seed, depth=depth)
        | {
            "matching": method,
            "split": "test",
            "error_barrier": barrier * jitter(seed),
            "loss_barrier": barrier,
            "output_scale": 0.9 / depth,
        }
        for depth, by_width in barriers.items()
        for width, barrier in by_width.items()
        for method in ("identity", "weights")
        for seed in SEEDS
    ]
    return {"runs": pd.DataFrame(rows), "barrier_vs_width": pd.DataFrame({"interval": ["of some kind"]})}


def test_depth_has_a_panel_per_method_and_a_line_per_width():
    figure = barrier_against_depth(depth_frames())
    assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["identity", "weights"]
    labels = [line.get_label() for line in figure.axes[0].get_lines()]
    assert labels[:3] == ["width 64", "width 256", "width 512"]
    np.testing.assert_allclose(figure.axes[1].get_lines()[0].get_ydata(), [0.03, 0.3])
