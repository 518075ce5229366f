"""Log files: lines are added to those that are there, and what is no file holds nobody up."""

import logging

import pytest
from no_files import a_device, a_folder, a_link, a_pipe

from lmc_sweeps.common.log_files import LogFile


@pytest.mark.parametrize("make", [a_pipe, a_device, a_link, a_folder])
def test_a_log_that_is_no_file_holds_nobody_up_and_is_said_once(tmp_path, capsys, make):
    make(tmp_path / "log")
    handler = LogFile(tmp_path / "log", delay=True)
    for line in ("one", "two"):
        handler.emit(logging.LogRecord("name", logging.INFO, "file", 1, line, (), None))
    handler.close()
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert warnings[0].startswith("WARNING: the log file cannot be opened: ")
    assert make != a_link or (tmp_path / "treasure").read_text() == "of the user's"


def test_a_log_file_takes_lines_and_goes_on_with_those_that_are_there(tmp_path):
    for line in ("one", "two"):
        handler = LogFile(tmp_path / "log", delay=True)
        handler.emit(logging.LogRecord("name", logging.INFO, "file", 1, line, (), None))
        handler.close()
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
