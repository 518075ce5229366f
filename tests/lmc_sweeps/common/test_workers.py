"""Worker processes: every question is answered once, a process that dies takes its own question with it, and none outlives its parent."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from lmc_sweeps.common import workers as module
from lmc_sweeps.common.interruption import Interruption
from lmc_sweeps.common.workers import WorkerEnded, workers

STARTS = [start for start in ("fork", "spawn") if start in multiprocessing.get_all_start_methods()]
LONG = 60.0  # seconds, in which nothing here should have to wait


class NeedsTwo(Exception):
    """An error that cannot be unpickled."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


@dataclass
class Sums:
    """Work of which all is known; `folder` is where it leaves what others look for."""

    folder: Path
    fails: bool = False
    report: object = None

    def begin(self, progress, is_alone):
        self.report = progress
        if self.fails:
            raise ValueError("cannot begin")

    def add(self, left, right):
        self.report(left)
        return left + right, os.getpid()

    def fail(self, error):
        raise error

    def fail_unseen(self):
        raise NeedsTwo("this", "that")

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def compute(self):
        return int(torch.ones(2**22).sum()), torch.get_num_threads()

    def large(self):
        return bytes(2**24)

    def put_off(self):
        """Put a first interruption off, as training does until the end of a step."""
        with Interruption():
            (self.folder / f"begun.{os.getpid()}").touch()
            time.sleep(LONG)

    def deaf(self):
        """Hear no interruption."""
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        (self.folder / f"begun.{os.getpid()}").touch()
        time.sleep(LONG)

    def keep(self):
        """Work until an interruption, and keep what there is."""
        (self.folder / f"begun.{os.getpid()}").touch()
        try:
            time.sleep(LONG)
        except KeyboardInterrupt:
            (self.folder / f"kept.{os.getpid()}").touch()
            raise


def all_answers(at_work, questions):
    """Ask everything, as there is room, and return the answers by their keys."""
    waiting, answers = list(questions), {}
    while waiting or at_work.is_busy:
        while waiting and at_work.has_room:
            at_work.ask(*waiting.pop(0))
        for answer in at_work.answers():
            assert answer.key not in answers
            answers[answer.key] = answer
    return answers


def wait_for(folder, pattern, count):
    """Wait until so many files of a pattern are there."""
    end = time.monotonic() + LONG
    while len(list(folder.glob(pattern))) < count:
        assert time.monotonic() < end, f"{pattern} never came"
        time.sleep(0.02)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_question_is_answered_once_and_all_progress_is_reported(tmp_path, count, start):
    reported = []
    with workers(Sums(tmp_path), reported.append, count, start) as at_work:
        answers = all_answers(at_work, [(number, "add", number, 1) for number in range(20)])
    assert {key: answer.result[0] for key, answer in answers.items()} == {number: number + 1 for number in range(20)}
    assert sum(reported) == sum(range(20))
    processes = {answer.result[1] for answer in answers.values()}
    assert len(processes) <= count
    assert (os.getpid() in processes) == (count == 1)


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_is_the_answer_to_its_question_alone(tmp_path, count):
    with workers(Sums(tmp_path), print, count) as at_work:
        answers = all_answers(at_work, [("bad", "fail", ValueError("no such thing")), ("good", "add", 1, 1)])
    assert type(answers["bad"].error) is ValueError
    assert str(answers["bad"].error) == "no such thing"
    assert answers["good"].error is None


def test_an_error_that_cannot_be_sent_comes_as_what_it_says(tmp_path):
    with workers(Sums(tmp_path), print, 2) as at_work:
        answers = all_answers(at_work, [("unseen", "fail_unseen"), ("good", "add", 1, 1)])
    assert str(answers["unseen"].error) == "NeedsTwo: this and that"
    assert answers["good"].result[0] == 2


def test_a_process_that_is_killed_takes_its_own_question_with_it_and_is_replaced(tmp_path):
    questions = [("killed", "die"), *((number, "add", number, 0) for number in range(6)), ("killed too", "die"), ("last", "add", 7, 7)]
    with workers(Sums(tmp_path), lambda steps: None, 2) as at_work:
        answers = all_answers(at_work, questions)
    assert {key for key, answer in answers.items() if isinstance(answer.error, WorkerEnded)} == {"killed", "killed too"}
    assert answers["last"].result[0] == 14
    assert [answers[number].result[0] for number in range(6)] == list(range(6))


def keep_until(folder, end):
    """Let two workers work, and call `end` when both have begun."""
    with workers(Sums(folder), print, 2) as at_work:
        for key in range(2):
            at_work.ask(key, "keep")
        wait_for(folder, "begun.*", 2)
        end()


def test_an_error_of_the_asker_interrupts_the_workers_which_keep_what_they_have(tmp_path):
    def end():
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        keep_until(tmp_path, end)
    assert len(list(tmp_path.glob("kept.*"))) == 2


def test_signals_that_all_processes_get_at_once_are_for_the_parent(tmp_path):
    """A terminal's Ctrl-C, a service manager's SIGTERM: a worker goes on until its parent, which has got the same, tells it to stop."""

    def end():
        for path in tmp_path.glob("begun.*"):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM):
                os.kill(int(path.name.partition(".")[2]), number)
        time.sleep(0.5)
        assert not list(tmp_path.glob("kept.*"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_until(tmp_path, end)
    assert len(list(tmp_path.glob("kept.*"))) == 2


def test_a_worker_that_is_killed_while_it_waits_is_replaced(tmp_path):
    with workers(Sums(tmp_path), lambda steps: None, 2) as at_work:
        first = all_answers(at_work, [(number, "add", number, 0) for number in range(4)])
        for number in {answer.result[1] for answer in first.values()}:
            os.kill(number, signal.SIGKILL)
        time.sleep(0.2)
        second = all_answers(at_work, [(number, "add", number, 1) for number in range(4)])
    assert [second[number].result[0] for number in range(4)] == [1, 2, 3, 4]


def test_a_worker_that_is_killed_while_it_sends_a_large_answer_is_lost_and_nothing_waits_for_it(tmp_path):
    with workers(Sums(tmp_path), lambda steps: None, 2) as at_work:
        first = all_answers(at_work, [("first", "add", 1, 1)])["first"]
        at_work.ask("large", "large")
        time.sleep(0.5)  # nobody reads meanwhile: the pipe is full
        os.kill(first.result[1], signal.SIGKILL)
        (answer,) = at_work.answers()
        assert isinstance(answer.error, WorkerEnded)
        assert all_answers(at_work, [("next", "add", 1, 1)])["next"].result[0] == 2


def test_a_large_answer_is_no_obstacle_to_an_interruption(tmp_path):
    def ask_and_stop():
        with workers(Sums(tmp_path), lambda steps: None, 2) as at_work:
            for key in range(2):
                at_work.ask(key, "large")
            time.sleep(0.5)  # nobody reads meanwhile: the pipes are full
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_and_stop()


@pytest.mark.parametrize("times", [2, 3])
def test_a_second_interruption_does_not_wait_and_a_third_one_kills(tmp_path, times):
    """The first one is put off by the work; the second one is not, unless the work hears nothing at all."""
    script = (
        "import os, sys, threading, time; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_workers import Sums, wait_for; from lmc_sweeps.common.workers import workers\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "def interrupt():\n"
        "    wait_for(folder, 'begun.*', 2)\n"
        f"    for _ in range({times}):\n"
        "        os.kill(os.getpid(), 2); time.sleep(1)\n"
        "threading.Thread(target=interrupt, daemon=True).start()\n"
        "with workers(Sums(folder), print, 2) as at_work:\n"
        f"    for key in range(2): at_work.ask(key, 'put_off' if {times} == 2 else 'deaf')\n"
        "    at_work.answers()\n"
    )
    start = time.monotonic()
    completed = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=LONG)
    assert completed.stderr.rstrip().endswith("KeyboardInterrupt")
    assert time.monotonic() - start < LONG / 2
    assert not any(is_alive(int(path.name.partition(".")[2])) for path in tmp_path.glob("begun.*"))


def test_a_parent_that_has_computed_with_several_threads_has_workers_that_compute_with_one(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import torch; from test_workers import Sums; from lmc_sweeps.common.workers import workers\n"
        "torch.set_num_threads(2); torch.rand(2**22).exp().sum()\n"
        f"with workers(Sums(Path({str(tmp_path)!r})), int, 2) as at_work:\n"
        "    at_work.ask('large', 'compute'); (answer,) = at_work.answers()\n"
        "print(answer.result, torch.get_num_threads())\n"
    )
    completed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=LONG)
    assert completed.stdout == f"({2**22}, 1) 2\n"


def test_work_that_cannot_begin_is_the_answer_to_every_question(tmp_path):
    work = Sums(tmp_path, fails=True)
    with workers(work, print, 2) as at_work:
        answers = all_answers(at_work, [(number, "add", number, 1) for number in range(3)])
    assert {str(answer.error) for answer in answers.values()} == {"cannot begin"}


def test_workers_whose_parent_is_killed_keep_what_they_have_and_go(tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_workers import Sums, wait_for; from lmc_sweeps.common.workers import workers\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "with workers(Sums(folder), print, 2) as at_work:\n"
        "    for key in range(2): at_work.ask(key, 'keep')\n"
        "    wait_for(folder, 'begun.*', 2)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    wait_for(tmp_path, "kept.*", 2)
    numbers = [int(path.name.partition(".")[2]) for path in tmp_path.glob("kept.*")]
    end = time.monotonic() + LONG
    while any(map(is_alive, numbers)):
        assert time.monotonic() < end, "a worker outlives its parent"
        time.sleep(0.05)


def is_alive(number):
    """Return whether a process is there, and no zombie that nobody has waited for."""
    try:
        os.kill(number, 0)
    except OSError:
        return False
    stat = Path(f"/proc/{number}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_where_no_process_can_be_started_all_is_done_in_this_one(tmp_path, monkeypatch):
    def refused(*arguments, **settings):
        raise OSError("no semaphores here")

    monkeypatch.setattr(module.Processes, "_start", refused)
    with workers(Sums(tmp_path), lambda steps: None, 4) as at_work:
        assert at_work.count == 1
        assert all_answers(at_work, [("one", "add", 1, 2)])["one"].result == (3, os.getpid())
