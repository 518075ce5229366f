"""Ctrl-C and SIGTERM: both end the program in the same way, and let a step of training come to its end first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# By which a process tells its workers to stop. Windows sends none to another process, so that a worker sends it to itself there.
STOP = "SIGUSR1" if hasattr(signal, "SIGUSR1") else "SIGBREAK"
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", STOP) if hasattr(signal, name))


class Terminated(KeyboardInterrupt):
    """The program was told to end by SIGTERM, as clusters do some time before they kill."""


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM interrupt the work within as Ctrl-C does; in the main thread only, as Python has it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(signum: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Interruption:
    """Puts an interruption off: a context manager in which the first signal only sets `is_pending`, and a second one is not put off.

    A pending interruption happens when `happen` is called, or at the end.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}
        self._signal: int | None = None

    @property
    def is_pending(self) -> bool:
        """Whether a signal has come that was put off."""
        return self._signal is not None

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            # Where a signal is ignored, or ends the process at once, it goes on doing so.
            self._handlers = {number: handler for number in SIGNALS if callable(handler := signal.getsignal(number))}
            for number in self._handlers:
                signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self.happen()

    def happen(self) -> None:
        """Give the signals back to their handlers, and the one that has come, if any."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._signal is not None:
            number, self._signal = self._signal, None
            self._handlers[number](number, None)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        again, self._signal = self.is_pending, signum
        if again:
            self.happen()
