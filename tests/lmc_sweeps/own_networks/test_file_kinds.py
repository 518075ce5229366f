"""Files and folders that are no networks: each is named for what it is, with what to do."""

import os
import pickle

import pytest
from network_bytes import TAKEN, TENSORS, check_refused, torch_bytes, written

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks.files import MOST_BYTES, read_network_file

REFUSED = {
    "LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n",
        rf"'F' is a pointer of Git LFS in place of the file: fetch the file itself with `git lfs pull`; {TAKEN}",
    ),
    "annex pointer": (b"/annex/objects/SHA256E-s5--1", "fetch the file itself with `git annex get`"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "'F' is an HDF5 file, as Keras writes them: save its kernels and biases with safetensors"),
    "array": (b"\x93NUMPY\x01\x00", "'F' is an array of NumPy: save all arrays of the network with safetensors"),
    "gzip": (b"\x1f\x8b\x08\x00", "'F' is compressed with gzip: unpack it first"),
    "tar": (bytes(257) + b"ustar\x00" + bytes(249), "'F' is a tar archive: unpack it first"),
    "GGUF": (b"GGUF\x03", "'F' is a GGUF file: save the network's state dict"),
    "page": (b"<!DOCTYPE html><title>Log in</title>", "'F' is a web page or another text with tags: download the file itself"),
    "words": (b"no network\x1b[2J", rf"'F' is not a network file that lmc_sweeps reads: it begins with 'no network.x1b\[2J'; {TAKEN}"),
    "pickle": (pickle.dumps({"w": 1}), "'F' is a pickle, which can run code: save its state dict"),
    "before 1.6": (
        torch_bytes(TENSORS, _use_new_zipfile_serialization=False),
        r"'F' is in PyTorch's format before 1\.6: write it again: torch\.save\(torch\.load\(FILE, weights_only=True\), 'state\.pt'\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_of_another_kind_is_named_with_what_to_do(tmp_path, monkeypatch, kind):
    check_refused(tmp_path, monkeypatch, *REFUSED[kind])


def test_paths_that_are_no_files_are_sentences(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "lost").symlink_to("nowhere")
    for name in ("empty", "models", "job", "distributed"):
        (tmp_path / name).mkdir()
    written(tmp_path / "models", "b.pt", b"")
    written(tmp_path / "models", "a.safetensors", b"")
    written(tmp_path / "models", "notes.txt", b"")
    written(tmp_path / "job", "record.json", b"{}")
    written(tmp_path / "distributed", "__0_0.distcp", b"")
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)  # a hole, which takes no room
    for name, message in {
        "nowhere": r"there is no file 'nowhere'\.",
        "lost": r"there is no file 'lost'\.",
        "pipe": "'pipe' cannot be read: it is a pipe or a device, not a regular file",
        "link": "'link' cannot be read: it is a pipe or a device, not a regular file",
        "large": "'large' cannot be read: it has 4,294,967,297 bytes, and at most 4,294,967,296 are read",
        "models": r"'models' is a folder; name the file of the network in it: a\.safetensors, b\.pt\.",
        "empty": rf"'empty' is a folder; name the file of the network in it \({TAKEN[:-2]}\)\.",
        "job": r"'job' is the folder of a job, which holds no networks: lmc_sweeps\.load_networks\('job'\) in Python",
        "distributed": r"'distributed' is a distributed checkpoint; .*dcp_to_torch_save\('distributed', 'state\.pt'\)",
        "~nobody_of_this_name/a.pt": "must be a path whose home folder can be told, got '~nobody_of_this_name/a.pt'",
        "a\0b": "'a.x00b' cannot be read: ",
    }.items():
        with pytest.raises(InputError, match=message):
            read_network_file(name)
