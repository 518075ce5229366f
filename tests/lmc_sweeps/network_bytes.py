"""Files of networks that others trained: their tensors, their bytes, and what was read of them."""

import io
import re
import struct
import zipfile

import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks.files import read_network_file

TAKEN = re.escape("lmc_sweeps reads safetensors files and PyTorch's state dicts and checkpoints (.pt, .pth, .ckpt, .bin).")
TENSORS = {"0.weight": torch.arange(8.0).reshape(4, 2), "0.bias": torch.zeros(4), "2.weight": torch.ones(3, 4)}


def torch_bytes(value, **options) -> bytes:
    """Return what `torch.save` writes."""
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def written(folder, name, contents):
    """Write a file and return its path."""
    (folder / name).write_bytes(contents)
    return folder / name


def assert_tensors(tensors, expected):
    assert list(tensors) == list(expected)
    for name, tensor in expected.items():
        assert torch.equal(tensors[name], tensor)


def zip_bytes(members, compression=zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return stream.getvalue()


def members(contents: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def check_refused(folder, monkeypatch, contents, message):
    """Assert that a file F of these contents is refused with a message."""
    monkeypatch.chdir(folder)
    written(folder, "F", contents)
    with pytest.raises(InputError, match=message):
        read_network_file("F")


def changed(before: bytes, after: bytes, contents=None) -> bytes:
    """Return a PyTorch file with a change in what it says of its tensors."""
    parts = members(contents or torch_bytes({"w": torch.zeros(4, 4)}))
    name = next(name for name in parts if name.endswith("data.pkl"))
    assert before in parts[name]
    return zip_bytes(parts | {name: parts[name].replace(before, after, 1)})


def number(value: int) -> bytes:
    """Return a pickled integer of four bytes."""
    return b"J" + struct.pack("<i", value)
