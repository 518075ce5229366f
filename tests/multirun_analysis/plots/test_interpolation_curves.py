"""The curves along the line: what the artists hold."""

import numpy as np
from analysis_sweeps import labelled, make_record

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.plots.interpolation_curves import plot_curves, shown_jobs
from multirun_analysis.tables.cells import fixed_keys
from multirun_analysis.tables.sweep import sweep_frames


def test_thick_curves_are_means_over_pairs(frames):
    cell = frames["curves"].query("split == 'test' and width == 8 and `optimizer.lr` == 0.05 and matching == 'weights'")
    lines = labelled(plot_curves(cell))
    barriers = np.array([0.05 / 8, 0.1 / 8])
    np.testing.assert_allclose(lines["weights"].get_ydata(), [0.2, 0.3 + barriers.mean(), 0.4])
    np.testing.assert_allclose(lines["weights"].get_xdata(), [0, 0.5, 1])


def test_cells_of_diverged_networks_take_no_room_in_the_figure_of_the_lines(write_sweep):
    records = [
        make_record(f"r{k}{seed}", seed=seed, status="diverged" if k < 4 else "ok", **{"optimizer.lr": 0.1 * (k + 1)})
        for k in range(6) for seed in (0, 1)
    ]  # fmt: skip
    frames = sweep_frames(find_sweep([write_sweep(records)]), ["runs", "barrier_vs_width"])
    assert shown_jobs(frames["runs"], fixed_keys(frames["barrier_vs_width"], "width", "matching")) == {"r40", "r41", "r50", "r51"}
