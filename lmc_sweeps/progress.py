"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 30.0


class TrainingProgress:
    """Shows what is being trained, steps done of how many, and the time left; a context manager called with (done, total)."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar: tqdm | None = None
        self._start = self._said = time.monotonic()

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        """Take note of a step."""
        if sys.stderr.isatty():
            if self._bar is None:
                self._bar = tqdm(total=total, desc=f"{self._what} training", unit="step", leave=False, file=sys.stderr)
            self._bar.update(done - self._bar.n)
            return
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES:
            left = (now - self._start) / done * (total - done)
            sys.stderr.write(f"{self._what} training: step {done:,} of {total:,}, about {duration(left)} left\n")
            self._said = now


def duration(seconds: float) -> str:
    """Return a length of time for people: ``42 s``, ``3 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
