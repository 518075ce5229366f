"""Log files that hold nobody up: of a sweep and of its jobs."""

import errno
import io
import logging
import os
import stat
import sys
from contextlib import suppress


class LogFile(logging.FileHandler):
    """A log file that is opened when there is something to write. What cannot be opened is said once, and nothing else happens.

    A pipe in its place would wait for a reader for ever, and a link may lead to any file of the user's: neither is written into.
    On a full disk the file lacks lines.
    """

    _has_said = False

    def _open(self) -> io.TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self.baseFilename, flags, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it is a pipe or a device, not a regular file", self.baseFilename)
            return os.fdopen(descriptor, "a", encoding=self.encoding, errors=self.errors)
        except BaseException:
            os.close(descriptor)
            raise

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError as error:
            if not self._has_said and self.stream is None:
                self._has_said = True
                sys.stderr.write(f"WARNING: there is no log file, for it cannot be opened: {error}\n")

    def close(self) -> None:
        with suppress(OSError):
            super().close()
