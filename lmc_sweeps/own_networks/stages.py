"""What a comparison is at, how long each stage took, and a line that says so where somebody waits for it."""

import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType

SECONDS_BEFORE, SECONDS_BETWEEN = 3.0, 0.5  # of the line on a terminal


class Stages:
    """Seconds by stage; a context manager, entered before the first of them.

    Parameters
    ----------
    names : sequence of str
        All stages, in their order; the first one begins at once.
    progress : bool, optional
        Whether a line on stderr shows the stage: on a terminal and in a notebook one that changes, elsewhere one for each. If not given,
        only on a terminal and in a notebook, when it takes longer than some seconds.
    """

    def __init__(self, names: Sequence[str], progress: bool | None = None) -> None:
        self.seconds = dict.fromkeys(names, 0.0)
        self._begun = self._start = time.perf_counter()
        self._stage, self._text = names[0], names[0]
        is_live = _is_live()
        self._writes_lines = progress is True and not is_live
        self._delay = 0.0 if progress else SECONDS_BEFORE
        self._thread = threading.Thread(target=self._show, daemon=True) if is_live and progress is not False else None
        self._ended = threading.Event()
        self._width = 0  # of the line that is shown

    def __enter__(self) -> "Stages":
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._close()
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._width:
            _write("\r" + " " * self._width + "\r")

    def enter(self, stage: str, detail: str = "") -> None:
        """Begin a stage, or go on with it at another detail."""
        self._close()
        self._stage, self._text = stage, f"{stage} ({detail})" if detail else stage
        if self._writes_lines:
            _write(f"compare: {self._text}\n")

    def _close(self) -> None:
        now = time.perf_counter()
        self.seconds[self._stage] += now - self._start
        self._start = now

    def _show(self) -> None:
        wait = self._delay
        while not self._ended.wait(wait):
            wait = SECONDS_BETWEEN
            line = f"compare: {self._text}, {time.perf_counter() - self._begun:.0f} s"
            _write("\r" + line.ljust(self._width))
            self._width = len(line)


def _is_live() -> bool:
    """Return whether stderr shows a line that is written over: a terminal's does, and a notebook's."""
    stream = sys.stderr
    return stream is not None and (stream.isatty() or type(stream).__module__.startswith("ipykernel"))


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):  # a stream that was closed meanwhile
        pass
