"""Calls side by side: what each returns, in their order, whoever makes them; an error is raised, a process that dies is made up for."""

import os
import signal
import threading
import time

import pytest

from multirun_analysis.common import side_by_side as module
from multirun_analysis.common.renamed_files import write_renamed
from multirun_analysis.common.side_by_side import beside, cores, side_by_side


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_are_in_the_order_of_the_calls_and_calls_need_not_be_picklable(processes):
    lock = threading.Lock()  # cannot be sent to another process
    calls = [lambda number=number: (number, lock.locked(), os.getpid()) for number in range(7)]
    results = side_by_side(calls, processes)
    assert [result[:2] for result in results] == [(number, False) for number in range(7)]
    makers = {result[2] for result in results}
    assert (os.getpid() in makers) == (processes == 1 or module.sys.platform != "linux")


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_is_raised(processes):
    def fail():
        raise ValueError("no such figure")

    with pytest.raises(ValueError, match="no such figure"):
        side_by_side([lambda: 1, fail], processes)


def test_what_a_process_that_dies_had_to_do_is_done_here():
    here = os.getpid()

    def die():
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    assert side_by_side([die, lambda: "also"], 2) == ["done", "also"]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_call_beside_a_block_is_made_once_and_ended_when_the_block_is(processes, tmp_path):
    def call():
        with (tmp_path / "calls").open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        return tmp_path  # what it returns does not count

    with beside(call, processes):
        pass
    makers = (tmp_path / "calls").read_text().split()
    assert len(makers) == 1
    assert (makers == [str(os.getpid())]) == (processes == 1 or module.sys.platform != "linux")


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_a_call_beside_a_block_is_raised(processes):
    def fail():
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"), beside(fail, processes):
        pass


def test_a_call_is_given_up_when_its_block_fails_and_leaves_no_file_behind(tmp_path):
    begun = tmp_path / "begun"

    def write(path):
        path.write_text("half")
        begun.touch()
        time.sleep(60)

    def fail_when_begun():
        while not begun.exists():
            time.sleep(0.01)
        raise ValueError("no such figure")

    folder = tmp_path / "analysis"
    folder.mkdir()
    if module.sys.platform == "linux":
        with pytest.raises(ValueError, match="no such figure"), beside(lambda: write_renamed(folder / "curves.csv", write), 2):
            fail_when_begun()
    assert not list(folder.iterdir())


def test_a_call_of_a_process_that_dies_is_made_here():
    here, calls = os.getpid(), []

    def die():
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        calls.append(here)

    with beside(die, 2):
        pass
    assert calls == [here]


def test_cores_are_those_that_this_process_may_use(monkeypatch, tmp_path):
    monkeypatch.delenv(module.WORKERS, raising=False)
    assert 1 <= cores() <= (os.cpu_count() or 1)
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(module, "QUOTA", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    for text, expected in (("max 100000", 8), ("250000 100000", 2), ("20000 100000", 1), ("9900000 100000", 8)):
        quota.write_text(text)
        assert cores() == expected


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("", 8)])
def test_the_environment_may_say_how_many_cores_there_are(monkeypatch, tmp_path, text, expected):
    monkeypatch.setattr(module, "QUOTA", tmp_path / "none")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setenv(module.WORKERS, text)
    assert cores() == expected


@pytest.mark.parametrize("text", ["0", "many", "-1", "2.5"])
def test_anything_else_there_is_a_mistake(monkeypatch, text):
    monkeypatch.setenv(module.WORKERS, text)
    with pytest.raises(LookupError, match=f"`LMC_SWEEPS_WORKERS` must be a positive integer, got '{text}'."):
        cores(_Mistake)


class _Mistake(LookupError, ValueError):
    """A mistake of the caller's kind."""
