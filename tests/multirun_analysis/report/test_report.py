"""What the analysis writes and says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import REPAIRS, expect, four_records, make_record, repaired, with_blocks, write_record
from odd_files import put

from multirun_analysis import load_runs, plots
from multirun_analysis.common.media import for_latex
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.report.drawing import write_page
from multirun_analysis.report.report import MOST_FAILURES, write_report
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.tables.names import TABLES, WHERE_MEASURED
from multirun_analysis.tables.sweep import sweep_frames

FILES = {
    "runs.csv", "curves.csv", "layers.csv", "barrier_vs_width.csv", "failures.csv", "method_differences.csv",
    "repair_differences.csv", "direction_differences.csv", "slopes.csv", "width_needed.csv", "connected_share.csv", "matching_costs.csv", "barrier_vs_width.png", "barrier_vs_width.pdf", "barrier_vs_width.md", "barrier_vs_width.tex",
    "provenance.json", "report.html",
}  # fmt: skip


@pytest.mark.usefixtures("a_hang_is_a_failure")
def test_every_table_and_the_figure_are_written_beside_the_sweep_whatever_stands_in_their_places(write_sweep):
    folder = write_sweep(four_records())
    for name in FILES:
        put("pipe", folder / "analysis" / name)
    report = write_report([folder], brief=True)
    assert report.folder == folder / "analysis"
    assert {path.name for path in report.folder.iterdir() if path.is_file()} == FILES
    runs = pd.read_csv(report.folder / "runs.csv")
    pd.testing.assert_frame_equal(runs, load_runs(folder), check_dtype=False, rtol=1e-9)
    html = (report.folder / "report.html").read_text()
    assert [name for name in plots.choices() if f'id="{name}"' in html] == ["barrier_vs_width"]
    assert "matching=weights, width=16\ntest loss barrier [nats]: 0.009375" in html.replace("&#10;", "\n")  # on hover
    assert "4 of 4 jobs found." in report.text
    assert str(report.folder) in report.text


def test_equal_inputs_give_equal_bytes(write_sweep):
    reports = []
    for records, name in ((four_records(), "first/of/two"), (four_records()[::-1], "second/of/two")):
        folder = write_sweep(records, name=name)
        reports.append(write_report([folder], only=TABLES).folder)
        sweep = find_sweep(folder)
        write_page(sweep, sweep_frames(sweep), [folder], reports[-1], files=False)  # as files: output/test_figures.py
    first, second = reports
    names = {path.name for path in first.iterdir()}
    written = {name for name in FILES if not name.endswith((".png", ".pdf", ".json"))}
    assert names == {path.name for path in second.iterdir()} == written | {f"{name}.csv" for name in WHERE_MEASURED}
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.mark.usefixtures("no_figures")
def test_records_of_before_repairs_and_those_without_any_are_the_same_tables_page_and_text(write_sweep, tmp_path):
    for name, records in (
        ("earlier", four_records()),
        ("later", [repaired(record, {"none": REPAIRS["none"]}) for record in four_records()]),
    ):
        folder = write_sweep(records, [expect(record) for record in records], name=f"{name}/of/two")  # its last names are its title
        report = write_report([folder], tmp_path / name / "analysis")
        assert "repair" not in report.text.removesuffix(report.location)
        assert [block.header[3:] for block in report.blocks] == [("identity", "weights")]
    for file in (tmp_path / "earlier/analysis").iterdir():
        assert file.read_bytes() == (tmp_path / "later/analysis" / file.name).read_bytes(), file.name


@pytest.mark.parametrize("hue", ["matching", "repair"])
def test_bold_is_the_same_whichever_tables_are_written(write_sweep, tmp_path, hue):
    records = [make_record(f"r{k}{w}", seed=k, width=w, barrier=0.1 + k / 100, repairs=REPAIRS) for k in range(4) for w in (8, 16)]
    folder = write_sweep(records)
    some, every = (write_report([folder], tmp_path / str(len(names)), hue=hue, only=names) for names in (["runs"], TABLES))
    assert some.blocks == every.blocks
    assert all([value.best for value in values] == [False, True] for block in some.blocks for *_, values in block.rows)


@pytest.mark.parametrize("name", TABLES)
def test_any_table_is_to_be_had_alone_and_what_lies_beside_it_is_said_to_be_older(write_sweep, tmp_path, name):
    out = tmp_path / "out"
    report = write_report([write_sweep(four_records())], out, only=[name])
    assert report.location == f"{name}: {out}"
    assert {path.stem for path in out.iterdir()} == {name}
    (out / "report.html").touch()
    assert report.location == f"{name}: {out}; the other files there are from an earlier analysis"


def test_the_text_says_what_is_missing_and_what_readers_must_know(write_sweep):
    measured, missing = make_record("measured"), make_record("missing", seed=1)
    measured["notes"] = ["weights: the solver did not converge."]
    folder = write_sweep([measured], [expect(measured, "seed=0"), expect(missing, "seed=1")])
    text = write_report([folder], only=["runs", "barrier_vs_width"]).text
    assert "1 of 2 jobs found." in text
    assert "1 of 2 jobs found. 1 not yet measured: the sweep is running or was stopped; the same command goes on." in text
    assert "note: weights: the solver did not converge. (1 of 1 jobs)" in text


def test_two_sweeps_with_different_settings_are_two_cells_and_not_one_mean(write_sweep, tmp_path):
    first = write_sweep([make_record(f"a{seed}", seed=seed, barrier=0.1, **{"optimizer.lr": 0.1}) for seed in (0, 1)], name="first")
    second = write_sweep([make_record(f"b{seed}", seed=seed, barrier=0.9, **{"optimizer.lr": 0.2}) for seed in (2, 3)], name="second")
    report = write_report([first, second], tmp_path / "both", only=["runs", "barrier_vs_width"])
    assert "optimizer.lr=0.1" in report.text
    assert "optimizer.lr=0.2" in report.text
    table = pd.read_csv(report.folder / "barrier_vs_width.csv")
    cells = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["matching"] == "weights")]
    np.testing.assert_allclose(cells.set_index("optimizer.lr")["mean"], [0.1, 0.9])
    assert list(cells["n_pairs"]) == [2, 2]


def test_a_key_whose_values_are_lists_is_a_column_of_text(write_sweep):
    rows = [make_record(f"r{seed}{len(x)}", seed=seed, **{"model.sizes": x}) for seed in (0, 1) for x in ([1], [2, 3])]
    report = write_report([write_sweep(rows)], only=["runs", "barrier_vs_width"])
    assert "model.sizes=[2, 3]" in report.text
    assert set(pd.read_csv(report.folder / "runs.csv")["model.sizes"]) == {"[1]", "[2, 3]"}


def test_one_failed_job_and_nothing_expected_is_a_table_without_rows(write_sweep, tmp_path):
    folder = tmp_path / "single"
    failed = {"schema_version": 1, "run_id": "r", "status": "failed", "sentence": "it broke.", "scope": make_record("r")["scope"]}
    write_record(folder, failed)
    assert "failed: r: it broke." in write_report([folder], tmp_path / "out", brief=True).text


def test_a_sweep_without_results_yet_has_tables_and_says_so(write_sweep):
    record = make_record("a")
    folder = write_sweep([], [expect(record, "seed=0")])
    report = write_report([folder], brief=True)
    assert "0 of 1 jobs found." in report.text
    assert pd.read_csv(report.folder / "runs.csv").empty
    assert "0/1" in report.text


@pytest.mark.usefixtures("no_figures")
def test_another_level_is_another_interval_in_every_table(write_sweep):
    folder = write_report([write_sweep(four_records())], choice=IntervalChoice(level=0.5)).folder
    for name in ("barrier_vs_width", "method_differences", "matching_costs"):
        assert set(pd.read_csv(folder / f"{name}.csv")["level"]) == {0.5}
    assert "50%" in (folder / "report.html").read_text()
    assert set(pd.read_csv(folder / "connected_share.csv")["interval"]) == {"Clopper-Pearson, 50%"}


def test_the_example_answers_its_question(write_sweep):
    folder = write_sweep([make_record(f"r{s}{w}", seed=s, width=w, barrier=1.2 / w) for s in (0, 1) for w in (4, 8, 16)])
    script = Path(__file__).parents[3] / "examples" / "width_needed.py"
    completed = subprocess.run([sys.executable, script, str(folder)], capture_output=True, text=True, check=True)
    assert "weights: all pairs connected from width 8 on" in completed.stdout  # error barriers 0.03, 0.015, 0.0075
    assert "identity: not at any width measured" in completed.stdout


def test_the_example_averages_no_two_settings(write_sweep):
    jobs = [(depth, width) for depth in (1, 2) for width in (4, 8, 16)]
    records = [make_record(f"r{s}{d}{w}", seed=s, depth=d, width=w, barrier=1.2 * d / w) for s in (0, 1) for d, w in jobs]
    script = Path(__file__).parents[3] / "examples" / "width_needed.py"
    completed = subprocess.run([sys.executable, script, str(write_sweep(records))], capture_output=True, text=True, check=True)
    shallow, deep = completed.stdout.split("depth=1")[1].split("depth=2")
    assert "weights: all pairs connected from width 8 on" in shallow
    assert "weights: all pairs connected from width 16 on" in deep


def test_jobs_that_are_not_yet_measured_are_one_line_and_a_row_each(write_sweep):
    jobs = [make_record(f"r{k}", seed=k) for k in range(28)]
    folder = write_sweep(jobs[:17], [expect(job, f"seed={k}") for k, job in enumerate(jobs)])
    (folder / "r17" / ".hydra").mkdir(parents=True)
    report = write_report([folder], only=["failures"])
    line = "17 of 28 jobs found. 11 not yet measured: the sweep is running or was stopped; the same command goes on."
    assert report.counts == line
    assert report.failures == ()
    failures = find_sweep(folder).failures
    assert failures["status"].value_counts().to_dict() == {"missing": 10, "unfinished": 1}
    assert set(failures["sentence"]) == {
        "was not started yet, or waits for its networks: the sweep is running or was stopped; the same command goes on",
        "was started and has no record yet: the sweep is running or was stopped; the same command goes on",
    }
    assert failures["job"].tolist() == [f"seed={k}" for k in range(17, 28)]


def test_of_jobs_that_failed_the_first_are_shown_beside_those_not_yet_measured(write_sweep):
    jobs = [make_record(f"r{k:02}", seed=k) for k in range(14)]
    failed = [
        {key: job[key] for key in ("schema_version", "run_id", "scope")} | {"status": "failed", "sentence": "it broke"} for job in jobs[:12]
    ]
    report = write_report([write_sweep(failed, [expect(job, f"seed={k}") for k, job in enumerate(jobs)])], only=["failures"])
    assert report.counts.startswith("0 of 14 jobs found. 2 not yet measured: ")
    assert report.failures[0] == "failed: seed=0: it broke"
    assert report.failures[-1] == "and 2 more in failures.csv"
    assert len(report.failures) == 11


@pytest.mark.usefixtures("no_figures")
def test_the_terminal_says_that_figures_show_some_cells_and_how_many_failures_are_not_listed(write_sweep):
    records = [make_record(f"r{k}", **{"optimizer.lr": 0.1 * (k + 1)}) for k in range(5)]
    words = ("schema_version", "run_id", "scope")
    failed = [make_record(f"m{k}", seed=k + 1) for k in range(MOST_FAILURES + 3)]
    failed = [{key: record[key] for key in words} | {"status": "failed", "sentence": "out of luck"} for record in failed]
    report = write_report([write_sweep([*records, *failed], [*map(expect, records)])])
    assert "note: figures show some of the 5 cells only, as each of them says; the tables have all." in report.notes
    assert report.failures[-1] == "and 3 more in failures.csv"


@pytest.mark.usefixtures("no_figures")
def test_headings_say_what_the_intervals_of_the_table_are_over(write_sweep):
    records = [make_record(f"r{seed}", seed=seed, barrier=0.1 * (seed + 3)) for seed in range(3)]
    for name, kind in (("without", "log-scale t over pairs, 95%"), ("with", "log-scale t over pairs and test examples, 95%")):
        report = write_report([write_sweep([with_blocks(each) if name == "with" else each for each in records], name=name)])
        assert f"({kind})" in report.heading
        assert f"test loss barrier ({kind})" in (report.folder / "barrier_vs_width.md").read_text()
        assert rf"\caption{{Test loss barrier ({for_latex(kind)});" in (report.folder / "barrier_vs_width.tex").read_text()
        assert f"and its interval ({kind})" in (report.folder / "report.html").read_text()
        assert "test_blocks" not in (report.folder / "runs.csv").read_text()
