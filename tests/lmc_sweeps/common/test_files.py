"""Files written beside their place and renamed, and the locks of those that several processes change."""

import errno
import os
import stat
from pathlib import Path

import pytest
from no_files import a_device, a_folder, a_link, a_pipe

from lmc_sweeps.common import files
from lmc_sweeps.common.files import clear_of_pipes, locked, write_atomically


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
    contents = []
    sync = os.fsync

    def look(descriptor):
        contents.append(path.read_bytes())
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", look)
    write_atomically(path, b"new")
    assert (contents, path.read_bytes()) == ([b"old"], b"new")


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


@pytest.mark.parametrize("reason", [errno.EACCES, errno.EPERM, errno.EIO], ids=errno.errorcode.get)
def test_a_lock_of_another_user_that_cannot_be_opened_is_done_without(tmp_path, monkeypatch, caplog, reason):
    monkeypatch.setattr(files, "FileLock", Refusing(OSError(reason, os.strerror(reason))))
    with locked(tmp_path / "file"):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    (warnings,) = caplog.messages
    assert warnings.startswith(f"{tmp_path / 'file'} is written without a lock, which cannot be had (")


@pytest.mark.parametrize("reason", [errno.EROFS, errno.ENOSPC], ids=errno.errorcode.get)
def test_where_a_lock_has_no_place_the_file_has_none_either(tmp_path, monkeypatch, caplog, reason):
    monkeypatch.setattr(files, "FileLock", Refusing(OSError(reason, os.strerror(reason))))
    with pytest.raises(OSError, match=os.strerror(reason)), locked(tmp_path / "file"):
        pass
    assert caplog.messages == []


@pytest.mark.parametrize("make", [a_pipe, a_device, a_link, a_folder])
def test_a_lock_that_is_no_file_is_done_without_and_nothing_is_written_through_it(tmp_path, caplog, make):
    make(tmp_path / ".file.lock")
    with locked(tmp_path / "file"):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    (warnings,) = caplog.messages
    assert "is written without a lock, which cannot be had (" in warnings
    assert make != a_link or (tmp_path / "treasure").read_text() == "of the user's"


@pytest.mark.parametrize("make", [a_pipe, a_device, a_link])
def test_what_is_no_file_is_replaced_by_one_that_is_written_atomically(tmp_path, make):
    make(tmp_path / "file")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").is_file()
    assert not (tmp_path / "file").is_symlink()
    assert make != a_link or (tmp_path / "treasure").read_text() == "of the user's"


@pytest.mark.parametrize(("umask", "rights"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_files_and_locks_have_the_rights_that_the_umask_gives(tmp_path, umask, rights):
    before = os.umask(umask)
    try:
        with locked(tmp_path / "file"):
            write_atomically(tmp_path / "file", b"new")
        with locked(tmp_path / "file"):
            pass
    finally:
        os.umask(before)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {"file": rights, ".file.lock": rights}


def test_where_others_write_in_place_pipes_and_links_are_removed_and_files_stay(tmp_path, caplog):
    folder = tmp_path / "place"
    folder.mkdir()
    for make in (a_pipe, a_device, a_link, a_folder):
        make(folder / make.__name__)
    clear_of_pipes(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a_folder", "treasure"]
    assert (folder / "treasure").read_text() == "of the user's"
    assert len(caplog.messages) == 3
    clear_of_pipes(folder / "nowhere")
