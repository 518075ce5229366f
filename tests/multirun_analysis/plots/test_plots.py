"""The figures that every sweep gets: what their artists hold, when there is nothing to show, and the values on hover."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import make_record, write_record
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes
from multirun_analysis.output.figures import figure_svg
from multirun_analysis.plots.connected_share import plot_connected_share
from multirun_analysis.plots.heat_map import plot_heat_map
from multirun_analysis.plots.hover import TIP, hover_svg
from multirun_analysis.plots.interpolation_curves import plot_curves
from multirun_analysis.plots.matching_cost import plot_matching_cost
from multirun_analysis.tables.sweep import sweep_frames

RATES = (0.05, 0.5)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Two widths, two learning rates, two seeds; the barrier is rate / width, for seed 1 twice that."""
    folder = tmp_path_factory.mktemp("sweep")
    for width in (8, 16):
        for rate in RATES:
            for seed in (0, 1):
                record = make_record(
                    f"r{width}{rate}{seed}", width=width, seed=seed, barrier=rate / width * (seed + 1), **{"optimizer.lr": rate}
                )
                write_record(folder / record["run_id"], record)
    sweep = find_sweep([folder])
    return sweep_frames(sweep) | {"planes": find_planes(sweep, [folder]).frame}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def labelled(ax):
    return {str(line.get_label()): line for line in ax.get_lines() if not str(line.get_label()).startswith("_")}


def test_every_figure_of_the_room_draws_a_sweep_over_two_keys(frames):
    drawn = {name: figure.draw(frames, "width", "matching") for name, figure in plots.choices().items()}
    assert {name for name, figure in drawn.items() if isinstance(figure, Figure)} >= {
        "barrier_vs_width", "interpolation_curves", "connected_share", "matching_cost", "dimension_and_barrier", "heat_map",
    }  # fmt: skip
    assert next(iter(drawn)) == "barrier_vs_width"


def test_every_module_with_a_figure_is_found():
    folder = Path(plots.__file__).parent
    assert set(plots.choices()) == {path.stem for path in folder.glob("*.py") if "\nFIGURE = " in path.read_text()}


def test_a_sweep_of_one_width_and_no_other_key_has_no_heat_map_and_no_cost_against_width(frames):
    one = {name: frame.query("width == 8 and `optimizer.lr` == 0.05") if "width" in frame else frame for name, frame in frames.items()}
    figures = plots.choices()
    assert figures["heat_map"].draw(one, "width", "matching") is None
    assert figures["matching_cost"].draw(one, "width", "matching") is None
    assert figures["connected_share"].draw(one, "width", "matching") is None
    assert figures["dimension_and_barrier"].draw(one, "width", "matching") is None  # two pairs are no cloud
    assert isinstance(figures["interpolation_curves"].draw(one, "width", "matching"), Figure)


def test_shares_are_those_of_the_table(frames):
    share = frames["connected_share"].query(
        "split == 'test' and metric == 'error_barrier' and tolerance == 0.005 and `optimizer.lr` == 0.5"
    )
    lines = labelled(plot_connected_share(share))
    # The error barriers of weights are 0.00625 and 0.0125 at width 8, 0.003125 and 0.00625 at 16.
    np.testing.assert_allclose(lines["weights"].get_ydata(), [0.0, 0.5])
    np.testing.assert_allclose(lines["identity"].get_ydata(), [0.0, 0.0])
    np.testing.assert_allclose(lines["weights"].get_xdata(), [8, 16], rtol=0.05)  # a little aside
    assert (np.asarray(lines["weights"].get_xdata()) > np.asarray(lines["identity"].get_xdata())).all()


def test_thick_curves_are_means_over_pairs(frames):
    cell = frames["curves"].query("split == 'test' and width == 8 and `optimizer.lr` == 0.05 and matching == 'weights'")
    lines = labelled(plot_curves(cell))
    barriers = np.array([0.05 / 8, 0.1 / 8])
    np.testing.assert_allclose(lines["weights"].get_ydata(), [0.2, 0.3 + barriers.mean(), 0.4])
    np.testing.assert_allclose(lines["weights"].get_xdata(), [0, 0.5, 1])


def test_costs_of_a_layer_stand_over_width_with_the_unmatched_ones_dotted(frames):
    costs = frames["matching_costs"].query("`optimizer.lr` == 0.05 and layer == 1")
    ax = plot_matching_cost(costs)
    np.testing.assert_allclose(labelled(ax)["weights"].get_ydata(), [1.0, 1.0])
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == ":"]
    assert len(dotted) == 1
    np.testing.assert_allclose(dotted[0].get_ydata(), [2.0, 2.0])
    assert not [line for line in ax.get_lines() if line.get_linestyle() == "--"]  # these records have no bound


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


def test_every_marker_says_its_value(frames):
    figure = plots.choices()["barrier_vs_width"].draw(frames, "width", "matching")
    root = ET.fromstring(hover_svg(figure, figure_svg, "first"))
    tips = [element.get(TIP) for element in root.iter() if element.get(TIP)]
    assert "weights\nwidth: 16\ntest loss barrier [nats]: 0.04688" in tips  # 1.5 * 0.5 / 16
    assert len(tips) == 2 * 2 * 2 * 2  # cells, metrics, methods, widths
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert ids
    assert all(name.startswith("first-") for name in ids)
    assert all(element.get("{http://www.w3.org/1999/xlink}href", "#first-").startswith("#first-") for element in root.iter())


def test_of_many_points_some_are_drawn_and_it_is_said(frames, monkeypatch):
    monkeypatch.setattr("multirun_analysis.plots.dimension_and_barrier.MOST", 3)
    figure = plots.choices()["dimension_and_barrier"].draw(frames, "width", "matching")
    assert sum(len(line.get_xdata()) for line in figure.axes[0].get_lines()) == 3  # of eight
    assert figure.legends[0].get_title().get_text() == "points: pairs of networks, one in 3"


def test_a_heat_map_writes_keys_as_they_are_read():
    table = pd.DataFrame({"width": [8, 16, 8, 16], "optimizer.lr": [0.026000000000000002] * 2 + ["none"] * 2, "mean": [0.1, 0.2, 0.3, 0.4]})
    ax = plot_heat_map(table, x="width", y="optimizer.lr", ax=Figure().subplots())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["8", "16"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["none", "0.026"]
