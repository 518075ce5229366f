"""The figures of every sweep: each with a title, a sentence on how to read it, and a place of its own."""

import pytest

from multirun_analysis import plots
from multirun_analysis.plots.base import SweepFigure
from multirun_analysis.plots.style import axis_label
from multirun_analysis.tables import barrier_vs_width
from multirun_analysis.tables.names import METRICS


def test_a_figure_stands_in_the_middle_unless_it_says_where():
    figure = SweepFigure("title", "caption", lambda frames, x, hue: None)
    assert (figure.order, figure.draw({}, "width", "matching")) == (50, None)


@pytest.mark.parametrize("name", plots.choices())
def test_titles_take_the_key_of_the_axis_and_captions_are_sentences(name):
    figure = plots.choices()[name]
    assert "{" not in figure.title.format(x="depth")
    assert figure.caption.endswith(".")


def test_figures_stand_by_their_order_and_show_metrics_that_the_table_has():
    orders = [figure.order for figure in plots.choices().values()]
    assert orders == sorted(orders)
    assert set(METRICS) <= set(barrier_vs_width.METRICS)
    assert [axis_label(metric, "test") for metric in METRICS] == ["test loss barrier [nats]", "test error barrier [fraction]"]
