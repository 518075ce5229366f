"""Mistakes in what the analysis was asked for or handed over, and the one way in which files are opened."""

import difflib
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

MOST_BYTES = 2**32  # of any file, unless a reader knows better


class InputError(ValueError):
    """A mistake in what was asked for or handed over: shown as one sentence, without a traceback."""


def nearest(word: Any, choices: Iterable[str]) -> str:
    """Return a hint with the choice nearest to `word`, or an empty string when none is near.

    Case and dashes do not count, and the last part of a dotted key will do.
    """
    choices = list(choices)
    alike = {_letters(choice.rpartition(".")[2]): choice for choice in choices} | {_letters(choice): choice for choice in choices}
    close = difflib.get_close_matches(_letters(str(word)), list(alike), n=1)
    return f" Did you mean {alike[close[0]]!r}?" if close else ""


def _letters(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "").replace(" ", "")


def user_path(key: str, value: str | Path, mistake: type[ValueError] = InputError) -> Path:
    """Return the path that a user wrote, with a ``~`` at its beginning made the home folder, else raise `mistake`."""
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # there is no home folder, or no such user
        raise mistake(f"`{key}` must be a path whose home folder can be told, got {str(value)!r}; write it out.") from error


def open_file(path: str | os.PathLike[str], most_bytes: int = MOST_BYTES) -> BinaryIO:
    """Open a regular file for reading, as bytes.

    A pipe would wait for a writer for ever, and a device such as ``/dev/zero`` never ends: both are refused, behind links too.

    Parameters
    ----------
    path : path
    most_bytes : int
        The largest size that is taken.

    Raises
    ------
    OSError
        If there is no such file, it cannot be read, is no regular file, or is larger than `most_bytes`.
    """
    # Without O_NONBLOCK the opening itself waits for a pipe's writer. Windows needs O_BINARY, and has neither of the others.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a regular file", str(path))
        if status.st_size > most_bytes:
            raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes, and at most {most_bytes:,} are read", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_file(path: str | os.PathLike[str], most_bytes: int = MOST_BYTES) -> bytes:
    """Return the contents of a regular file, as `open_file` opens it; one that grows beyond `most_bytes` meanwhile is refused too."""
    with open_file(path, most_bytes) as stream:
        # No more than the size that was looked at, and one byte to notice that it has grown: a read takes the memory that it asks for.
        contents = stream.read(os.fstat(stream.fileno()).st_size + 1)
    if len(contents) > most_bytes:
        raise OSError(errno.EFBIG, f"it has more than {most_bytes:,} bytes, which are all that is read", str(Path(path)))
    return contents
