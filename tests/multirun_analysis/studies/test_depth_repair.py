"""Depth with and without repair: growth, the share that a repair removes, and what the figure's artists hold."""

import numpy as np
import pandas as pd
import pytest
from study_rows import SEEDS, jitter, pair

from multirun_analysis.studies.depth_repair import barrier_against_depth, depths, growth, removed

BARRIERS = {"none": 0.2, "repair": 0.05}  # times the depth


def depth_frames() -> dict[str, pd.DataFrame]:
    rows = [
        pair(width, seed, depth=depth)
        | {
            "matching": method, "repair": repair, "split": "test", "error_barrier": factor * depth / 10, "loss_barrier": factor * depth * jitter(seed),
            "loss_barrier_calibrated": np.nan, "error_midpoint": 0.1, "output_scale": 0.9 / depth if repair == "none" else np.nan, "temperature_midpoint": 1.0,
        }
        for depth in (1, 2, 4)
        for width in (64, 256)
        for method in ("identity", "weights")
        for repair, factor in BARRIERS.items()
        for seed in SEEDS
    ]  # fmt: skip
    return {"runs": pd.DataFrame(rows), "barrier_vs_width": pd.DataFrame({"interval": ["of some kind"]})}


def test_a_repair_removes_the_share_that_its_barriers_are_lower():
    table = removed(depth_frames())
    np.testing.assert_allclose(table["mean"], 0.75)
    assert set(table["repair"]) == {"repair"}
    assert len(table) == 2 * 2 * 3 * 2  # measures, widths, depths, methods


def test_growth_is_from_the_least_depth():
    table = growth(depth_frames()).query("metric == 'loss_barrier' and width == 64 and matching == 'weights' and repair == 'none'")
    assert table["to_depth"].tolist() == [2, 4]
    np.testing.assert_allclose(table["growth"], [0.2, 0.6])


def test_measures_that_a_repair_does_not_have_are_left_out():
    table = depths(depth_frames())
    assert set(table.loc[table["measure"] == "output_scale", "repair"]) == {"none"}
    assert "loss_barrier_calibrated" not in set(table["measure"])
    row = table.query("measure == 'loss_barrier' and width == 64 and depth == 4 and matching == 'weights' and repair == 'repair'")
    assert float(row["mean"].iloc[0]) == pytest.approx(0.2)


def test_the_figure_has_a_row_per_width_a_panel_per_method_and_a_line_per_repair():
    figure = barrier_against_depth(depth_frames())
    assert [ax.get_title(loc="left") for ax in figure.axes] == [f"{m}, width {w}" for w in (64, 256) for m in ("identity", "weights")]
    lines = {line.get_label(): line for line in figure.axes[0].get_lines() if line.get_label().startswith("repair")}
    assert list(lines) == ["repair: none", "repair: repair"]
    np.testing.assert_allclose(lines["repair: none"].get_ydata(), [0.2, 0.4, 0.8])
