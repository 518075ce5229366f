"""What a terminal shows of a report, and a pipe gets."""

import io
import re

from analysis_sweeps import REPAIRS, four_records, make_record

from multirun_analysis.report.report import write_report
from multirun_analysis.report.terminal import show, shown
from multirun_analysis.tables.not_worse import MEANING


def test_no_line_of_a_table_is_wider_than_the_terminal(write_sweep, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    records = [
        make_record(f"r{k}{lr}", seed=k, barrier=0.1 + lr, repairs=REPAIRS, **{"optimizer.lr": lr}) for k in range(2) for lr in RATES
    ]
    report = write_report([write_sweep(records)], only=["runs"], hue="optimizer.lr")
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    show(report, terminal)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    *table, location = lines
    assert max(map(len, table)) <= 80
    assert str(report.folder) in location
    assert sum(line.split().count("repair=reset") for line in table) > 2  # in parts


def test_where_there_is_bold_a_terminal_says_what_it_means(write_sweep):
    for hue, expected in (("matching", True), ("optimizer.lr", False)):
        records = [make_record(f"r{k}{lr}", seed=k, barrier=0.1 + k / 100, **{"optimizer.lr": lr}) for k in range(4) for lr in (0.1, 0.2)]
        report = write_report([write_sweep(records, name=hue)], only=["runs"], x="width", hue=hue)
        terminal = io.StringIO()
        terminal.isatty = lambda: True
        show(report, terminal)
        words = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).split())
        assert (MEANING in words) is expected
        assert MEANING not in " ".join(report.text.split())  # a pipe has no bold


RATES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def test_a_terminal_gets_colours_and_a_pipe_gets_text(write_sweep):
    report = write_report([write_sweep(four_records())], only=["runs"])
    pipe, terminal = io.StringIO(), io.StringIO()
    terminal.isatty = lambda: True
    show(report, pipe)
    show(report, terminal)
    assert pipe.getvalue() == report.text + "\n"
    assert shown(report, is_terminal=False, encoding="utf-8") == pipe.getvalue()
    assert shown(report, is_terminal=True, encoding="utf-8") == terminal.getvalue() != pipe.getvalue()
    assert "±" not in shown(report, is_terminal=False, encoding="ascii")
    assert "\x1b[" in terminal.getvalue()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())
    for value in ("[0, 0.0982]", "4 of 4 jobs found.", "identity", "weights"):  # t(1) of 0.0125 and 0.025, cut at 0: 0.01875 + 0.0794
        assert value in plain
        assert value in pipe.getvalue()
