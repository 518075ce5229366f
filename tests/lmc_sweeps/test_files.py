"""Files written beside their place and renamed, and the locks of those that several processes change."""

import errno
import os
from pathlib import Path

import pytest

from lmc_sweeps import files
from lmc_sweeps.files import locked, write_atomically


def listed(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_writing_atomically_makes_folders_and_replaces_the_whole_file(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_atomically(path, b"the first, longer contents")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert listed(tmp_path) == ["a/b/file"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(_descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert listed(tmp_path) == ["file"]


def test_a_reader_meets_the_old_file_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    seen = []
    sync = os.fsync

    def look(descriptor):
        seen.append(path.read_bytes())
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", look)
    write_atomically(path, b"new")
    assert (seen, path.read_bytes()) == ([b"old"], b"new")


class Refusing:
    """A lock of a file system that has none to give."""

    def __init__(self, reason):
        self.reason = reason

    def __call__(self, path, timeout, mode):
        return self

    def acquire(self):
        raise self.reason

    def release(self):
        pass


@pytest.mark.parametrize("reason", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError("no flock")], ids=str)
def test_where_there_are_no_locks_the_work_is_done_without_and_that_is_said(tmp_path, monkeypatch, caplog, reason):
    monkeypatch.setattr(files, "FileLock", Refusing(reason))
    with locked(tmp_path / "file"):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert caplog.messages == [f"{tmp_path / 'file'} is written without a lock, which cannot be had ({reason})."]


def test_a_lock_that_nobody_lets_go_of_holds_nobody_up_for_ever(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.2)
    with locked(tmp_path / "file"), locked(tmp_path / "file"):
        pass
    assert len(caplog.messages) == 1
    assert "is written without a lock" in caplog.messages[0]
    with locked(tmp_path / "file"):
        assert len(caplog.messages) == 1
