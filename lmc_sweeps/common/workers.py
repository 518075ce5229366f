"""Worker processes side by side, of one thread each: what they are asked to do begins in order, and its results come as they are there.

They are `multiprocessing`'s processes, each with a pipe, and no thread beside them. Of the standard library's pools, that of
`concurrent.futures` was tried: on Python 3.12 a second Ctrl-C hangs it, a worker that is killed while it sends a large result hangs it on
every version, and one that is killed while it waits breaks it.
"""

import logging
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from lmc_sweeps.common.interruption import STOP, Interruption
from lmc_sweeps.common.worker_process import OUTSIDE, Progress, Work, numbers_of, serve

log = logging.getLogger(__name__)
# Forked, a worker is there in milliseconds and shares the data in memory. macOS's libraries do not survive a fork, and Windows has none.
START = "fork" if sys.platform == "linux" else "spawn"
LOOK_EVERY = 0.1  # seconds between two looks at the progress of the workers
TRIES = 3  # to start a worker in place of one that has ended
CANNOT_START = (OSError, RuntimeError, ImportError, AssertionError, NotImplementedError)


class WorkerEnded(RuntimeError):
    """A process that ended before what it was asked to do was done."""

    def __init__(self) -> None:
        super().__init__(
            "the process that worked on it ended: it was killed, the machine ran out of memory, or `time_limit` was reached in a call that "
            "does not come back"
        )


@dataclass(frozen=True)
class Answer:
    """What has come of a question: its result or its error."""

    key: Hashable
    result: Any = None
    error: Exception | None = None


class ThisProcess:
    """Does the work in this process, one thing after the other."""

    count = 1

    def __init__(self, work: Work, progress: Progress) -> None:
        self._work = work
        self._questions: list[tuple[Hashable, str, tuple[Any, ...]]] = []
        work.begin(progress, is_alone=True)

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return bool(self._questions)

    @property
    def has_room(self) -> bool:
        """Whether more can be begun."""
        return not self._questions

    def ask(self, key: Hashable, method: str, *arguments: Any) -> None:
        """Begin something; when it is done, `answers` returns what has come of it, under its key."""
        self._questions.append((key, method, arguments))

    def answers(self) -> list[Answer]:
        """Wait for what is done next, and return what has come of it."""
        key, method, arguments = self._questions.pop(0)
        try:
            return [Answer(key, getattr(self._work, method)(*arguments))]
        except Exception as error:
            return [Answer(key, error=error)]


@dataclass
class _Process:
    """A worker as its parent sees it: the process, the pipe to it, what it counts, and the key of what it does."""

    process: Any
    pipe: "Connection[Any, Any]"
    steps: Any
    keys: list[Hashable] = field(default_factory=list)  # one, or none


class Processes:
    """Does the work in processes of its own; one that dies takes nothing else with it, and another takes its place."""

    def __init__(self, work: Work, progress: Progress, count: int, start: str = START) -> None:
        self.count = count
        self._work, self._progress = work, progress
        self._context: Any = multiprocessing.get_context(start)
        self._level = self._context.RawValue("i", 0)  # of the interruption: 1 asks to keep what there is, 2 not to wait for that
        self._reported, self._of_ended = 0, 0
        self._lost: list[Answer] = []
        self._workers: list[_Process] = []
        try:
            while len(self._workers) < count:
                self._start()
        except CANNOT_START as error:
            if not self._workers:
                raise OSError(str(error)) from error
            log.warning("only %d of %d workers can be started (%s).", len(self._workers), count, error)

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return bool(self._lost) or any(worker.keys for worker in self._workers)

    @property
    def has_room(self) -> bool:
        """Whether more can be begun."""
        return not all(worker.keys for worker in self._workers)

    def ask(self, key: Hashable, method: str, *arguments: Any) -> None:
        """Begin something; when it is done, `answers` returns what has come of it, under its key."""
        for _ in range(TRIES):
            worker = next(worker for worker in self._workers if not worker.keys)
            try:
                worker.pipe.send((method, arguments))
            except OSError:  # it was killed while it waited
                self._replace(worker)
            else:
                worker.keys.append(key)
                return
        self._lost.append(Answer(key, error=WorkerEnded()))

    def answers(self) -> list[Answer]:
        """Wait until something is done, reporting progress meanwhile, and return what has come of it.

        Raises
        ------
        KeyboardInterrupt
            If a worker was interrupted.
        """
        while not self._lost:
            with Interruption():  # an error that a handler raises may get lost: inside of what Python calls when it collects garbage, say
                ready = wait([worker.pipe for worker in self._workers if worker.keys], LOOK_EVERY)
            self._report()
            answers = [self._answer(worker) for worker in list(self._workers) if worker.pipe in ready]
            if answers:
                return answers
        answers, self._lost = self._lost, []
        return answers

    def close(self, is_interrupted: bool) -> None:
        """End the workers; interrupted, they first keep what they have. A second interruption does not wait for that, a third kills.

        Raises
        ------
        KeyboardInterrupt
            If there was one meanwhile.
        """
        again: KeyboardInterrupt | None = None
        for level in (1, 2, 3):
            try:
                self._end(level if is_interrupted else 0)
                break
            except KeyboardInterrupt as interrupt:
                is_interrupted, again = True, interrupt
        for worker in self._workers:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self._report()
        if again is not None:
            raise again

    def _end(self, level: int) -> None:
        """Wait until all have ended that are busy; those that are not need not be waited for."""
        self._level.value = level
        busy = [worker for worker in self._workers if worker.keys and level < 3 and worker.process.is_alive()]
        for worker in busy:
            if level and sys.platform != "win32":
                os.kill(worker.process.pid, getattr(signal, STOP))
        while busy:
            ready = wait([worker.pipe for worker in busy], LOOK_EVERY)
            for worker in [worker for worker in busy if worker.pipe in ready]:
                with suppress(EOFError, OSError):
                    worker.pipe.recv()
                busy.remove(worker)

    def _answer(self, worker: _Process) -> Answer:
        key = worker.keys.pop()
        try:
            result, error = worker.pipe.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return Answer(key, error=WorkerEnded())
        if error is not None and not isinstance(error, Exception):
            raise error
        return Answer(key, result, error)

    def _replace(self, worker: _Process) -> None:
        """Start another worker in place of one that has ended; where that is not possible, there are fewer."""
        worker.process.kill()  # its pipe is closed: it may still be ending
        worker.process.join()
        worker.pipe.close()
        self._of_ended += worker.steps.value
        self._workers.remove(worker)
        try:
            self._start()
        except CANNOT_START as error:
            log.warning("a worker has ended, and no other can be started (%s).", error)
            if not self._workers:
                raise RuntimeError(f"no worker is left, and none can be started ({error})") from error

    def _start(self) -> None:
        parent_end, child_end = self._context.Pipe()
        steps = self._context.RawValue("q", 0)
        others = [*(worker.pipe for worker in self._workers), parent_end] if self._context.get_start_method() == "fork" else []
        arguments = (self._work, child_end, others, self._level, steps, os.getpid())
        process = self._context.Process(target=serve, args=arguments)
        # A signal that comes before the worker has handlers of its own waits for them. Python warns of a fork beside threads: a program
        # that has some, a notebook say, has been told what forks.
        with _signals_held(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        child_end.close()  # the worker alone holds that end: it is closed when the worker dies
        self._workers.append(_Process(process, parent_end, steps))

    def _report(self) -> None:
        steps = self._of_ended + sum(worker.steps.value for worker in self._workers)
        self._progress(steps - self._reported)  # of none too: whoever shows it looks at the clock
        self._reported = steps


Workers = ThisProcess | Processes


@contextmanager
def workers(work: Work, progress: Progress, count: int, start: str = START) -> Iterator[Workers]:
    """Yield so many workers, or this process if one is enough or no process can be started.

    Parameters
    ----------
    work : Work
        What is known to the workers. Methods of it are called by name; where processes cannot be forked, it must be picklable.
    progress : callable
        Called in this process with what the workers report.
    count : int
    start : str
        How processes are started: fork, spawn.
    """
    processes = None
    if count > 1:
        try:
            processes = Processes(work, progress, count, start)
        except OSError as error:
            log.warning("no worker processes can be started (%s); all is done in this one.", error)
    if processes is None:
        yield ThisProcess(work, progress)
        return
    is_interrupted = True
    try:
        yield processes
        is_interrupted = False
    finally:
        processes.close(is_interrupted)


@contextmanager
def _signals_held() -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers_of(STOP, *OUTSIDE))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
