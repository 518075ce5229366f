"""PyTorch's files: the state dict in them, everything else refused with what to do, and no code of theirs run."""

import collections
import io
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
import torch
from network_bytes import TAKEN, TENSORS, assert_tensors, changed, check_refused, members, number, torch_bytes, written, zip_bytes
from safetensors.torch import save
from torch import nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks.files import read_network_file


def prefixed(prefix, tensors=TENSORS):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


LIGHTNING = {
    "epoch": 3,
    "global_step": 7,
    "pytorch-lightning_version": "2.5.0",
    "state_dict": prefixed("model.net."),
    "loops": {"fit_loop": {"state_dict": {}}},
    "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5), "best_model_path": "x.ckpt"}},
    "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(4, 2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}],
    "lr_schedulers": [],
    "hyper_parameters": {"width": 4},
}


TRAINER = {"model_state_dict": TENSORS, "optimizer_state_dict": LIGHTNING["optimizer_states"][0], "loss": torch.tensor(0.1), 1: "one"}


@pytest.mark.parametrize(
    ("value", "tensors", "notes"),
    [
        (TENSORS, TENSORS, ()),
        (collections.OrderedDict(TENSORS), TENSORS, ()),
        ({name: nn.Parameter(tensor) for name, tensor in TENSORS.items()}, TENSORS, ()),
        (TENSORS | {"_extra_state": None, "epoch": 3}, TENSORS, ("left aside: _extra_state, epoch",)),
        (
            LIGHTNING,
            LIGHTNING["state_dict"],
            (
                "the network is that of the key 'state_dict'",
                "left aside: epoch, global_step, pytorch-lightning_version, loops, callbacks, optimizer_states, lr_schedulers, hyper_parameters",
            ),
        ),
        (TRAINER, TENSORS, ("the network is that of the key 'model_state_dict'", "left aside: optimizer_state_dict, loss, 1")),
        (
            {"n_averaged": torch.tensor(4), **prefixed("module.")},
            {"n_averaged": torch.tensor(4), **prefixed("module.")},
            (),
        ),
        ({"net": TENSORS | {"meta": 1}}, TENSORS, ("the network is that of the key 'net'", "left aside: meta")),
    ],
    ids=["state dict", "ordered dict", "parameters", "extras", "Lightning", "trainer", "SWA", "nested extras"],
)
def test_state_dicts_are_found_in_pytorch_files_and_the_rest_is_said(tmp_path, value, tensors, notes):
    network = read_network_file(written(tmp_path, "a.ckpt", torch_bytes(value)))
    assert_tensors(network.tensors, tensors)
    assert (network.has_order, network.notes) == (True, notes)
    assert not any(tensor.requires_grad for tensor in network.tensors.values())


class Marked:
    """Makes a folder when it is unpickled by `pickle`."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def npz_bytes() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros(3))
    return stream.getvalue()


def claiming(size: int) -> bytes:
    """Return a PyTorch file of which the last member claims to have a size."""
    contents = bytearray(torch_bytes({"w": torch.zeros(4, 4)}))
    offset = contents.rindex(b"PK\x01\x02")
    contents[offset + 20 : offset + 28] = struct.pack("<II", size, size)
    return bytes(contents)


REFUSED = {
    "npz": (npz_bytes(), rf"'F' is NumPy's \.npz: save its arrays with safetensors\.numpy\.save_file; {TAKEN}"),
    "Keras": (zip_bytes({"config.json": b"{}", "model.weights.h5": b""}), r"'F' is Keras' \.keras: save its arrays"),
    "zip": (zip_bytes({"a.txt": b"a"}), "'F' is another kind of zip archive"),
    "TorchScript": (zip_bytes({"a/code/x.py": b"", "a/data.pkl": b""}), r"'F' is a TorchScript program\. .*torch\.jit\.load\('F'\)\.state_dict"),
    "module": (
        torch_bytes(nn.Linear(2, 3)),
        r"'F' asks for torch\.nn\.modules\.linear\.Linear when it is loaded .* torch\.save\(torch\.load\('F', weights_only=False\)\.state_dict",
    ),
    "settings": (torch_bytes(LIGHTNING | {"hyper_parameters": io.StringIO()}), r"'F' asks for _?io\.StringIO .*\[\"state_dict\"\] in place of"),
    "tensor": (torch_bytes(torch.ones(3, 3)), r"'F' holds a Tensor, not a state dict: save network\.state_dict\(\)"),
    "list": (torch_bytes([1]), r"'F' holds a list, not a state dict"),
    "nothing": (torch_bytes({}), "'F' holds no state dict, but nothing"),
    "no weights": (torch_bytes({"epoch": 3, "loss": torch.tensor(1.0)}), "'F' holds no state dict, but epoch, loss"),
    "several": (
        torch_bytes({"model": TENSORS, "ema": TENSORS, "step": 1}),
        r"'F' holds several state dicts, model, ema\. .*torch\.load\('F', weights_only=True\)\['model'\], 'state\.pt'\)",
    ),
    "cut PyTorch": (torch_bytes(TENSORS)[:-300], r"'F' is a truncated or damaged file of PyTorch \(.*\)\. Copy it again"),
    "compressed": (
        zip_bytes(members(torch_bytes({"w": torch.zeros(1000, 1000)})), zipfile.ZIP_DEFLATED),
        "'F' is refused: its members are compressed or overlap, which torch.save never does",
    ),
    "a member of 2 GiB": (claiming(2**31), "'F' is refused: its members are compressed or overlap, which torch.save never does"),
    "a storage beyond its bytes": (changed(b"K\x10", number(2**28)), "'F' is (a damaged file of PyTorch|refused: its tensor w claims more)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_read_is_refused_with_what_to_do(tmp_path, monkeypatch, kind):
    check_refused(tmp_path, monkeypatch, *REFUSED[kind])


def test_a_flipped_bit_of_a_weight_in_a_pytorch_file_is_noticed(tmp_path):
    contents = bytearray(torch_bytes({"w": torch.full((4, 4), 1.5)}))
    at = contents.index(struct.pack("<f", 1.5) * 16)
    contents[at + 2] ^= 1
    assert torch.load(io.BytesIO(contents), weights_only=True)["w"][0, 0] != 1.5  # PyTorch itself takes it
    with pytest.raises(InputError, match=r"is damaged: the checksum of its member \w+/data/0 is wrong\. Copy it again"):
        read_network_file(written(tmp_path, "a.pt", bytes(contents)))


@pytest.mark.parametrize("offset", range(0, 46, 2))
def test_any_damage_of_the_directory_of_a_pytorch_file_is_a_sentence_or_harmless(tmp_path, offset):
    contents = bytearray(torch_bytes(TENSORS))
    contents[contents.rindex(b"PK\x01\x02") + offset] ^= 255  # e.g. a version of zip that there is not
    try:
        network = read_network_file(written(tmp_path, "a.pt", bytes(contents)))
    except InputError:
        return
    assert_tensors(network.tensors, TENSORS)


def test_no_code_of_a_file_is_run(tmp_path):
    marker = tmp_path / "it_ran"
    for contents in (torch_bytes({"w": torch.ones(2, 2), "more": Marked(marker)}), pickle.dumps(Marked(marker))):
        with pytest.raises(InputError, match=r"asks for (posix|nt)\.mkdir when it is loaded|is a pickle, which can run code"):
            read_network_file(written(tmp_path, "F", contents))
    assert not marker.exists()


@pytest.mark.parametrize(("release", "is_read"), [("2.9.1+cu121", False), ("2.10.0", True), ("2.13.0+cpu", True), ("3.0a1", True)])
def test_pytorch_files_are_read_from_the_release_that_mended_its_reader(tmp_path, monkeypatch, release, is_read):
    monkeypatch.setattr(torch, "__version__", release)
    path = written(tmp_path, "a.pt", torch_bytes(TENSORS))
    if is_read:
        assert_tensors(read_network_file(path).tensors, TENSORS)
    else:
        with pytest.raises(
            InputError,
            match=rf"is not read with torch {re.escape(release)}, in which .* \(CVE-2025-32434, CVE-2026-24747\): install torch 2\.10",
        ):
            read_network_file(path)
    assert read_network_file(written(tmp_path, "a.safetensors", save(TENSORS))).notes == ()
