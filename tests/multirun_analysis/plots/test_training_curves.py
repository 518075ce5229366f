"""The figure of training curves: what the artists hold, and that it is there where networks have curves."""

import numpy as np
import pytest
from analysis_sweeps import labelled, make_record, with_training
from matplotlib.figure import Figure

from multirun_analysis import load_training_curves
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.plots.training_curves import draw, plot_training_curves
from multirun_analysis.report.report import write_report
from multirun_analysis.tables.sweep import sweep_frames


@pytest.fixture
def sweep(write_sweep):
    """Two widths, two learning rates, two seeds, of which the job of width 16, rate 0.5 and seed 1 diverged."""
    records = []
    for width in (8, 16):
        for rate in (0.05, 0.5):
            for seed in (0, 1):
                status = "diverged" if (width, rate, seed) == (16, 0.5, 1) else "ok"
                record = make_record(f"r{width}{rate}{seed}", width=width, seed=seed, status=status, **{"optimizer.lr": rate})
                records.append(with_training(record, (0, 1, 2, 4)))
    return write_sweep(records)


def test_thick_curves_are_means_over_networks_and_thin_ones_are_these(sweep):
    cell = load_training_curves(sweep).query("width == 8 and `optimizer.lr` == 0.05")
    epochs, means = np.array([0, 1, 2, 4]), 1.5 / np.array([1, 2, 3, 5])  # of networks 0 and 1
    for metric, scale in (("loss", 1.0), ("error", 0.1)):
        ax = plot_training_curves(cell, metric=metric)
        lines = labelled(ax)
        for split, factor in (("train", 1.0), ("test", 2.0)):
            np.testing.assert_array_equal(lines[split].get_xdata(), epochs)
            np.testing.assert_allclose(lines[split].get_ydata(), scale * factor * means)
        thin = [line.get_ydata() for line in ax.lines if line.get_linewidth() < 1]
        assert len(thin) == 2 * 4  # splits, networks of two seeds
        np.testing.assert_allclose(np.mean(thin, axis=0), scale * 1.5 * means)


def test_a_mean_is_drawn_where_all_networks_have_a_point(write_sweep):
    records = [with_training(make_record("a"), (0, 1, 2)), with_training(make_record("b", seed=1), (0, 2))]
    lines = labelled(plot_training_curves(load_training_curves(write_sweep(records))))
    np.testing.assert_array_equal(lines["train"].get_xdata(), [0, 2])


@pytest.mark.parametrize(("x", "panels"), [("width", 2 * 2 * 2), ("optimizer.lr", 2 * 2 * 2), ("matching", 2 * 2 * 2)])
def test_there_is_a_panel_for_each_cell_width_and_metric(sweep, x, panels):
    figure = draw(sweep_frames(find_sweep(sweep)), x, "matching")
    assert isinstance(figure, Figure)
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == panels
    assert (
        sum(line.get_linewidth() < 1 for ax in shown for line in ax.lines) == 2 * 2 * 2 * 7
    )  # metrics, splits, networks, jobs that are ok


@pytest.mark.usefixtures("no_figures")
def test_a_sweep_without_curves_has_neither_table_nor_figure(write_sweep):
    folder = write_sweep([make_record("a")])
    assert draw(sweep_frames(find_sweep(folder)), "width", "matching") is None
    report = write_report([folder])
    assert "runs.csv" in {path.name for path in report.folder.iterdir()}
    assert not list(report.folder.glob("training_curves*"))


def test_the_table_of_a_report_has_the_rows_of_the_records(sweep):
    report = write_report([sweep], only=["training_curves"])
    lines = (report.folder / "training_curves.csv").read_text().splitlines()
    assert lines[0] == "run_id,status,dataset,model,width,depth,seed,optimizer.lr,network,split,epoch,loss,error"
    assert len(lines) == 1 + 8 * 2 * 2 * 4  # jobs, networks, splits, epochs
    assert lines[1] == "r80.050,ok,digits,mlp,8,1,0,0.05,r80.050-0,test,0,2,0.2"
