"""The results of a sweep in Python are those that its CSVs and the terminal's table have."""

import re

import pandas as pd
import pytest
from analysis_sweeps import expect, four_records, make_record, write_record

from multirun_analysis import SweepResults, load_runs
from multirun_analysis.checks import InputError
from multirun_analysis.output.figures import save_figure
from multirun_analysis.output.files import write_csv
from multirun_analysis.report.report import write_report
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.tables.names import TABLES


def test_every_table_is_that_of_its_csv(write_sweep, tmp_path):
    folder = write_sweep(four_records())
    results, written = SweepResults(folder), write_report([folder], only=TABLES).folder
    for name in set(TABLES) - {"curves"}:
        write_csv(results.table(name), tmp_path / "table.csv")
        assert (tmp_path / "table.csv").read_bytes() == (written / f"{name}.csv").read_bytes(), name
    pd.testing.assert_frame_equal(results.runs, load_runs(folder))
    assert list(results.curves.columns) == list(pd.read_csv(written / "curves.csv", nrows=0))
    assert len(results.layers) == len(results.table("layers"))
    other = results.barrier_vs_width(IntervalChoice(level=0.5))
    assert (other["level"] == 0.5).all()
    assert (results.barrier_vs_width()["level"] == 0.95).all()


def test_a_table_that_is_changed_is_the_callers_own(write_sweep):
    results = SweepResults(write_sweep(four_records()))
    runs = results.runs
    runs["width"] = 0
    assert 0 not in set(results.runs["width"])


def test_it_is_shown_as_the_terminals_table(write_sweep):
    folder = write_sweep(four_records())
    text, report = repr(SweepResults(folder)), write_report([folder], only=TABLES).text
    table = text.partition("\n\nTest loss barrier")[0]
    assert table.replace(" ", "") in report.replace("*", "").replace(" ", "")
    assert text.endswith(f"Test loss barrier [nats]; 4 of 4 jobs in {folder}.")
    html = SweepResults(folder)._repr_html_()
    cells = re.findall(r"<td>(.*?)</td>", html)
    words = {word for word in table.split("\n")[-1].split() if word != "±"}
    assert words <= {word for cell in cells for word in cell.split()}
    assert str(folder) in html


def test_a_running_sweep_is_read_again_when_asked(write_sweep):
    one, *others = four_records()
    folder = write_sweep([one], list(map(expect, four_records())))
    results = SweepResults(folder)
    assert len(results.runs["run_id"].unique()) == 1
    assert len(results.failures) == 3
    write_record(folder / others[0]["run_id"], others[0])
    assert len(results.runs["run_id"].unique()) == 1
    assert len(results.again().runs["run_id"].unique()) == 2


def test_figures_are_those_of_the_report(write_sweep, tmp_path):
    results = SweepResults(write_sweep(four_records()))
    figure = results.plot()
    assert [ax.get_ylabel() for ax in figure.axes] == ["test loss barrier [nats]", "test error barrier [fraction]"]
    save_figure(figure, tmp_path / "figure.png")
    assert figure._repr_png_() == (tmp_path / "figure.png").read_bytes()  # what a notebook shows is what the report writes
    with pytest.raises(
        InputError, match=r"^`figure` must be one of barrier_vs_width, .*, got 'barrier_vs_with'\. Did you mean 'barrier_vs_width'\?$"
    ):
        results.plot("barrier_vs_with")
    with pytest.raises(InputError, match=r"has nothing that the figure training_curves could show\.$"):
        results.plot("training_curves")
    with pytest.raises(InputError, match=r"has nothing that the figure plane could show\.$"):
        results.plot("plane")
    with pytest.raises(InputError, match=r"^`--x` must be one of .*, got 'withd'\. Did you mean 'width'\?$"):
        results.plot(x="withd")
    with pytest.raises(InputError, match=r"^`name` must be one of runs, "):
        results.table("run")


def test_a_folder_without_results_is_shown_as_one(write_sweep):
    folder = write_sweep([make_record("r", status="diverged")])
    assert "0/1" in repr(SweepResults(folder))
    assert repr(SweepResults(folder)).endswith("1 of 1 jobs in " + str(folder) + ", 1 rows in failures.")
