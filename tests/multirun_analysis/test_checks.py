import os

import pytest

from multirun_analysis.checks import InputError, open_file, read_file, user_path


def test_a_regular_file_is_read_whole_and_a_link_to_one_too(tmp_path):
    (tmp_path / "a").write_bytes(b"\x00\r\nx")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_file(tmp_path / "a") == read_file(str(tmp_path / "link"), 4) == b"\x00\r\nx"


def test_a_pipe_does_not_hang_the_reader_and_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is a pipe or a device, not a regular file: .*pipe"):
        open_file(tmp_path / "pipe")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_link_to_a_device_is_refused(tmp_path, device):
    (tmp_path / "record.json").symlink_to(device)
    with pytest.raises(OSError, match="it is a pipe or a device, not a regular file"):
        read_file(tmp_path / "record.json")


def test_a_folder_and_a_file_that_is_not_there_are_told_apart(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none")


def test_a_file_above_the_bound_is_refused_with_its_size(tmp_path):
    (tmp_path / "large").write_bytes(b"12345")
    with pytest.raises(OSError, match="it has 5 bytes, and at most 4 are read"):
        read_file(tmp_path / "large", 4)
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(2**33)
    with pytest.raises(OSError, match="8,589,934,592 bytes"):
        read_file(tmp_path / "sparse")


def test_a_refused_file_is_closed_again(tmp_path):
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    for _ in range(3):
        with pytest.raises(OSError, match="regular file"):
            open_file("/dev/null")
    after = set(os.listdir("/proc/self/fd")) if before else set()
    assert after == before


def test_a_home_is_put_in_place_of_its_sign_and_one_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(user_path("--out", "~/tables")) == "/home/somebody/tables"
    assert str(user_path("--out", "a/~b")) == "a/~b"
    with pytest.raises(InputError, match=r"^`--out` must be a path whose home folder can be told, got '~no_such_user/x'; write it out\.$"):
        user_path("--out", "~no_such_user/x")
