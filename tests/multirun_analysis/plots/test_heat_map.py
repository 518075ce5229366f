"""The heat map over two keys: what the artists hold."""

import numpy as np
import pandas as pd
from analysis_sweeps import REPAIRS, make_record
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.plots.heat_map import plot_heat_map
from multirun_analysis.tables.sweep import sweep_frames


def test_the_heat_map_holds_the_means_and_writes_zeros(frames):
    cell = frames["barrier_vs_width"].query("split == 'test' and metric == 'loss_barrier' and matching == 'weights'").copy()
    ax = plot_heat_map(cell, x="width", y="optimizer.lr")
    values = ax.collections[0].get_array().reshape(2, 2)
    np.testing.assert_allclose(values, [[1.5 * 0.5 / 8, 1.5 * 0.5 / 16], [1.5 * 0.05 / 8, 1.5 * 0.05 / 16]])  # the highest rate on top
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.5", "0.05"]
    plt.figure()
    cell.loc[(cell["width"] == 16) & (cell["optimizer.lr"] == 0.05), "mean"] = 0.0
    ax = plot_heat_map(cell, x="width", y="optimizer.lr")
    assert ax.collections[0].get_array().reshape(2, 2).mask.tolist() == [[False, False], [False, True]]
    assert "0" in [text.get_text() for text in ax.texts]


def test_a_heat_map_writes_keys_as_they_are_read():
    table = pd.DataFrame({"width": [8, 16, 8, 16], "optimizer.lr": [0.026000000000000002] * 2 + ["none"] * 2, "mean": [0.1, 0.2, 0.3, 0.4]})
    ax = plot_heat_map(table, x="width", y="optimizer.lr", ax=Figure().subplots())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["8", "16"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["none", "0.026"]


def test_a_method_without_any_barrier_is_white_and_draws_without_a_warning(frames):
    table = frames["barrier_vs_width"].copy()
    table.loc[table["matching"] == "weights", "mean"] = 0.0
    figure = plots.choices()["heat_map"].draw({"barrier_vs_width": table}, "width", "matching")
    identity, weights = (ax.collections[0].get_array() for ax in figure.axes[:2])
    assert weights.mask.all()
    assert not identity.mask.any()


def test_a_heat_map_of_more_cells_than_it_has_rows_says_so(write_sweep):
    records = [
        make_record(f"r{w}{k}{m}", width=w, **{"optimizer.lr": 0.1 * k, "optimizer.momentum": m / 10})
        for w in (8, 16) for m in range(7) for k in (m + 1, (m + 1) % 7 + 1)  # seven rates in all, two of them in each row
    ]  # fmt: skip
    frames = sweep_frames(find_sweep([write_sweep(records)]), ["barrier_vs_width"])
    assert plots.choices()["heat_map"].draw(frames, "width", "matching").get_suptitle() == "rows: the first 6 of 7"


def test_a_repair_is_a_row_of_a_heat_map_and_no_axis(write_sweep):
    records = [make_record(f"r{w}{lr}", width=w, repairs=REPAIRS, **{"optimizer.lr": lr}) for w in (8, 16) for lr in (0.1, 0.2)]
    draw = plots.choices()["heat_map"].draw
    both = sweep_frames(find_sweep(write_sweep(records)), ["barrier_vs_width"])
    titles = [ax.texts and ax.texts[-1].get_text() for ax in draw(both, "width", "matching").axes[:-1:2]]
    assert [title.rpartition("=")[2] for title in titles] == list(REPAIRS)
    one = sweep_frames(find_sweep(write_sweep(records[::2], name="one")), ["barrier_vs_width"])
    assert draw(one, "width", "matching") is None
