"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import os
import shutil
import sys
import time
from types import TracebackType

from tqdm import tqdm

from multirun_analysis.common.media import for_terminal

BAR = "LMC_SWEEPS_BAR"  # variable of the environment that asks for a bar where standard error is no terminal: what reads it is one
SECONDS_BETWEEN_LINES = 30.0


class TrainingProgress:
    """Shows what is being trained, network-steps so far and in all, and the time left; a context manager, called at every step."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total, self._steps = title, total, 0
        self._bar: tqdm | None = None
        self._start: tuple[float, int] | None = None  # when the first step had ended, and how many it counted
        self._last_line = time.monotonic()

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, network_steps: int) -> None:
        """Count a step of so many networks."""
        self._steps += network_steps
        if sys.stderr.isatty() or os.environ.get(BAR):
            if self._bar is None:
                form = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} network-steps, {remaining} left"
                size = shutil.get_terminal_size()  # not tqdm's own measure, which hides the bar where a terminal gives no size
                self._bar = tqdm(
                    total=self._total,
                    desc=for_terminal(self._title),
                    unit_scale=True,
                    leave=False,
                    file=sys.stderr,
                    bar_format=form,
                    ncols=min(110, size.columns),
                    nrows=size.lines,
                )
            self._bar.update(network_steps)
            return
        now = time.monotonic()
        if self._start is None:
            self._start = now, self._steps
        if now - self._last_line >= SECONDS_BETWEEN_LINES and self._steps > self._start[1]:
            seconds, steps = now - self._start[0], self._steps - self._start[1]
            left = seconds / steps * (self._total - self._steps)
            sys.stderr.write(
                f"{for_terminal(self._title)}: {self._steps:,} of {self._total:,} network-steps, about {duration(left)} left\n"
            )
            self._last_line = now

    def write(self, line: str) -> None:
        """Write a line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.write(for_terminal(line), file=sys.stderr)
        else:
            sys.stderr.write(f"{for_terminal(line)}\n")


def computing(seconds: float, workers: int = 1) -> str:
    """Return how long so many seconds of one core take several workers, with what they cost: ``43 min (86.0 core-minutes)``."""
    return f"{duration(seconds / workers)} ({seconds / 60:.1f} core-minutes)"


def about(length: str) -> str:
    """Return a length of time as an estimate: ``about 42 s``; ``less than 1 s`` is one already."""
    return length if length.startswith("less") else f"about {length}"


def duration(seconds: float) -> str:
    """Return a length of time for people: ``42 s``, ``3 min``, ``1.5 h``."""
    if seconds < 1:
        return "less than 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
