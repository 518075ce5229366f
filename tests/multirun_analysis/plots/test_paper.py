"""Figures for papers: the size is the one that was asked for, letters are smaller, and what stood over the legend is left to the caption."""

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from multirun_analysis.plots.panels import differing, legend_of_all, panel_rows
from multirun_analysis.plots.paper import NOTE, SETTINGS, for_paper, paper
from multirun_analysis.plots.style import figure_style, panel_title, scaled


def test_it_ends_with_its_block_also_by_an_error():
    def fail():
        assert paper().size == (3.0, 2.0)
        raise ValueError("no such figure")

    with pytest.raises(ValueError, match="no such figure"), for_paper((3.0, 2.0), {}):
        fail()
    assert paper() is None


def test_settings_of_the_author_come_over_ours_and_ours_over_the_style_of_reports():
    with figure_style():
        of_reports = mpl.rcParams["font.size"]
    with for_paper(None, {"axes.labelsize": 5.0}), figure_style():
        assert mpl.rcParams["font.size"] == SETTINGS["font.size"] < of_reports
        assert mpl.rcParams["axes.labelsize"] == 5.0
        assert not mpl.rcParams["axes.spines.top"]  # as in reports


def test_a_figure_has_the_size_that_was_asked_for_whatever_its_panels():
    with for_paper((3.25, 2.4), {}):
        figure, _ = panel_rows(3, 2)
    assert tuple(figure.get_size_inches()) == (3.25, 2.4)
    with for_paper(None, {}):
        whole, _ = panel_rows(3, 2)
    assert tuple(whole.get_size_inches()) == tuple(panel_rows(3, 2)[0].get_size_inches())


def test_letters_that_are_smaller_than_others_stay_so():
    with figure_style():
        assert scaled(9) == 9.0
    with for_paper(None, {"font.size": 18.0}), figure_style():
        ax = Figure().subplots()
        panel_title(ax, "depth 1", 8)
        assert ax.get_title(loc="left") == "depth 1"
        assert ax._left_title.get_fontsize() == 16.0


def test_the_title_of_a_legend_is_kept_for_the_caption_and_its_columns_fit():
    names = [f"method_number_{k}" for k in range(6)]

    def legend(of_paper):
        with of_paper, figure_style():
            figure, axes = panel_rows(1, 1)
            for name in names:
                axes[0, 0].plot([0, 1], label=name)
            legend_of_all(figure, axes.flat, "points: pairs", "rows: the first 4 of 7", methods=False)
        assert vars(figure)[NOTE] == "points: pairs\nrows: the first 4 of 7"
        return figure, figure.legends[0]

    figure, narrow = legend(for_paper((3.25, 3.0), {}))
    assert narrow.get_title().get_text() == ""
    figure.canvas.draw()
    assert narrow.get_window_extent().width <= figure.bbox.width
    _, wide = legend(figure_style())
    assert wide.get_title().get_text() == "points: pairs\nrows: the first 4 of 7"


def test_titles_of_panels_name_in_a_paper_only_what_differs():
    keys, cells = ["dataset", "depth", "lr"], [("digits", 1, 0.1), ("digits", 2, 0.1)]
    assert differing(keys, cells[0], cells) == (keys, list(cells[0]))
    with for_paper(None, {}):
        assert differing(keys, cells[1], cells) == (["depth"], [2])
