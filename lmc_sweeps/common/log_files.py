"""Log files that hold nobody up: of a sweep and of its jobs."""

import io
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from lmc_sweeps.common.files import open_for_appending
from multirun_analysis.common.media import for_terminal


class LogFile(logging.FileHandler):
    """A log file that is opened when there is something to write. If it cannot be opened, a warning is printed once, and the work goes on.

    On a full disk the file lacks lines.
    """

    _has_warned = False

    def _open(self) -> io.TextIOWrapper:
        return os.fdopen(open_for_appending(Path(self.baseFilename)), "a", encoding=self.encoding, errors=self.errors)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError as error:
            if not self._has_warned and self.stream is None:
                self._has_warned = True
                sys.stderr.write(f"WARNING: the log file cannot be opened: {for_terminal(error)}\n")

    def close(self) -> None:
        with suppress(OSError):
            super().close()
