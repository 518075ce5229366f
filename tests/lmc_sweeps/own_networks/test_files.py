"""Files of networks: read under any name, whole or in shards, and refused where they claim more than they have."""

import json
import os
import tracemalloc

import pytest
import torch
from network_bytes import TENSORS, assert_tensors, changed, check_refused, number, torch_bytes, written
from safetensors.torch import save, save_file

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks import files
from lmc_sweeps.own_networks.files import read_network_file


@pytest.mark.parametrize("suffix", [".safetensors", "", ".bin"])
def test_a_safetensors_file_is_read_under_any_name(tmp_path, suffix):
    network = read_network_file(written(tmp_path, f"a{suffix}", save(TENSORS)))
    assert_tensors({name: network.tensors[name] for name in TENSORS}, TENSORS)
    assert (network.has_order, network.notes) == (False, ())


REFUSED = {
    "empty": (b"", r"'F' is empty: it has 0 bytes\."),
    "sparse": (torch_bytes({"w": torch.eye(3).to_sparse()}), "'F' is refused: its tensor w is sparse; save plain numbers"),
    "meta": (torch_bytes({"w": torch.empty(3, 3, device="meta")}), "'F' is refused: its tensor w is without contents"),
    "cut safetensors": (save(TENSORS)[:-3], r"'F' is not a whole safetensors file \(.*\): truncated or damaged\? Copy it again"),
    "cut header": (save(TENSORS)[:60], "'F' is not a whole safetensors file"),
    "a matrix of one number": (
        changed(b"K\x04K\x04\x86q\x08K\x04K\x01\x86", number(2**20) + number(2**20) + b"\x86q\x08K\x00K\x00\x86"),
        "'F' is refused: its tensor w claims more numbers than the file can hold",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_without_plain_numbers_is_refused_with_what_to_do(tmp_path, monkeypatch, kind):
    check_refused(tmp_path, monkeypatch, *REFUSED[kind])


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")  # newer releases are to do without
def test_quantised_tensors_are_refused(tmp_path):
    contents = torch_bytes({"w": torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8)})
    with pytest.raises(InputError, match="its tensor w is quantised; save plain numbers"):
        read_network_file(written(tmp_path, "F", contents))


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
