"""What the analysis writes and prints, and that it needs neither torch nor Hydra."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import expect, make_record, write_record
from matplotlib import pyplot as plt

from multirun_analysis import barrier_vs_width, load_runs, schema
from multirun_analysis.__main__ import main
from multirun_analysis.columns import markdown
from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.plots.style import METHODS
from multirun_analysis.report.report import write_report
from multirun_analysis.report.terminal import show
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.tables.sweep import TABLES

FILES = {
    "runs.csv", "curves.csv", "layers.csv", "barrier_vs_width.csv", "failures.csv", "method_differences.csv", "slopes.csv", "width_needed.csv",
    "connected_share.csv", "matching_costs.csv", "barrier_vs_width.png", "barrier_vs_width.pdf", "barrier_vs_width.md", "barrier_vs_width.tex",
    "report.html",
}  # fmt: skip

BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('torch', 'hydra', 'omegaconf', 'ot', 'lmc_sweeps'):
            raise ModuleNotFoundError(f'{name} is absent in this test')
sys.meta_path.insert(0, Absent())
"""


def records():
    return [
        make_record(f"r{seed}{width}", seed=seed, width=width, barrier=0.1 / width * (seed + 1)) for seed in (0, 1) for width in (8, 16)
    ]


def test_every_table_and_the_figure_are_written_beside_the_sweep(write_sweep):
    folder = write_sweep(records())
    report = write_report([folder], brief=True)
    assert report.folder == folder / "analysis"
    assert {path.name for path in report.folder.iterdir()} == FILES
    runs = pd.read_csv(report.folder / "runs.csv")
    pd.testing.assert_frame_equal(runs, load_runs(folder), check_dtype=False, rtol=1e-9)
    assert "4 of 4 jobs found." in report.text
    assert str(report.folder) in report.text


def test_equal_inputs_give_equal_bytes(write_sweep):
    (first, second) = (
        write_report([write_sweep(rows, name=name)]).folder
        for rows, name in ((records(), "first/of/two"), (records()[::-1], "second/of/two"))
    )
    names = {path.name for path in first.iterdir()}
    assert names > FILES  # the other figures too
    assert {path.name for path in second.iterdir()} == names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_tables_alone_are_those_of_the_whole_report_and_need_no_plotting_library(write_sweep, tmp_path):
    folder = write_sweep(records())
    whole = write_report([folder], tmp_path / "whole").folder
    code = f"""
import sys
from multirun_analysis.__main__ import main
main([{str(folder)!r}, "--only", "curves,barrier_vs_width", "--out", {str(tmp_path / "some")!r}])
assert not {{"matplotlib", "seaborn"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith(f"4 of 4 jobs found.\ncurves, barrier_vs_width: {tmp_path / 'some'}\n")
    names = {"curves.csv", "barrier_vs_width.csv", "barrier_vs_width.md", "barrier_vs_width.tex"}
    assert {path.name for path in (tmp_path / "some").iterdir()} == names
    for name in names:
        assert (tmp_path / "some" / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize("name", TABLES)
def test_any_table_is_to_be_had_alone_and_what_lies_beside_it_is_said_to_be_older(write_sweep, tmp_path, name):
    folder, out = write_sweep(records()), tmp_path / "out"
    assert write_report([folder], out, only=[name]).place == f"{name}: {out}"
    assert {path.stem for path in out.iterdir()} == {name}
    (out / "report.html").touch()
    assert write_report([folder], out, only=[name]).place == f"{name}: {out}; what else lies there is of an earlier time"


def test_what_is_no_table_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(SystemExit, match="`--only` must name tables among runs, curves, .*, got 'figures'"):
        main([str(tmp_path / "nowhere"), "--only", "runs,figures"])
    with pytest.raises(SystemExit, match="`--only` and `--study` exclude each other"):
        main([str(tmp_path / "nowhere"), "--only", "runs", "--study", "width_mnist"])


def test_the_text_says_what_is_missing_and_what_readers_must_know(write_sweep):
    found, gone = make_record("found"), make_record("gone", seed=1)
    found["notes"] = ["weights: the solver did not converge."]
    folder = write_sweep([found], [expect(found, "seed=0"), expect(gone, "seed=1")])
    text = write_report([folder], brief=True).text
    assert "1 of 2 jobs found." in text
    assert "1 of 2 jobs found. 1 not yet measured: the sweep is running or was stopped; the same command goes on." in text
    assert "note: weights: the solver did not converge. (1 of 1 jobs)" in text


def test_two_sweeps_with_different_settings_are_two_cells_and_not_one_mean(write_sweep, tmp_path):
    first = write_sweep([make_record(f"a{seed}", seed=seed, barrier=0.1, **{"optimizer.lr": 0.1}) for seed in (0, 1)], name="first")
    second = write_sweep([make_record(f"b{seed}", seed=seed, barrier=0.9, **{"optimizer.lr": 0.2}) for seed in (2, 3)], name="second")
    report = write_report([first, second], tmp_path / "both", brief=True)
    assert "optimizer.lr=0.1" in report.text
    assert "optimizer.lr=0.2" in report.text
    table = pd.read_csv(report.folder / "barrier_vs_width.csv")
    cells = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["matching"] == "weights")]
    np.testing.assert_allclose(cells.set_index("optimizer.lr")["mean"], [0.1, 0.9])
    assert list(cells["n_pairs"]) == [2, 2]


def test_a_key_whose_values_are_lists_is_a_column_of_text(write_sweep):
    rows = [make_record(f"r{seed}{len(x)}", seed=seed, **{"model.sizes": x}) for seed in (0, 1) for x in ([1], [2, 3])]
    report = write_report([write_sweep(rows)], brief=True)
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


def test_the_command_line_merges_folders_and_takes_out(write_sweep, tmp_path, capsys):
    a, b = write_sweep(records()[:2], name="a"), write_sweep(records()[2:], name="b")
    main([str(a), str(b), "--out", str(tmp_path / "merged")])
    assert "4 of 4 jobs found." in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "merged" / "runs.csv")) == 16


def test_the_command_line_exits_with_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="there is no folder '.*nowhere'"):
        main([str(tmp_path / "nowhere")])


def test_the_analysis_runs_where_torch_and_hydra_are_absent(write_sweep):
    folder = write_sweep(records())
    code = BLOCKED + f"from multirun_analysis.__main__ import main; main([{str(folder)!r}])"
    environment = os.environ | {"MPLBACKEND": "nonsense"}  # no backend either: figures go to files
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "4 of 4 jobs found." in done.stdout
    assert (folder / "analysis" / "barrier_vs_width.png").stat().st_size > 1000


def test_the_plot_shows_means_pairs_true_widths_and_zeros(write_sweep):
    rows = [
        make_record(f"r{seed}{width}", seed=seed, width=width, barrier=0.0 if width == 16 else 0.2 * seed)
        for seed in (0, 1)
        for width in (8, 16)
    ]
    runs = load_runs(write_sweep(rows))
    figure, ax = plt.subplots()
    assert plot_barrier_vs_width(barrier_vs_width(runs), runs, ax=ax) is ax
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_allclose(lines["weights"].get_xdata(), [8, 16])
    np.testing.assert_allclose(lines["weights"].get_ydata(), [0.1, 0.0])
    assert lines["weights"].get_color() == METHODS["weights"][0]
    figure.canvas.draw()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["8", "16"]
    low, high = ax.get_ylim()
    assert low <= 0.0 < 2.0 < high  # the zeros lie inside
    assert ax.get_ylabel() == "test loss barrier [nats]"
    plt.close(figure)


def test_every_csv_has_the_columns_of_its_schema_and_comes_back_with_their_types(write_sweep):
    folder = write_report([write_sweep([*records(), make_record("far", width=32, seed=2, **{"optimizer.lr": 0.2})])], brief=True).folder
    for name, (_, columns) in schema.files().items():
        if name == "plane.csv":  # a job writes it, not the analysis: test_planes.py
            continue
        frame = pd.read_csv(folder / name)
        varying = [] if name == "failures.csv" else ["optimizer.lr"]
        assert [column for column in frame.columns if column not in varying] == schema.names(columns), name
        for column in columns:
            if column.kind == "integer":
                assert (frame[column.name].dropna() % 1 == 0).all(), (name, column.name)
            elif column.kind == "number":
                assert pd.api.types.is_numeric_dtype(frame[column.name]), (name, column.name)


def test_the_page_of_columns_is_that_of_the_schema():
    page = Path(__file__).parents[3] / "docs" / "columns.md"
    assert page.read_text() == markdown(), "run: python -m multirun_analysis.columns > docs/columns.md"
    for name, (_, columns) in schema.files().items():
        assert f"## {name}" in markdown()
        assert len(set(schema.names(columns))) == len(columns), name


def test_the_requirements_of_the_analysis_are_those_of_the_package():
    package = re.findall(r'^    "(.*)",$', (Path(__file__).parents[3] / "pyproject.toml").read_text(), re.M)
    lines = (Path(__file__).parents[3] / "multirun_analysis" / "requirements.txt").read_text().splitlines()
    assert set(lines[1:]) < set(package)


def test_a_terminal_gets_colours_and_a_pipe_gets_text(write_sweep):
    report = write_report([write_sweep(records())], brief=True)
    pipe, terminal = io.StringIO(), io.StringIO()
    terminal.isatty = lambda: True
    show(report, pipe)
    show(report, terminal)
    assert pipe.getvalue() == report.text + "\n"
    assert "\x1b[" in terminal.getvalue()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())
    for value in ("± 0.0794", "4 of 4 jobs found.", "identity", "weights"):  # t(1) of 0.0125 and 0.025
        assert value in plain
        assert value in pipe.getvalue()


def test_help_teaches_and_a_wrong_interval_is_a_sentence(write_sweep, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "exit status" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"`--level` must lie between 0.01 and 0.999999, got 95\.0\."):
        main([str(write_sweep(records())), "--level", "95"])


def test_another_level_is_another_interval_in_every_table(write_sweep):
    folder = write_report([write_sweep(records())], choice=IntervalChoice(level=0.5), brief=True).folder
    for name in ("barrier_vs_width", "method_differences", "matching_costs"):
        assert set(pd.read_csv(folder / f"{name}.csv")["level"]) == {0.5}
    assert "50%" in (folder / "report.html").read_text()
    assert set(pd.read_csv(folder / "connected_share.csv")["interval"]) == {"Clopper-Pearson, 50%"}


def test_the_example_answers_its_question(write_sweep):
    folder = write_sweep([make_record(f"r{s}{w}", seed=s, width=w, barrier=1.2 / w) for s in (0, 1) for w in (4, 8, 16)])
    script = Path(__file__).parents[3] / "examples" / "width_needed.py"
    done = subprocess.run([sys.executable, script, str(folder)], capture_output=True, text=True, check=True)
    assert "weights: all pairs connected from width 8 on" in done.stdout  # error barriers 0.03, 0.015, 0.0075
    assert "identity: not at any width measured" in done.stdout


def test_a_folder_that_takes_no_files_is_said_with_a_way_out(write_sweep, tmp_path):
    folder = write_sweep([make_record("a")])
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match=r"^the tables cannot be written: .*; make room or name another folder with --out DIR\.$"):
        main([str(folder), "--out", str(tmp_path / "file" / "out")])
