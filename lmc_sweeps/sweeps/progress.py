"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import math
import os
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from tqdm import tqdm

from multirun_analysis.common.media import for_terminal

Kind = TypeVar("Kind", bound="Progress")

BAR = "LMC_SWEEPS_BAR"  # variable of the environment that asks for a bar where standard error is no terminal: what reads it is one
FORM = "{desc}: {percentage:3.0f}%|{bar}| "
SECONDS_BETWEEN_LINES, SECONDS_BETWEEN_BARS = 30.0, 1.0


class Progress(ABC):
    """Shows how far some work is, in words and as a share; a context manager.

    A bar is drawn on a terminal, and once a second it is drawn again; elsewhere a line is written every half minute.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: tqdm | None = None
        self._last_line = time.monotonic()
        self._last_bar = -math.inf

    def __enter__(self: Kind) -> Kind:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    @abstractmethod
    def state(self, now: float, short: bool) -> tuple[str, float | None]:
        """Return what has been done of how much, in words, and how many seconds are left, None where that cannot be said yet."""

    @abstractmethod
    def elapsed(self, now: float) -> float:
        """Return since when it works, in seconds: with those that are left they make the whole of the bar."""

    def show(self) -> None:
        """Draw the bar again, or write a line, if that is due."""
        now = time.monotonic()
        if sys.stderr.isatty() or os.environ.get(BAR):
            if now - self._last_bar >= SECONDS_BETWEEN_BARS:
                self._last_bar = now
                self._draw(now)
        elif now - self._last_line >= SECONDS_BETWEEN_LINES:
            words, left = self.state(now, short=False)
            if left is not None:
                sys.stderr.write(f"{for_terminal(self._title)}: {words}, {about(duration(left))} left\n")
                self._last_line = now

    def _draw(self, now: float) -> None:
        words, left = self.state(now, short=True)
        if self._bar is None:
            size = shutil.get_terminal_size()  # not tqdm's own measure, which hides the bar where a terminal gives no size
            name = for_terminal(self._title)
            columns = min(110, size.columns)
            self._bar = tqdm(total=1.0, desc=name, leave=False, file=sys.stderr, bar_format=FORM, ncols=columns, nrows=size.lines)
        elapsed = self.elapsed(now)
        self._bar.n = 0.0 if left is None else elapsed / max(elapsed + left, 1e-9)
        self._bar.bar_format = FORM + (words if left is None else f"{words}, {duration(left)} left")
        self._bar.refresh()

    def write(self, line: str) -> None:
        """Write a line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.write(for_terminal(line), file=sys.stderr)
        else:
            sys.stderr.write(f"{for_terminal(line)}\n")


@dataclass
class JobCount:
    """How many of the jobs of a command are done, failed ones among them."""

    total: int
    ended: int = 0

    def line(self, line: str) -> str:
        """Return what is said of a job that has ended just now, behind the count: ``[3/28 done] width=8 seed=2 ...``."""
        return f"[{self.ended}/{self.total} done] {line.lstrip()}"


class TrainingProgress(Progress):
    """Shows network-steps so far and in all, and the time left for them; called at every step."""

    def __init__(self, title: str, total: int) -> None:
        super().__init__(title)
        self._total, self._steps = total, 0
        self._start: tuple[float, int] | None = None  # when the first step had ended, and how many it counted

    def __call__(self, network_steps: int) -> None:
        """Count a step of so many networks; none is a look at the clock."""
        self._steps += network_steps
        if network_steps and self._start is None:
            self._start = time.monotonic(), self._steps
        self.show()

    def elapsed(self, now: float) -> float:
        return 0.0 if self._start is None else now - self._start[0]

    def state(self, now: float, short: bool) -> tuple[str, float | None]:
        words = f"{tqdm.format_sizeof(self._steps)}/{tqdm.format_sizeof(self._total)}" if short else f"{self._steps:,} of {self._total:,}"
        return f"{words} network-steps", self.training_left(now)

    def training_left(self, now: float) -> float | None:
        """Return how many seconds training still takes at the pace that it has had."""
        if self._steps >= self._total:
            return 0.0
        if self._start is None or self._steps <= self._start[1]:  # of one step nothing can be said
            return None
        return (now - self._start[0]) / (self._steps - self._start[1]) * (self._total - self._steps)


class SweepProgress(TrainingProgress):
    """Shows training and measuring as one: network-steps, jobs that are done, and the time left for both.

    Parameters
    ----------
    title : str
    total : int
        Network-steps.
    measuring : mapping of int to float
        By the number of a job about how long measuring it takes one worker, in seconds. Jobs that were measured correct it.
    workers : int
    """

    def __init__(self, title: str, total: int, measuring: Mapping[int, float], workers: int) -> None:
        super().__init__(title, total)
        self._measuring, self._workers = measuring, workers
        self._begun: dict[int, float] = {}
        self._ended: dict[int, float] = {}  # how long each took
        self._measured: set[int] = set()
        self._trains = True
        self._since = time.monotonic()

    def end_training(self) -> None:
        """Note that no network is trained any more: some may have been begun before, or failed, and their steps are never counted."""
        self._trains = False

    def training_left(self, now: float) -> float | None:
        return super().training_left(now) if self._trains else 0.0

    def begin_job(self, number: int) -> None:
        """Note that a job is being measured."""
        self._begun[number] = time.monotonic()

    def end_job(self, number: int, is_measured: bool = True) -> None:
        """Note that a job is done, or has failed: then how long it took says nothing of the others."""
        now = time.monotonic()
        if is_measured and number in self._begun:
            self._measured.add(number)
        self._ended[number] = now - self._begun.pop(number, now)
        self.show()

    def elapsed(self, now: float) -> float:
        return now - self._since

    def state(self, now: float, short: bool) -> tuple[str, float | None]:
        words, training = super().state(now, short)
        jobs = len(self._measuring)
        ended = f"{len(self._ended)}/{jobs} jobs" if short else f"{len(self._ended)} of {jobs} jobs done"
        left = None if training is None else training + self.measuring_left(now)
        return f"{words}, {ended}" if self._total else ended, left

    def measuring_left(self, now: float) -> float:
        """Return how many seconds measuring still takes, at the estimates times what those of the jobs so far were off by."""
        expected = sum(self._measuring[number] for number in self._measured)
        factor = sum(self._ended[number] for number in self._measured) / expected if expected > 0 else 1.0
        left = {number: factor * seconds for number, seconds in self._measuring.items() if number not in self._ended}
        for number, start in self._begun.items():
            left[number] = max(left[number] - (now - start), 0.0)
        return max([sum(left.values()) / self._workers, *(left[number] for number in self._begun)], default=0.0)


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
