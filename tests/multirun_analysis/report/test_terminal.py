"""What a terminal shows of a report, and a pipe gets."""

import io
import re

from analysis_sweeps import four_records

from multirun_analysis.report.report import write_report
from multirun_analysis.report.terminal import show


def test_a_terminal_gets_colours_and_a_pipe_gets_text(write_sweep):
    report = write_report([write_sweep(four_records())], only=["runs"])
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
