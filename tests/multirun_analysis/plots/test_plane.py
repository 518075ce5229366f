"""The picture of a plane: the networks, the lines and the contours stand where they are."""

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import make_record
from matplotlib.contour import QuadContourSet
from small_frames import CORNERS, make_plane, plane_frame

from multirun_analysis.plots.plane import MOST_ROWS, plane_figure, plane_levels, plot_plane


@pytest.fixture
def plane():
    return plane_frame(make_record("r0", width=16, seed=3))


def contours_of(ax):
    return [artist for artist in ax.collections if isinstance(artist, QuadContourSet)]


def test_a_loss_that_does_not_exist_is_a_hole_in_the_contours(plane):
    plane.loc[5, ["loss", "error"]] = np.nan
    (contours,) = contours_of(plot_plane(plane))
    x, y = plane.loc[5, ["x", "y"]]
    assert not any(path.contains_point((x, y)) for path in contours.get_paths())


def test_the_picture_shows_the_networks_the_lines_and_contours_beyond_them(plane):
    ax = plot_plane(plane)
    dots = {tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() == "o"}
    assert dots == set(CORNERS.values())
    lines = {line.get_linestyle(): line.get_xydata().tolist() for line in ax.lines if line.get_marker() != "o"}
    assert lines == {"--": [[0, 0], [10, 0]], "-": [[0, 0], [3, 4]]}
    assert {text.get_text(): tuple(text.xy) for text in ax.texts} == CORNERS
    (contours,) = contours_of(ax)
    box = np.array([path.get_extents().get_points() for path in contours.get_paths() if len(path.vertices)])
    np.testing.assert_allclose([box[:, 0].min(axis=0), box[:, 1].max(axis=0)], [[-4, -2], [14, 6]])
    assert ax.get_aspect() == 1.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance along A to B", "distance across")


def test_a_contour_lies_where_the_loss_has_its_value(plane):
    ax = plot_plane(plane.assign(loss=np.exp(plane["x"] / 10)), levels=np.exp([0.0, 0.4, 1.0]))
    (contours,) = contours_of(ax)
    between = contours.get_paths()[1]  # the first band lies below the lowest level
    extent = between.get_extents()
    assert [extent.x0, extent.x1] == pytest.approx([0.0, 4.0], abs=0.05)  # straight between columns of the grid, two apart


def test_levels_are_even_in_the_logarithm_and_take_what_is_there():
    levels = plane_levels(pd.Series([0.1, 1.0, 10.0, np.nan, 0.0, 1e9]))
    np.testing.assert_allclose(np.diff(np.log(levels)), np.log(levels[1] / levels[0]))
    assert levels[0] >= 0.1
    for values in ([], [np.nan], [0.0, 0.0], [0.3, 0.3]):
        assert (np.diff(plane_levels(pd.Series(values, dtype=float))) > 0).all()


@pytest.mark.parametrize("metric", ["loss", "error"])
def test_the_figure_has_a_row_for_each_width_and_a_column_for_each_method_on_one_scale(metric):
    frames = []
    for record in [make_record(f"r{width}{seed}", width=width, seed=seed, networks=3) for width in (8, 16) for seed in (0, 1)]:
        planes = [make_plane(record, pair) for pair in ((0, 1), (0, 2))]
        planes += [make_plane(record, method="identity")] if record["run_id"] == "r80" else []
        frames.append(plane_frame(record, *planes))
    figure = plane_figure(pd.concat(frames), metric=metric)
    panels, bar = figure.axes[:4], figure.axes[4]
    assert [ax.get_title(loc="left").strip() for ax in panels] == ["identity", "weights"] * 2
    assert [ax.texts[-1].get_text() for ax in panels[::2]] == ["width=8, seed=0", "width=16, seed=0"]
    assert len(figure.axes) == 5
    assert bar.get_ylabel() == {"loss": "test loss [nats]", "error": "test error [fraction]"}[metric]
    sets = [contours_of(ax) for ax in panels]
    assert [len(planes) for planes in sets] == [1, 1, 0, 1]
    assert panels[2].texts[0].get_text().startswith("no plane")
    for (one,) in (sets[1], sets[3]):
        np.testing.assert_array_equal(one.levels, sets[0][0].levels)


def test_of_many_widths_some_are_shown_from_the_first_to_the_last_and_it_is_said():
    figure = plane_figure(pd.concat([plane_frame(make_record(f"r{k}", width=2**k)) for k in range(1, 10)]))
    titles = [ax.texts[-1].get_text() for ax in figure.axes[:-1]]
    assert len(titles) == MOST_ROWS
    assert (titles[0], titles[-1]) == ("width=2, seed=0", "width=512, seed=0")
    assert figure.get_suptitle() == "rows: 6 of 9, evenly chosen"


def test_no_plane_is_no_figure(plane):
    assert plane_figure(plane.iloc[:0]) is None
