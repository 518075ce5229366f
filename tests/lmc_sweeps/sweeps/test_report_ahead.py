"""The process that makes the report: what it prints and writes is what this one would, and where it is gone this one does."""

import os
import signal

import pytest
from hydra_parts import TINY

from lmc_sweeps.common.workers import START
from lmc_sweeps.sweeps import report_ahead as module
from lmc_sweeps.sweeps.report_ahead import report_ahead, report_text
from lmc_sweeps.sweeps.summary import print_summary
from multirun_analysis.checks import InputError
from multirun_analysis.common.side_by_side import WORKERS

pytestmark = pytest.mark.skipif(START != "fork", reason="there is such a process where it can be forked")


@pytest.fixture
def sweep(tmp_path, set_up_launcher, monkeypatch):
    """Return the folder of a sweep of two jobs, whose report is still to be made."""
    set_up_launcher(tmp_path).launch([[*TINY, f"width={width}"] for width in (4, 5)], 0)
    monkeypatch.setenv(WORKERS, "2")
    return tmp_path / "sweep"


def process():
    """Return the process."""
    (worker,) = module._Ahead.processes._workers
    return worker.process


def test_what_it_writes_and_prints_is_what_this_process_would(sweep, capsys):
    assert print_summary(sweep)
    here = {path.name: path.read_bytes() for path in (sweep / "analysis").iterdir()}
    printed = capsys.readouterr().out
    for path in (sweep / "analysis").iterdir():
        path.unlink()
    with report_ahead():
        ahead = process()
        assert print_summary(sweep)
    assert capsys.readouterr().out == printed
    assert {path.name: path.read_bytes() for path in (sweep / "analysis").iterdir()} == here
    assert not ahead.is_alive()


def test_where_it_was_killed_this_process_makes_the_report(sweep, capsys):
    with report_ahead():
        os.kill(process().pid, signal.SIGKILL)
        assert print_summary(sweep)
    assert "2 of 2 jobs found." in capsys.readouterr().out


def test_what_is_wrong_is_said_in_the_same_words(sweep):
    with report_ahead(), pytest.raises(InputError, match="nowhere"):
        report_text([sweep / "nowhere"])
    assert report_text([sweep]) is None


def test_on_one_core_there_is_none(sweep, monkeypatch):
    monkeypatch.setenv(WORKERS, "1")
    with report_ahead():
        assert module._Ahead.processes is None
