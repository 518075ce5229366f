"""Figures on the page: each as a picture whose markers say their values, or as a PNG where that would be too large, and as files."""

import pytest
from analysis_sweeps import make_record

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.page import REPORT_FILE
from multirun_analysis.plots.base import SweepFigure
from multirun_analysis.report import drawing
from multirun_analysis.tables.sweep import sweep_frames

NONE = [float("nan"), float("inf"), -float("inf"), 1e308, None]


@pytest.fixture
def draw(write_sweep, tmp_path):
    """Return a function that draws the page of records into an empty folder, and returns its HTML."""

    def write(records, **options):
        folder = write_sweep(records)
        sweep = find_sweep(folder)
        (tmp_path / "out").mkdir(exist_ok=True)
        notes = drawing.write_page(sweep, sweep_frames(sweep), [folder], tmp_path / "out", **options)
        assert notes == ()
        return (tmp_path / "out" / REPORT_FILE).read_text()

    return write


def figures_on(html):
    return {name for name in plots.choices() if f'id="{name}"' in html}


def test_a_figure_too_large_for_the_page_is_a_png_on_it_and_no_files_are_written_where_none_are_wanted(draw, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "LARGEST_SVG", 100)
    html = draw([make_record("a")], brief=True, files=False, title="A study")
    assert '<img alt="Barrier against width" style="max-width: ' in html
    assert "<title>A study</title>" in html
    assert {path.name for path in (tmp_path / "out").iterdir()} == {REPORT_FILE}


def test_figures_are_drawn_of_numbers_that_are_none(draw):
    records = [make_record(f"odd{k}", seed=k, width=16) for k in range(len(NONE))]
    for record, value in zip(records, NONE, strict=True):
        for row in record["runs"]:
            row["loss_barrier"] = value
    html = draw([make_record("good"), *records], files=False)
    assert figures_on(html) >= {"barrier_vs_width", "interpolation_curves", "connected_share", "matching_cost"}


def test_a_figure_of_a_users_own_that_needs_all_frames_waits_for_the_whole_page(draw, monkeypatch):
    asked_for = []

    def draw_own(frames, x, hue):
        asked_for.append((len(frames["planes"]), len(frames["curves"]) > 0))

    own = {"own": SweepFigure(title="Own", caption="Own.", draw=draw_own, order=0), **plots.choices()}
    monkeypatch.setattr(plots, "choices", lambda: own)
    assert figures_on(draw([make_record("a")], brief=True, files=False)) == {"barrier_vs_width"}
    assert asked_for == []
    draw([make_record("a")], files=False)
    assert asked_for == [(0, True)]
