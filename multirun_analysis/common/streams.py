"""Standard output and error of a command, whoever reads them: a reader that goes away, letters that it lacks, streams that are closed."""

import codecs
import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from multirun_analysis.common.media import for_terminal

PLAIN = {
    "±": "+-",
    "×": "x",
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "≤": "<=",
    "≥": ">=",
    "²": "2",
    "³": "3",
    "“": '"',
    "”": '"',
    "’": "'",
}


@contextmanager
def command_streams() -> Iterator[None]:
    """Let a command write without care of who reads; around a command's `main`, or as its decorator.

    A reader that goes away (``| head``) ends what is shown, not the work; letters that the terminal's encoding lacks are written in plain
    ones; closed streams take everything. Where the output cannot be kept, on a full disk, say, the command says so at its end, and fails.
    What is logged where nothing says how goes to the terminal too, and as `LogLines`.
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(LogLines())
    before = sys.stdout, sys.stderr
    out, err = (_Patient(stream) for stream in before)
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before  # at once: whatever the next lines end in, nobody is left with ours
        for stream, own in zip((out, err), before, strict=True):
            stream.flush()
            if own is None:
                stream.close()
    if out.error is not None:
        raise SystemExit(f"the output could not be written: {out.error}")


class LogLines(logging.Formatter):
    """Formats what is logged so that every letter of it shows: a line for a message, the lines of a traceback after it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return for_terminal(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return for_terminal(super().formatException(ei), keep="\n")

    def formatStack(self, stack_info: str) -> str:
        return for_terminal(super().formatStack(stack_info), keep="\n")


class _Patient:
    """A text stream that outlives its reader, and keeps the error for which nothing more is written."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream: Any = open(os.devnull, "w", encoding="utf-8") if stream is None else stream
        self.error: OSError | None = None
        if isinstance(self._stream, io.TextIOWrapper) and self._stream.errors in ("strict", "surrogateescape"):
            self._stream.reconfigure(errors="in_plain_letters")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if not getattr(self._stream, "closed", False):
            self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            self.error = None if isinstance(error, BrokenPipeError) else error
            # What waits in the stream's buffer would be tried again at every turn, and at the end of Python itself.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


def _in_plain_letters(error: UnicodeError) -> tuple[bytes, int]:
    """Return what is written in place of letters; names of files that the locale could not read go back to the bytes that they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return b"".join(bytes([ord(x) - 0xDC00]) if "\udc80" <= x <= "\udcff" else PLAIN.get(x, "?").encode() for x in letters), error.end


codecs.register_error("in_plain_letters", _in_plain_letters)
