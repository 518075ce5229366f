"""The command line of the analysis: its options, its sentences, its exit status."""

import subprocess
import sys

import pandas as pd
import pytest
from analysis_sweeps import four_records, make_record
from published_analyses import publish

from multirun_analysis.__main__ import main
from multirun_analysis.report.report import write_report


@pytest.mark.usefixtures("no_figures")
def test_tables_alone_are_those_of_the_whole_report_and_need_no_plotting_library(write_sweep, tmp_path):
    folder = write_sweep(four_records())
    whole = write_report([folder], tmp_path / "whole").folder
    code = f"""
import sys
from multirun_analysis.__main__ import main
main([{str(folder)!r}, "--only", "curves,barrier_vs_width", "--out", {str(tmp_path / "some")!r}])
assert not {{"matplotlib", "seaborn"}} & set(sys.modules)
"""
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout.endswith(f"4 of 4 jobs found.\ncurves, barrier_vs_width: {tmp_path / 'some'}\n")
    names = {"curves.csv", "barrier_vs_width.csv", "barrier_vs_width.md", "barrier_vs_width.tex"}
    assert {path.name for path in (tmp_path / "some").iterdir()} == names
    for name in names:
        assert (tmp_path / "some" / name).read_bytes() == (whole / name).read_bytes(), name


def test_what_is_no_table_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(SystemExit, match="`--only` must be one or several of runs, curves, .*, got 'figures'"):
        main([str(tmp_path / "nowhere"), "--only", "runs,figures"])
    with pytest.raises(SystemExit, match="`--only` and `--study` exclude each other"):
        main([str(tmp_path / "nowhere"), "--only", "runs", "--study", "width_mnist"])


@pytest.mark.usefixtures("no_figures")
def test_the_command_line_merges_folders_and_takes_out(write_sweep, tmp_path, capsys):
    a, b = write_sweep(four_records()[:2], name="a"), write_sweep(four_records()[2:], name="b")
    main([str(a), str(b), "--out", str(tmp_path / "merged")])
    assert "4 of 4 jobs found." in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "merged" / "runs.csv")) == 16


@pytest.mark.usefixtures("no_figures")
def test_a_folder_of_tables_is_analysed_with_another_interval(write_sweep, tmp_path, capsys):
    folder = publish(write_sweep, tmp_path / "published", four_records())
    main([str(folder), "--interval", "t", "--level", "0.9", "--only", "runs,barrier_vs_width"])
    assert "4 of 4 jobs found.\n  note: these tables were made from tables of pairs" in capsys.readouterr().out
    table = pd.read_csv(folder / "analysis" / "barrier_vs_width.csv")
    assert set(table["interval"]) == {"Student's t over pairs, 90%", "Student's t over networks, 90%"}
    assert (folder / "analysis" / "runs.csv").read_bytes() == (folder / "runs.csv").read_bytes()
    (folder / "runs.csv").write_text("run_id\n")
    with pytest.raises(SystemExit, match=r"^'.*runs.csv' must have the column `status`, and has not\.$"):
        main([str(folder)])


def test_the_command_line_exits_with_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="there is no folder '.*nowhere'"):
        main([str(tmp_path / "nowhere")])


def test_help_teaches_and_a_wrong_interval_is_a_sentence(write_sweep, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "exit status" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"`--level` must lie between 0.01 and 0.999999, got 95\.0\."):
        main([str(write_sweep(four_records())), "--level", "95"])


def test_a_folder_that_takes_no_files_is_said_with_a_way_out(write_sweep, tmp_path):
    folder = write_sweep([make_record("a")])
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match=r"^the tables cannot be written: .*; make room or name another folder with --out DIR\.$"):
        main([str(folder), "--out", str(tmp_path / "file" / "out")])


@pytest.mark.parametrize(
    ("option", "value"), [("--interval", "bca"), ("--level", "0.9"), ("--resamples", "500"), ("--resampling-seed", "1"), ("--x", "depth"), ("--hue", "depth")]
)  # fmt: skip
def test_an_option_that_a_study_would_not_heed_is_refused(tmp_path, option, value):
    with pytest.raises(SystemExit, match=f"^`{option}` and `--study` exclude each other: a study has its own keys"):
        main([str(tmp_path), "--study", "width_mnist", option, value])
