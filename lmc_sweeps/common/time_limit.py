"""A limit to the time that work may take: past it an error is raised in the work, and if that is not heard, the process is ended."""

import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from lmc_sweeps.common import time_keeper

log = logging.getLogger(__name__)
ALARM: Any = getattr(signal, "SIGALRM", None)  # Windows has none
GRACE = 10.0  # seconds after which an error that was raised in the work must have ended it
REPORT_EVERY = 0.2  # seconds: progress is reported to the time keeper no more often


class TimeLimitReached(Exception):
    """Work took longer than `time_limit`; no kind of error that the work itself handles."""


@contextmanager
def time_limit(seconds: float | None, work: str) -> Iterator[Callable[[], None]]:
    """Let the work within take no longer than a time limit; yield a function that reports progress, from which the time counts again.

    The time is what the process could run: none passes while it is stopped (Ctrl-Z, a debugger, a scheduler) or the machine sleeps. A
    process of its own counts it (`time_keeper`) and sends SIGALRM, which raises the error between two instructions of Python. A call into
    C that does not come back never gets there: after `GRACE` more seconds the keeper prints that and kills the process.

    Parameters
    ----------
    seconds : float or None
        None is no limit.
    work : str
        The work, as the subject of a sentence.

    Raises
    ------
    TimeLimitReached
        In the work, in the main thread of a process; elsewhere, and on Windows, nothing is watched, with a warning in the log.
    """
    if seconds is None:
        yield _nothing
    elif ALARM is None or not sys.executable or threading.current_thread() is not threading.main_thread():
        log.warning("`time_limit` is not watched here: that takes the main thread of a process on Linux or macOS.")
        yield _nothing
    else:
        with _Watch(seconds, work) as watch:
            yield watch.restart


def _nothing() -> None:
    pass


class _Watch:
    """The process that counts the time, and the handler of its alarm."""

    def __init__(self, seconds: float, work: str) -> None:
        self._seconds = seconds
        self._sentence = f"{work} took longer than `time_limit` = {seconds:g} s"
        self._report_every = min(REPORT_EVERY, seconds / 10)
        self._reported = time.monotonic()
        self._keeper: subprocess.Popen[bytes] | None = None

    def restart(self) -> None:
        """Count the time from now."""
        now = time.monotonic()
        if now - self._reported >= self._report_every and self._keeper is not None and self._keeper.stdin is not None:
            self._reported = now
            with suppress(OSError):  # the keeper is gone: then nothing is watched
                self._keeper.stdin.write(b".")

    def __enter__(self) -> "_Watch":
        self._handler: Any = signal.signal(ALARM, self._ring)
        last = (
            f"\n{self._sentence} and cannot be stopped from within, so the process is ended. Finished jobs and networks are kept, and "
            "the same command with the same hydra.sweep.dir goes on with the others; leave out the settings that hang.\n"
        )
        # Isolated and without site-packages: it is there in 15 ms. In a session of its own: Ctrl-C is not for it.
        program = [sys.executable, "-I", "-S", time_keeper.__file__]
        numbers = [str(os.getpid()), repr(self._seconds + self._report_every), repr(GRACE)]
        try:
            self._keeper = subprocess.Popen(
                [*program, *numbers, last], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
            )
        except OSError as error:
            log.warning("`time_limit` is not watched here: the process that counts the time cannot be started (%s).", error)
        return self

    def __exit__(self, *_: object) -> None:
        keeper, self._keeper = self._keeper, None  # an alarm that rings even now is not heard
        try:
            if keeper is not None:
                keeper.__exit__(None, None, None)  # closes its input, at which it goes, and waits for that
        finally:
            signal.signal(ALARM, self._handler)

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        if self._keeper is not None and self._keeper.stdout is not None and select.select([self._keeper.stdout], [], [], 0)[0]:
            self._keeper.stdout.read(1)
            raise TimeLimitReached(f"{self._sentence}; the same command with a higher limit, or null, tries again.")
        if callable(self._handler):  # somebody else's alarm
            self._handler(signum, frame)
