"""The store of trained networks: equal bytes for equal networks, damage noticed, nothing left behind by an interrupted save."""

import logging
import os
import re
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from small_tasks import network

from lmc_sweeps.common import files as files_module
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.identities import network_name
from lmc_sweeps.jobs.network_files import StoredNetwork
from lmc_sweeps.jobs.store import Store

IDENTITY = {"width": 3, "seed": 0, "optimizer": {"name": "sgd"}}
NAME = network_name(IDENTITY)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path) -> Store:
    folder_store = Store(tmp_path)
    folder_store.save(NAME, IDENTITY, network())
    return folder_store


def test_what_was_saved_is_found_with_its_facts_and_its_seconds(store, caplog):
    stored = store.find(NAME)
    assert (stored.facts, stored.seconds) == (network().facts, 2.5)
    assert set(stored.parameters) == {"b.weight", "a.bias"}
    for name, tensor in network().parameters.items():
        assert torch.equal(stored.parameters[name], tensor)
    assert caplog.records == []


def test_a_network_lies_in_a_folder_named_by_its_first_two_digits_with_its_sidecar(store, tmp_path):
    assert files(tmp_path) == [f"{NAME[:2]}/{NAME}.json", f"{NAME[:2]}/{NAME}.safetensors"]
    assert store.path(NAME) == tmp_path / NAME[:2] / f"{NAME}.safetensors"


def test_equal_networks_are_equal_bytes_whatever_the_run_and_the_order_of_words(store, tmp_path):
    other = Store(tmp_path / "other")
    turned = StoredNetwork(dict(reversed(network().parameters.items())), network().facts, 99.0)
    other.save(NAME, dict(reversed(IDENTITY.items())), turned)
    assert other.path(NAME).read_bytes() == store.path(NAME).read_bytes()
    assert other.find(NAME).seconds == 99.0


def test_a_slice_of_a_stack_is_stored_alone(store, tmp_path):
    stack = torch.arange(1000.0).view(100, 10)
    name = network_name({"width": 10})
    store.save(name, {"width": 10}, StoredNetwork({"weight": stack[7], "turned": stack[:3].T}, network().facts, 0.0))
    parameters = store.find(name).parameters
    assert torch.equal(parameters["weight"], stack[7])
    assert torch.equal(parameters["turned"], stack[:3].T)
    assert store.path(name).stat().st_size < 1000  # 40 numbers of 4 bytes and a header, not the stack of 1,000


def test_a_network_that_is_not_there_is_not_found_and_nothing_is_said(store, caplog):
    assert store.find("f" * 16) is None
    assert caplog.records == []


def assert_unusable(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    assert store.find(NAME) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    path = re.escape(str(store.path(NAME)))
    assert re.fullmatch(rf"the stored network {path} is not usable \(.+\); it will be trained again\.", caplog.records[0].getMessage())


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_file_cut_anywhere_is_noticed(store, caplog, suffix):
    path = store.path(NAME).with_suffix(suffix)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert_unusable(store, caplog)
    path.write_bytes(whole)
    assert store.find(NAME) is not None


def test_a_flipped_bit_anywhere_in_the_network_is_noticed(store, caplog):
    path = store.path(NAME)
    whole = path.read_bytes()
    for byte in range(len(whole)):
        broken = bytearray(whole)
        broken[byte] ^= 1 << byte % 8
        path.write_bytes(broken)
        assert_unusable(store, caplog)


def test_a_flipped_bit_anywhere_in_the_sidecar_is_noticed(store, caplog):
    path = store.path(NAME).with_suffix(".json")
    whole = path.read_bytes()
    for byte in range(len(whole)):
        broken = bytearray(whole)
        broken[byte] ^= 1 << byte % 8
        path.write_bytes(broken)
        assert_unusable(store, caplog)


@pytest.mark.parametrize("contents", ["[]", "null", "[" * 100_000, '{"seconds": 1}', '{"sha256": "0", "seconds": 1}'])
def test_a_sidecar_of_another_kind_is_noticed(store, caplog, contents):
    store.path(NAME).with_suffix(".json").write_text(contents)
    assert_unusable(store, caplog)


def test_a_missing_sidecar_is_noticed(store, caplog):
    store.path(NAME).with_suffix(".json").unlink()
    assert_unusable(store, caplog)


def test_a_damaged_network_can_be_saved_again(store):
    store.path(NAME).write_bytes(b"")
    store.save(NAME, IDENTITY, network(2.0))
    assert torch.equal(store.find(NAME).parameters["b.weight"], network(2.0).parameters["b.weight"])


def test_a_null_store_keeps_nothing_and_finds_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    null = Store(None)
    null.save(NAME, IDENTITY, network())
    assert null.find(NAME) is None
    assert files(tmp_path) == []
    with pytest.raises(
        InputError, match=r"`store\.dir` is null, so trained networks are not kept; set it to a folder to load them again\."
    ):
        null.path(NAME)


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_save_leaves_no_network_and_no_temporary_file(tmp_path, monkeypatch, caplog, call, error):
    # A save renames twice, the sidecar and then the network; whichever is cut off, the network does not count as kept.
    calls = []
    replace = os.replace

    def cut_off(source, target):
        calls.append(target)
        if len(calls) == call:
            raise error
        replace(source, target)

    monkeypatch.setattr(files_module.os, "replace", cut_off)
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt) if isinstance(error, KeyboardInterrupt) else nullcontext():
        store.save(NAME, IDENTITY, network())  # what cannot be kept costs the next run its time, not this one its result
    if isinstance(error, OSError):
        assert "cannot be kept in the store" in caplog.text
    assert [name for name in files(tmp_path) if not name.endswith(f"{NAME}.json")] == []
    assert not any(path.name.startswith(".") for path in tmp_path.rglob("*"))
    assert store.find(NAME) is None
    monkeypatch.undo()
    store.save(NAME, IDENTITY, network())
    assert store.find(NAME) is not None
