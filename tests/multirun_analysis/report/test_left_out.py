"""What a figure, a table or a list leaves out it says: how many of how many, and which."""

import pandas as pd
import pytest
from analysis_sweeps import expect, make_record
from matplotlib.figure import Figure

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.page.page import frame_table
from multirun_analysis.plots.interpolation_curves import shown_jobs
from multirun_analysis.report.report import MOST_FAILURES, write_report
from multirun_analysis.tables.cells import fixed_keys, left_out
from multirun_analysis.tables.sweep import sweep_frames


def frames_of(write_sweep, rates: int, widths: int, layers: int = 1, **status: str):
    """Return the frames of a sweep of so many learning rates and widths, each a cell and a panel."""
    records = []
    for k in range(rates):
        for w in range(widths):
            record = make_record(f"r{k:02}{w:02}", width=2 ** (w + 3), barrier=0.1 / (w + 1), **{"optimizer.lr": 0.1 * (k + 1)}, **status)
            (one,) = record["layers"]
            record["layers"] = [one | {"layer": layer + 1} for layer in range(layers)]
            records.append(record)
    sweep = find_sweep([write_sweep(records)])
    return sweep_frames(sweep) | {"planes": pd.DataFrame()}


def text_of(figure: Figure) -> str:
    """Return the titles of the legends of a figure, and its own."""
    legends = [legend.get_title().get_text() for legend in figure.legends]
    return "\n".join([*legends, figure.get_suptitle()])


@pytest.mark.parametrize(
    ("name", "rates", "widths", "layers", "sentence"),
    [
        ("interpolation_curves", 5, 2, 1, "rows: the first 4 of 5"),
        ("interpolation_curves", 1, 9, 1, "panels of width: 8 of 9, evenly chosen"),
        ("interpolation_curves", 40, 1, 1, "rows: the first 2 of 40"),
        ("barrier_vs_width", 9, 2, 1, "rows: the first 8 of 9"),
        ("barrier_vs_width", 33, 2, 1, "rows: the first 2 of 33"),
        ("connected_share", 9, 2, 1, "rows: the first 8 of 9"),
        ("matching_cost", 7, 2, 1, "rows: the first 6 of 7"),
        ("matching_cost", 1, 2, 8, "layers: the first 6 of 8"),
    ],
)
def test_a_figure_that_shows_some_of_its_rows_or_panels_says_so(write_sweep, name, rates, widths, layers, sentence):
    figure = plots.choices()[name].draw(frames_of(write_sweep, rates, widths, layers), "width", "matching")
    assert sentence in text_of(figure)


@pytest.mark.parametrize("name", ["interpolation_curves", "barrier_vs_width", "connected_share", "matching_cost"])
def test_a_figure_that_shows_all_says_nothing_of_it(write_sweep, name):
    sentence = text_of(plots.choices()[name].draw(frames_of(write_sweep, 2, 2), "width", "matching"))
    assert "rows:" not in sentence
    assert "panels of" not in sentence
    assert "layers:" not in sentence


def test_a_heat_map_of_more_cells_than_it_has_rows_says_so(write_sweep):
    records = [
        make_record(f"r{w}{k}{m}", width=w, **{"optimizer.lr": 0.1 * k, "optimizer.momentum": m / 10})
        for w in (8, 16) for k in range(1, 9) for m in range(7)
    ]  # fmt: skip
    frames = sweep_frames(find_sweep([write_sweep(records)]))
    assert text_of(plots.choices()["heat_map"].draw(frames, "width", "matching")).strip() == "rows: the first 6 of 7"


def test_cells_of_diverged_networks_take_no_room_in_the_figure_of_the_lines(write_sweep):
    records = [
        make_record(f"r{k}{seed}", seed=seed, status="diverged" if k < 4 else "ok", **{"optimizer.lr": 0.1 * (k + 1)})
        for k in range(6) for seed in (0, 1)
    ]  # fmt: skip
    frames = sweep_frames(find_sweep([write_sweep(records)]))
    assert shown_jobs(frames["runs"], fixed_keys(frames["barrier_vs_width"], "width", "matching")) == {"r40", "r41", "r50", "r51"}


def test_the_terminal_says_that_figures_show_some_cells_and_how_many_failures_are_not_listed(write_sweep):
    records = [make_record(f"r{k}", **{"optimizer.lr": 0.1 * (k + 1)}) for k in range(5)]
    words = ("schema_version", "run_id", "scope")
    failed = [make_record(f"m{k}", seed=k + 1) for k in range(MOST_FAILURES + 3)]
    failed = [{key: record[key] for key in words} | {"status": "failed", "sentence": "out of luck"} for record in failed]
    report = write_report([write_sweep([*records, *failed], [*map(expect, records)])], brief=True)
    assert "note: figures show some of the 5 cells only, as each of them says; the tables have all." in report.notes
    assert report.failures[-1] == "and 3 more in failures.csv"


def test_a_table_of_the_page_says_how_many_rows_it_has_left_out():
    table = frame_table("t", "", pd.DataFrame({"a": range(9)}), most=4)
    assert (table.caption, len(table.rows)) == ("The first 4 of 9 rows; the CSV has all.", 4)


@pytest.mark.parametrize(("shown", "available", "sentence"), [(4, 4, ""), (4, 7, "rows: the first 4 of 7"), (5, 4, "")])
def test_nothing_is_said_where_nothing_is_left_out(shown, available, sentence):
    assert left_out(shown, available, "rows") == sentence
