"""A worker's own side: it answers what its parent asks through a pipe, and hears of signals what its parent makes of them."""

import _thread
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, Protocol

from lmc_sweeps.common.interruption import STOP, Terminated

PATIENCE = 10.0  # seconds that a worker has, once its parent is gone, to keep what it has computed
OUTSIDE = ("SIGINT", "SIGTERM", "SIGUSR2")  # signals that a terminal, an operating system or a cluster sends to all processes at once

Progress = Callable[[int], None]


class OfWorker(RuntimeError):
    """An error of a worker's, in words, that cannot itself be sent to another process."""


class Work(Protocol):
    """What workers do: its methods are called by name, in a process that was told to begin."""

    def begin(self, progress: Progress, is_alone: bool) -> None:
        """Make ready; `is_alone` says that this is the process that asks."""


def numbers_of(*names: str) -> list[int]:
    """Return the signals of these names that this system has."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


class _Worker:
    """The state of a worker's process."""

    level: Any
    is_busy = False


def serve(work: Work, pipe: "Connection[Any, Any]", others: list[Any], level: Any, steps: Any, parent: int) -> None:
    """Be a worker: answer what the pipe asks, until it asks no more.

    Signals that all processes get at once are for the parent, which says what comes of them: by a level, and a signal of its own.
    """
    for number in numbers_of(*OUTSIDE):
        signal.signal(number, signal.SIG_IGN)
    for number in numbers_of(STOP):
        signal.signal(number, _stop)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers_of(STOP, *OUTSIDE))
    for other in others:
        other.close()
    # Where the parent has computed with several threads, a fork of it that does so too waits for threads that it does not have.
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    _Worker.level = level
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()

    def count(number: int) -> None:
        steps.value += number

    failure: BaseException | None = None
    try:
        work.begin(count, is_alone=False)
    except Exception as error:
        failure = portable(error)
    with suppress(EOFError, OSError):  # the parent is gone
        while True:
            method, arguments = pipe.recv()
            pipe.send((None, failure) if failure is not None else _outcome(work, method, arguments))


def _outcome(work: Work, method: str, arguments: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
    """Return the result and the error of a method."""
    try:
        _Worker.is_busy = True
        if _Worker.level.value:
            raise Terminated
        return getattr(work, method)(*arguments), None
    except Exception as error:
        return None, portable(error)
    except KeyboardInterrupt:
        return None, Terminated()
    finally:
        _Worker.is_busy = False


def portable(error: Exception) -> Exception:
    """Return an error as it can be sent to another process: itself, or what it says."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return OfWorker(f"{type(error).__name__}: {error}")
    return error


def _stop(signum: int, frame: FrameType | None) -> None:
    if _Worker.is_busy:
        raise Terminated


def _end_after(parent: int) -> None:
    """End this process when its parent is gone, after what it has computed is kept."""
    level = 0
    while _is_there(parent):
        if sys.platform == "win32" and _Worker.level.value > level:
            level = _Worker.level.value
            _stop_itself()
        time.sleep(1.0)
    for _ in range(2):
        if _Worker.is_busy:
            _stop_itself()
            end = time.monotonic() + PATIENCE
            while _Worker.is_busy and time.monotonic() < end:
                time.sleep(0.05)
    os._exit(1)


def _stop_itself() -> None:
    number = getattr(signal, STOP)
    if sys.platform == "win32":  # where a signal to oneself ends the process
        _thread.interrupt_main(number)
    else:  # ends a wait in the system too
        os.kill(os.getpid(), number)


def _is_there(parent: int) -> bool:
    if sys.platform == "win32":  # where the number of a parent that is gone stays
        process = multiprocessing.parent_process()
        return process is not None and process.is_alive()
    return os.getppid() == parent
