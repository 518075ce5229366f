"""Figures as files: equal figures are equal bytes, nothing in them is of a day or a machine, and matplotlib is left as it was."""

import matplotlib
import pytest
from matplotlib.figure import Figure
from odd_files import put

from multirun_analysis.output.figures import figure_png, figure_svg, lay_out, save_figure


def small_figure() -> Figure:
    figure = Figure(figsize=(1, 1), layout="constrained")
    figure.subplots().plot([0, 1], label="a line")
    return figure


def test_equal_figures_are_equal_bytes_in_every_format(tmp_path):
    for name in ("a.png", "a.pdf"):
        contents = []
        for _ in range(2):
            save_figure(small_figure(), tmp_path / name)
            contents.append((tmp_path / name).read_bytes())
        assert contents[0] == contents[1], name
        assert not any(word in contents[0] for word in (b"Software", b"CreationDate", b"Producer")), name
    assert figure_png(small_figure()) == figure_png(small_figure()) == (tmp_path / "a.png").read_bytes()
    svg = figure_svg(small_figure())
    assert svg == figure_svg(small_figure())
    assert "<dc:date>" not in svg


def test_a_letter_that_the_font_lacks_is_drawn_without_a_warning():
    figure = small_figure()
    figure.axes[0].set_title("\U0001f469")
    assert figure_png(figure).startswith(b"\x89PNG")


def test_a_figure_is_laid_out_once_and_matplotlib_stays_as_it_was():
    before, figure = dict(matplotlib.rcParams), small_figure()
    lay_out(figure)
    position = figure.axes[0].get_position().bounds
    figure.axes[0].set_title("two\nlines")  # would take room in a layout that is made anew
    figure_svg(figure)
    assert figure.axes[0].get_position().bounds == position
    assert dict(matplotlib.rcParams) == before


@pytest.mark.usefixtures("a_hang_is_a_failure")
@pytest.mark.parametrize("name", ["a.png", "a.pdf"])
def test_a_pipe_in_place_of_a_figure_is_replaced(tmp_path, name):
    put("pipe", tmp_path / name)
    save_figure(small_figure(), tmp_path / name)
    assert (tmp_path / name).is_file()
