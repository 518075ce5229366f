"""Files that are never met half written: written beside their place and renamed, and changed by one process at a time."""

import errno
import logging
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

log = logging.getLogger(__name__)
LOCK_SECONDS = 60.0  # of waiting; who holds a lock writes one file
NO_WRITING = (errno.EROFS, errno.ENOSPC, errno.EDQUOT)  # what keeps a lock from being made keeps the file itself from being written


def write_atomically(path: Path, contents: bytes) -> None:
    """Write a file beside its place and rename it, so that a reader never meets half of it.

    A pipe, a device or a link in its place is replaced, not written into.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with fresh.open("xb") as stream:  # with the rights that the user's umask gives, which tempfile would narrow
            stream.write(contents)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def open_for_appending(path: Path) -> int:
    """Open a regular file for appending, with the rights of the user's umask if it is new, and return its descriptor.

    A pipe would wait for a reader for ever, and a link may lead to any file of the user's.

    Raises
    ------
    OSError
        If it cannot be written, or is a pipe, a device or a link.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    refusal = OSError(errno.EINVAL, "it is a pipe, a device or a link, not a regular file", str(path))
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        raise (refusal if error.errno in (errno.ENXIO, errno.ELOOP) else error) from None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise refusal


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where a system can: until then a power cut may undo a renaming."""
    with suppress(OSError):  # Windows opens no folders, and some network file systems sync none
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def clear_of_pipes(folder: Path) -> None:
    """Remove pipes, devices and links from a folder in which others, such as Hydra, write into existing files.

    A pipe would wait for a reader for ever, and a link may lead to any file of the user's. What is removed is logged.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # there is no such folder, as a rule
        return
    for path in paths:
        if not stat.S_ISREG(path.lstat().st_mode) and not stat.S_ISDIR(path.lstat().st_mode):
            log.warning("%s is a pipe, a device or a link, not a file, and is replaced.", path)
            path.unlink()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file that several processes read, change and write; it is let go of when a process dies.

    Where a lock cannot be had (a file system without locks, one that a dead process of another machine or another user has left, a pipe
    in its place), the work is done without one, with a warning in the log: readers still meet whole files, but of two processes that add to
    one file at once the first one's addition may be lost.
    """
    lock = _lock(path)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _lock(path: Path) -> FileLock | None:
    """Return the lock of a file, held; None if it cannot be had."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_file = path.with_name(f".{path.name}.lock")
    try:
        lock = FileLock(lock_file, timeout=LOCK_SECONDS, mode=_made(lock_file))
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in NO_WRITING:
            raise
        log.warning("%s is written without a lock, which cannot be had (%s).", path, error)
        return None
    return lock


def _made(lock_file: Path) -> int:
    """Make a lock's file, if it is not there, and return its rights: FileLock would set its own, not those that the user's umask gives."""
    descriptor = open_for_appending(lock_file)
    try:
        return stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
