"""Files of networks: every format that is read, every other one refused with what to do, and nothing in them run or believed."""

import collections
import io
import json
import os
import pickle
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks import files
from lmc_sweeps.own_networks.files import MOST_BYTES, read_network_file

TENSORS = {"0.weight": torch.arange(8.0).reshape(4, 2), "0.bias": torch.zeros(4), "2.weight": torch.ones(3, 4)}


def torch_bytes(value, **options) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def prefixed(prefix, tensors=TENSORS):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def written(folder, name, contents):
    (folder / name).write_bytes(contents)
    return folder / name


def assert_tensors(tensors, expected):
    assert list(tensors) == list(expected)
    for name, tensor in expected.items():
        assert torch.equal(tensors[name], tensor)


@pytest.mark.parametrize("suffix", [".safetensors", "", ".bin"])
def test_a_safetensors_file_is_read_under_any_name(tmp_path, suffix):
    network = read_network_file(written(tmp_path, f"a{suffix}", save(TENSORS)))
    assert_tensors({name: network.tensors[name] for name in TENSORS}, TENSORS)
    assert (network.has_order, network.notes) == (False, ())


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


def zip_bytes(members, compression=zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return stream.getvalue()


def members(contents: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(before: bytes, after: bytes, contents=None) -> bytes:
    """Return a PyTorch file with a change in what it says of its tensors."""
    parts = members(contents or torch_bytes({"w": torch.zeros(4, 4)}))
    name = next(name for name in parts if name.endswith("data.pkl"))
    assert before in parts[name]
    return zip_bytes(parts | {name: parts[name].replace(before, after, 1)})


def claiming(size: int) -> bytes:
    """Return a PyTorch file of which the last member claims to have a size."""
    contents = bytearray(torch_bytes({"w": torch.zeros(4, 4)}))
    offset = contents.rindex(b"PK\x01\x02")
    contents[offset + 20 : offset + 28] = struct.pack("<II", size, size)
    return bytes(contents)


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


TAKEN = re.escape("lmc_sweeps reads safetensors files and PyTorch's state dicts and checkpoints (.pt, .pth, .ckpt, .bin).")
REFUSED = {
    "empty": (b"", r"'F' is empty: it has 0 bytes\."),
    "LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n",
        rf"'F' is a pointer of Git LFS in place of the file: fetch the file itself with `git lfs pull`; {TAKEN}",
    ),
    "annex pointer": (b"/annex/objects/SHA256E-s5--1", "fetch the file itself with `git annex get`"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "'F' is an HDF5 file, as Keras writes them: save its kernels and biases with safetensors"),
    "array": (b"\x93NUMPY\x01\x00", "'F' is an array of NumPy: save all arrays of the network with safetensors"),
    "npz": (npz_bytes(), rf"'F' is NumPy's \.npz: save its arrays with safetensors\.numpy\.save_file; {TAKEN}"),
    "Keras": (zip_bytes({"config.json": b"{}", "model.weights.h5": b""}), r"'F' is Keras' \.keras: save its arrays"),
    "zip": (zip_bytes({"a.txt": b"a"}), "'F' is another kind of zip archive"),
    "TorchScript": (zip_bytes({"a/code/x.py": b"", "a/data.pkl": b""}), r"'F' is a TorchScript program\. .*torch\.jit\.load\('F'\)\.state_dict"),
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
    "sparse": (torch_bytes({"w": torch.eye(3).to_sparse()}), "'F' is refused: its tensor w is sparse; save plain numbers"),
    "meta": (torch_bytes({"w": torch.empty(3, 3, device="meta")}), "'F' is refused: its tensor w is without contents"),
    "cut safetensors": (save(TENSORS)[:-3], r"'F' is not a whole safetensors file \(.*\): truncated or damaged\? Copy it again"),
    "cut header": (save(TENSORS)[:60], "'F' is not a whole safetensors file"),
    "cut PyTorch": (torch_bytes(TENSORS)[:-300], r"'F' is a truncated or damaged file of PyTorch \(.*\)\. Copy it again"),
    "compressed": (
        zip_bytes(members(torch_bytes({"w": torch.zeros(1000, 1000)})), zipfile.ZIP_DEFLATED),
        "'F' is refused: its members are compressed or overlap, which torch.save never does",
    ),
    "a member of 2 GiB": (claiming(2**31), "'F' is refused: its members are compressed or overlap, which torch.save never does"),
    "a matrix of one number": (
        changed(b"K\x04K\x04\x86q\x08K\x04K\x01\x86", number(2**20) + number(2**20) + b"\x86q\x08K\x00K\x00\x86"),
        "'F' is refused: its tensor w claims more numbers than the file can hold",
    ),
    "a storage beyond its bytes": (changed(b"K\x10", number(2**28)), "'F' is (a damaged file of PyTorch|refused: its tensor w claims more)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_read_is_refused_with_what_to_do(tmp_path, monkeypatch, kind):
    contents, message = REFUSED[kind]
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "F", contents)
    with pytest.raises(InputError, match=message):
        read_network_file("F")


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


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")  # newer releases are to do without
def test_quantised_tensors_are_refused(tmp_path):
    contents = torch_bytes({"w": torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8)})
    with pytest.raises(InputError, match="its tensor w is quantised; save plain numbers"):
        read_network_file(written(tmp_path, "F", contents))


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


def test_a_home_folder_is_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path, "a.pt", torch_bytes(TENSORS))
    assert_tensors(read_network_file("~/a.pt").tensors, TENSORS)


SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = {"metadata": {"total_size": 1}, "weight_map": {"0.weight": SHARDS[0], "0.bias": SHARDS[0], "2.weight": SHARDS[1]}}


@pytest.fixture
def sharded(tmp_path):
    save_file({name: TENSORS[name] for name in ("0.weight", "0.bias")}, tmp_path / SHARDS[0])
    save_file({"2.weight": TENSORS["2.weight"]}, tmp_path / SHARDS[1])
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(INDEX))
    return tmp_path


@pytest.mark.parametrize("name", [*SHARDS, "model.safetensors.index.json"])
def test_all_shards_of_a_network_are_read_whichever_is_named(sharded, name):
    network = read_network_file(sharded / name)
    assert_tensors({key: network.tensors[key] for key in TENSORS}, TENSORS)
    assert network.notes == (f"read together: {', '.join(SHARDS)}",)


def test_shards_of_pytorch_are_read_in_their_order(tmp_path):
    for k, name in enumerate(["0.weight", "2.weight"], start=1):
        written(tmp_path, f"pytorch_model-0000{k}-of-00002.bin", torch_bytes({name: TENSORS[name]}))
    network = read_network_file(tmp_path / "pytorch_model-00002-of-00002.bin")
    assert (list(network.tensors), network.has_order) == (["0.weight", "2.weight"], True)


def test_a_pipe_in_place_of_a_shard_is_named_and_not_waited_for(sharded):
    (sharded / SHARDS[1]).unlink()
    os.mkfifo(sharded / SHARDS[1])
    with pytest.raises(InputError, match=rf"{SHARDS[1]}' cannot be read: it is a pipe or a device, not a regular file"):
        read_network_file(sharded / SHARDS[0])


def test_shards_that_are_missing_or_do_not_fit_are_named(sharded):
    index = sharded / "model.safetensors.index.json"
    save_file({"2.bias": torch.zeros(3)}, sharded / SHARDS[1])
    with pytest.raises(InputError, match=rf"does not fit '{SHARDS[1]}', which lacks or repeats 2\.weight\."):
        read_network_file(index)
    save_file({"0.bias": torch.zeros(4), "2.weight": torch.ones(3, 4)}, sharded / SHARDS[1])
    with pytest.raises(InputError, match=rf"does not fit '{SHARDS[1]}', which lacks or repeats 0\.bias\."):
        read_network_file(sharded / SHARDS[0])
    (sharded / SHARDS[1]).unlink()
    for path in (index, sharded / SHARDS[0]):
        with pytest.raises(InputError, match=rf"is one network with {SHARDS[0]}, {SHARDS[1]}, and beside it {SHARDS[1]} cannot be found"):
            read_network_file(path)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("[]", "is not an index of shards, with a `weight_map` from tensors to files"),
        ("{}", "is not an index of shards"),
        ('{"weight_map": {"a": 3}}', "is not an index of shards"),
        ('{"weight_map": {"a": ""}}', "its shard  is not a file beside it"),
        ('{"weight_map": {}}', "is refused: it asks for 0 shards; at least 1 and at most 1,000 are read"),
        ('{"weight_map": {"a": "../secret"}}', r"its shard \.\./secret is not a file beside it"),
        ("[" * 100_000, "is not an index of shards"),
        (json.dumps({"weight_map": {str(k): str(k) for k in range(1001)}}), "it asks for 1,001 shards"),
    ],
)  # fmt: skip
def test_an_index_that_is_none_is_refused(tmp_path, contents, message):
    (tmp_path / "a.index.json").write_text(contents)
    with pytest.raises(InputError, match=message):
        read_network_file(tmp_path / "a.index.json")


def test_a_claim_of_many_shards_is_refused_unread(tmp_path):
    path = written(tmp_path, "a-00001-of-99999.safetensors", save(TENSORS))
    with pytest.raises(InputError, match="it asks for 99,999 shards; at least 1 and at most 1,000 are read"):
        read_network_file(path)


def test_tensors_that_share_their_numbers_many_times_are_refused_before_memory_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 2**20)
    shared = torch.zeros(200, 200)
    path = written(tmp_path, "a.pt", torch_bytes({f"{k}.weight": shared for k in range(10)}))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"its tensor 6\.weight claims more numbers than the file can hold"):
            read_network_file(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**21


def test_names_of_a_file_reach_no_terminal_raw(tmp_path):
    path = written(tmp_path, "a.pt", torch_bytes({"a\x1b]52;c;eA==\x07": TENSORS, "b": TENSORS}))
    with pytest.raises(InputError) as caught:
        read_network_file(path)
    assert "\x1b" not in str(caught.value)
