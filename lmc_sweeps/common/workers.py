"""Worker processes side by side, of one thread each: what they are asked to do begins in order, and its results come as they are there."""

import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from lmc_sweeps.common.interruption import SIGNALS, Terminated

log = logging.getLogger(__name__)
# Forked, a worker is there in milliseconds and shares the data in memory. macOS's libraries do not survive a fork, and Windows has none.
START = "fork" if sys.platform == "linux" else "spawn"
LOOK_EVERY = 0.1  # seconds between two looks at the progress of the workers
REPORT_EVERY = 0.05  # seconds between two of a worker's reports
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of all cores that a container has in a period, and the period
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
PATIENCE = 10.0  # seconds that a worker has, once its parent is gone, to keep what it has computed

Progress = Callable[[int], None]


class WorkerEnded(RuntimeError):
    """A process that ended before what it was asked to do was done."""

    def __init__(self) -> None:
        super().__init__("the process that worked on it ended: it was killed, or the machine ran out of memory")


class OfWorker(RuntimeError):
    """An error of a worker's, in words, that cannot itself be sent to another process."""


class Work(Protocol):
    """What workers do: its methods are called by name, in a process that was told to begin."""

    def begin(self, progress: Progress, is_alone: bool) -> None:
        """Make ready; `is_alone` says that this is the process that asks."""


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


class Processes:
    """Does the work in processes of its own, each a pool of one, so that one that dies takes nothing else with it."""

    def __init__(self, work: Work, progress: Progress, count: int, start: str = START) -> None:
        self.count = count
        self._work, self._progress = work, progress
        self._context: Any = multiprocessing.get_context(start)
        self._steps, self._reported = self._context.Value("q", 0), 0
        self._workers: list[ProcessPoolExecutor] = []
        self._numbers: dict[ProcessPoolExecutor, Any] = {}  # of their processes, 0 before these begin
        self._running: dict[Future[Any], tuple[Hashable, ProcessPoolExecutor]] = {}
        for _ in range(count):
            self._workers.append(self._started())

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return bool(self._running)

    @property
    def has_room(self) -> bool:
        """Whether more can be begun."""
        return len(self._running) < self.count

    def ask(self, key: Hashable, method: str, *arguments: Any) -> None:
        """Begin something; when it is done, `answers` returns what has come of it, under its key."""
        busy = {worker for _, worker in self._running.values()}
        worker = next(worker for worker in self._workers if worker not in busy)
        self._running[worker.submit(_do, method, arguments)] = (key, worker)

    def answers(self) -> list[Answer]:
        """Wait until something is done, reporting progress meanwhile, and return what has come of it.

        Raises
        ------
        KeyboardInterrupt
            If a worker was interrupted, by a signal that it alone was sent.
        """
        while True:
            ended, _ = wait(self._running, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
            self._report()
            if ended:
                return [self._answer(future) for future in ended]

    def close(self, is_interrupted: bool) -> None:
        """End the workers; interrupted, they first keep what they have. A second interruption does not wait for that, a third kills."""
        for how in (signal.SIGTERM, signal.SIGTERM, KILL):
            try:
                if is_interrupted:
                    self._signal(how)
                for worker in self._workers:
                    worker.shutdown(wait=True, cancel_futures=True)
                break
            except KeyboardInterrupt:
                is_interrupted = True
        self._report()

    def _answer(self, future: "Future[Any]") -> Answer:
        key, worker = self._running.pop(future)
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            del self._numbers[worker]
            self._workers[self._workers.index(worker)] = self._started()
            return Answer(key, error=WorkerEnded())
        if error is not None and not isinstance(error, Exception):
            raise error
        return Answer(key, error=error) if error is not None else Answer(key, future.result())

    def _started(self) -> ProcessPoolExecutor:
        number = self._context.Value("q", 0)
        begin = (self._work, self._steps, number, os.getpid())
        worker = ProcessPoolExecutor(1, mp_context=self._context, initializer=_begin, initargs=begin)
        # A signal that comes before the worker has handlers of its own waits for them. Python warns of a fork beside other threads: those
        # of other workers' pools, which hold no lock that a worker needs.
        with _signals_held(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            worker.submit(int)  # with which its process begins
        self._numbers[worker] = number
        return worker

    def _report(self) -> None:
        steps = self._steps.value
        if steps > self._reported:
            self._progress(steps - self._reported)
            self._reported = steps

    def _signal(self, how: int) -> None:
        busy = {worker for _, worker in self._running.values()}
        for worker, number in self._numbers.items():
            with suppress(OSError):  # it has ended
                if number.value:
                    os.kill(number.value, how if worker in busy else KILL)


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
    if count == 1:
        yield ThisProcess(work, progress)
        return
    try:
        processes = Processes(work, progress, count, start)
    except (OSError, ImportError, AssertionError) as error:  # no memory left; no semaphores on this system; a process that may have none
        log.warning("no worker processes can be started (%s); all is done in this one.", error)
        yield ThisProcess(work, progress)
        return
    is_interrupted = True
    try:
        yield processes
        is_interrupted = False
    finally:
        processes.close(is_interrupted)


def cores() -> int:
    """Return how many cores this process may use: those of its affinity, within the quota of its container."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text().split()
        return max(1, min(count, round(int(quota) / int(period))))
    except (OSError, ValueError):  # there is none, or it is "max"
        return count


@contextmanager
def _signals_held() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """The state of a worker's process."""

    work: Work
    steps: Any
    is_busy = False
    waiting, last = 0, 0.0


def _begin(work: Work, steps: Any, number: Any, parent: int) -> None:
    """Make a worker's process ready. Ctrl-C goes to all processes of a terminal: workers wait for what their parent makes of it."""
    _Worker.work, _Worker.steps = work, steps
    number.value = os.getpid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGUSR2"):  # of a cluster, which tells all processes of a task
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    work.begin(_count, is_alone=False)


def _do(method: str, arguments: tuple[Any, ...]) -> Any:
    try:
        _Worker.is_busy = True
        return getattr(_Worker.work, method)(*arguments)
    except Exception as error:
        raise portable(error) from error
    finally:
        _Worker.is_busy = False
        _flush()


def portable(error: Exception) -> Exception:
    """Return an error as it can be sent to another process: itself, or what it says."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return OfWorker(f"{type(error).__name__}: {error}")
    return error


def _count(steps: int) -> None:
    _Worker.waiting += steps
    if time.monotonic() - _Worker.last >= REPORT_EVERY:
        _flush()


def _flush() -> None:
    with _Worker.steps.get_lock():
        _Worker.steps.value += _Worker.waiting
    _Worker.waiting, _Worker.last = 0, time.monotonic()


def _interrupt(signum: int, frame: FrameType | None) -> None:
    if _Worker.is_busy:
        raise Terminated


def _end_after(parent: int) -> None:
    """End this process when its parent is gone, after what it has computed is kept."""
    while os.getppid() == parent:
        time.sleep(1.0)
    for _ in range(2):
        if _Worker.is_busy:
            os.kill(os.getpid(), signal.SIGTERM)
            _wait_until_idle()
    os._exit(1)


def _wait_until_idle() -> None:
    end = time.monotonic() + PATIENCE
    while _Worker.is_busy and time.monotonic() < end:
        time.sleep(0.05)
