"""Dimension against barrier: how many points are drawn."""

from multirun_analysis import plots


def test_of_many_points_some_are_drawn_and_it_is_said(frames, monkeypatch):
    monkeypatch.setattr("multirun_analysis.plots.dimension_and_barrier.MOST", 3)
    figure = plots.choices()["dimension_and_barrier"].draw(frames, "width", "matching")
    assert sum(len(line.get_xdata()) for line in figure.axes[0].get_lines() if line.get_linestyle() == "None") == 3  # of eight
    assert figure.legends[0].get_title().get_text() == "points: pairs of networks, one in 3"
