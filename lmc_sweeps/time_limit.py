"""A limit to the time that work may take: past it an error is raised in the work, and if that is not heard, the process is ended."""

import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)
GRACE = 10.0  # seconds after which an error that was raised in the work must have ended it
LOOK = 1.0  # seconds between two looks at the clock of the thread that watches


class TimeLimitReached(Exception):
    """Work took longer than `time_limit`; no kind of error that the work itself handles."""


@contextmanager
def time_limit(seconds: float | None, what: str) -> Iterator[Callable[[], None]]:
    """Let the work within take no longer than a time limit; yield a function that says of progress, from which the time counts anew.

    SIGALRM raises the error between two instructions of Python. A call into C that does not come back never gets there: after `GRACE`
    more seconds a thread says so and ends the process, and where C keeps that thread out as well, faulthandler ends it, with a traceback.

    Parameters
    ----------
    seconds : float or None
        None is no limit.
    what : str
        The work, as the subject of a sentence.

    Raises
    ------
    TimeLimitReached
        In the work, in the main thread of a process; elsewhere, and on Windows, nothing is watched, which is said in the log.
    """
    if seconds is None:
        yield _nothing
    elif not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        log.warning("`time_limit` is not watched here: that takes the main thread of a process on Linux or macOS.")
        yield _nothing
    else:
        with _Watch(seconds, what) as watch:
            yield watch.anew


def _nothing() -> None:
    pass


class _Watch:
    """The alarm, and the thread that watches whether the alarm was heard."""

    def __init__(self, seconds: float, what: str) -> None:
        self._seconds = seconds
        self._sentence = f"{what} took longer than `time_limit` = {seconds:g} s"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._guard, name="time_limit", daemon=True)

    def anew(self) -> None:
        """Count the time from now."""
        self._deadline = time.monotonic() + self._seconds

    def __enter__(self) -> "_Watch":
        self._begun = time.monotonic()
        self.anew()
        self._handler: Any = signal.signal(signal.SIGALRM, self._ring)
        self._timer = signal.setitimer(signal.ITIMER_REAL, self._seconds)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # the alarm may ring even now
            signal.signal(signal.SIGALRM, self._handler)
            self._over.set()
            self._thread.join()
            left, interval = self._timer
            if left:
                signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - self._begun), 1e-3), interval)

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        left = self._deadline - time.monotonic()
        if left > 0:  # progress was made since the alarm was set
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3))
            return
        signal.setitimer(signal.ITIMER_REAL, GRACE / 2)  # once more, should something have swallowed the error
        raise TimeLimitReached(f"{self._sentence}; the same command with a higher limit, or null, tries again.")

    def _guard(self) -> None:
        """End the process when the work goes on though the error was due long ago."""
        while (left := self._deadline + GRACE - time.monotonic()) > 0:
            if sys.__stderr__ is not None:
                faulthandler.dump_traceback_later(self._seconds + 2 * GRACE, exit=True, file=sys.__stderr__)
            if self._over.wait(min(left, LOOK)):
                faulthandler.cancel_dump_traceback_later()
                return
        sentence = (
            f"\n{self._sentence} and cannot be stopped from within, so the process is ended. Finished jobs and networks are kept, and "
            "the same command with the same hydra.sweep.dir goes on with the others; leave out the settings that hang.\n"
        )
        os.write(2, sentence.encode())
        os._exit(1)
