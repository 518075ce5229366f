"""Barrier against width: what the artists hold."""

import numpy as np
from analysis_sweeps import REPAIRS, labelled, make_record
from matplotlib import pyplot as plt

from multirun_analysis import barrier_vs_width, load_runs, plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.plots.style import METHODS
from multirun_analysis.plots.style import REPAIRS as REPAIR_LOOKS
from multirun_analysis.tables.sweep import sweep_frames


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
    table = barrier_vs_width(runs).query("split == 'test' and metric == 'loss_barrier'")
    places = set()
    for method, bars in zip(("identity", "weights"), ax.collections, strict=True):
        line, of_method = lines[method], table[table["matching"] == method]
        np.testing.assert_allclose(line.get_xdata(), [8, 16], rtol=0.05)  # beside one another
        np.testing.assert_allclose(line.get_ydata(), of_method["mean"])
        places |= set(line.get_xdata())
        for segment, x, low, high in zip(bars.get_segments(), line.get_xdata(), of_method["ci_low"], of_method["ci_high"], strict=True):
            np.testing.assert_allclose(segment, [[x, low], [x, high]])
    assert len(places) == 4
    assert lines["weights"].get_color() == METHODS["weights"][0]
    figure.canvas.draw()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["8", "16"]
    low, high = ax.get_ylim()
    assert low <= 0.0 < 2.0 < high  # the zeros lie inside
    assert ax.get_ylabel() == "test loss barrier [nats]"
    plt.close(figure)


def test_every_repair_has_a_row_of_its_own(write_sweep):
    records = [make_record(f"r{w}{k}", width=w, seed=k, repairs=REPAIRS) for w in (8, 16) for k in range(2)]
    frames = sweep_frames(find_sweep(write_sweep(records)), ["runs", "barrier_vs_width"])
    figure = plots.choices()["barrier_vs_width"].draw(frames, "width", "matching")
    heights = {"none": 0.1, "reset": 0.05}
    assert len(figure.axes) == 2 * len(REPAIRS)
    for ax, (repair, height) in zip(figure.axes[::2], heights.items(), strict=True):
        assert any(text.get_text().endswith(f"repair={repair}") for text in ax.texts)
        np.testing.assert_allclose(labelled(ax)["weights"].get_ydata(), height)
    by_repair = plots.choices()["barrier_vs_width"].draw(frames, "width", "repair").axes[0]
    assert {name: line.get_color() for name, line in labelled(by_repair).items()} == {name: REPAIR_LOOKS[name][0] for name in REPAIRS}
