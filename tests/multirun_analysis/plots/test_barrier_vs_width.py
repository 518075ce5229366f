"""Barrier against width: what the artists hold."""

import numpy as np
from analysis_sweeps import make_record
from matplotlib import pyplot as plt

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.plots.style import METHODS


def test_the_plot_shows_means_pairs_true_widths_and_zeros(write_sweep):
    rows = [
        make_record(f"r{seed}{width}", seed=seed, width=width, barrier=0.0 if width == 16 else 0.2 * seed)
        for seed in (0, 1)
        for width in (8, 16)
    ]
    runs = load_runs(write_sweep(rows))
    figure, ax = plt.subplots()
    assert plot_barrier_vs_width(barrier_vs_width(runs), runs, ax=ax) is ax
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_allclose(lines["weights"].get_xdata(), [8, 16])
    np.testing.assert_allclose(lines["weights"].get_ydata(), [0.1, 0.0])
    assert lines["weights"].get_color() == METHODS["weights"][0]
    figure.canvas.draw()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["8", "16"]
    low, high = ax.get_ylim()
    assert low <= 0.0 < 2.0 < high  # the zeros lie inside
    assert ax.get_ylabel() == "test loss barrier [nats]"
    plt.close(figure)
