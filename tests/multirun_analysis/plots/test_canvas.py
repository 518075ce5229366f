"""Figures in memory: laid out as where they are drawn, measured by one renderer, and what they are written as is the same."""

import io

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from multirun_analysis.plots.canvas import arrange, measured


def two_panels(layout: str | None = "constrained") -> Figure:
    figure = Figure(figsize=(4.0, 2.0), layout=layout)
    for ax in figure.subplots(1, 2):
        ax.plot([1.0, 1e6], label="a line")
        ax.set(xlabel="width", ylabel="a label of\ntwo lines", title="panel")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center")
    return figure


def positions(figure: Figure) -> list[tuple[float, ...]]:
    return [ax.get_position().bounds for ax in figure.axes]


@pytest.mark.parametrize("layout", ["constrained", "tight"])
def test_parts_lie_where_drawing_would_put_them(layout):
    drawn, placed = two_panels(layout), two_panels(layout)
    before = positions(placed)
    drawn.draw_without_rendering()
    arrange(placed)
    assert positions(placed) == positions(drawn) != before


def test_a_figure_without_a_layout_or_without_panels_stays_as_it_is():
    figure = two_panels(None)
    before = positions(figure)
    arrange(figure)
    assert positions(figure) == before
    arrange(Figure(layout="constrained"))


def test_where_panels_have_no_room_nothing_is_raised():
    figure = two_panels()
    figure.set_size_inches(0.3, 0.3)
    with pytest.warns(UserWarning, match="constrained_layout not applied"):
        arrange(figure)


def test_one_renderer_measures_until_the_figure_has_another_size():
    figure = measured(two_panels())
    first = figure.canvas.get_renderer()
    assert figure.canvas.get_renderer() is first
    figure.set_size_inches(5.0, 2.0)
    second = figure.canvas.get_renderer()
    assert (second.width, second.height) == (round(5.0 * figure.dpi), round(2.0 * figure.dpi))
    figure.dpi = 50
    assert figure.canvas.get_renderer().dpi == 50


def test_a_canvas_that_measures_already_is_kept():
    figure = two_panels()
    canvas = FigureCanvasAgg(figure)
    assert measured(figure).canvas is canvas


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_what_is_written_is_the_same_in_bytes(kind):
    contents = []
    for figure in (two_panels(), measured(two_panels())):
        data = io.BytesIO()
        figure.savefig(data, format=kind, metadata={"pdf": {"CreationDate": None}}.get(kind))
        contents.append(data.getvalue())
    assert contents[0] == contents[1]
