"""``lmc-sweeps-store``: what is there, whether it is whole, and making room."""

import os
import time

import pytest
import torch

from lmc_sweeps.checkpoints import PartialNetwork, Store, StoredNetwork
from lmc_sweeps.store_cli import main

IDENTITY = {
    "dataset": {"name": "digits"},
    "model": {"name": "mlp"},
    "optimizer": {"name": "sgd"},
    "width": 8,
    "depth": 1,
    "seed": 3,
    "network": 0,
}


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "store")
    for name in ("aa11", "bb22"):
        found.save(name, IDENTITY, StoredNetwork({"w": torch.ones(1000)}, {"finite": True}, 1.0))
    found.save_partial("cc33", PartialNetwork({"parameters": {"w": torch.ones(10)}}, {}, 1, 1.0))
    return found


def damage(store, name):
    path = store.path(name)
    path.write_bytes(path.read_bytes()[:-1])


def test_the_list_names_every_network_with_its_size_and_the_sum(store, capsys):
    main(["list", "--dir", str(store.folder)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["aa11", "bb22"]
    assert "digits, mlp, width 8, depth 1, seed 3, network 0, sgd" in lines[0]
    assert lines[2].startswith("2 networks, 0.0 MB; 1 half trained")


def test_a_damaged_network_is_found_and_pruned_with_half_trained_ones(store, capsys):
    main(["verify", "--dir", str(store.folder)])
    assert "2 networks are whole, 0 are damaged" in capsys.readouterr().out
    damage(store, "bb22")
    with pytest.raises(SystemExit) as stopped:
        main(["verify", "--dir", str(store.folder)])
    assert stopped.value.code == 1
    assert f"damaged: {store.path('bb22')}" in capsys.readouterr().out
    main(["prune", "--dir", str(store.folder)])
    assert (store.folder / "cc" / "cc33.partial").is_file()  # kept a moment ago: it may be in training
    old = time.time() - 2 * 3600
    os.utime(store.folder / "cc" / "cc33.partial", (old, old))
    main(["prune", "--dir", str(store.folder)])
    assert sorted(path.name for path in store.folder.rglob("*") if path.is_file()) == ["aa11.json", "aa11.safetensors"]


def test_old_networks_go_only_when_that_is_asked_for(store):
    old = time.time() - 10 * 86_400
    os.utime(store.path("aa11"), (old, old))
    main(["prune", "--dir", str(store.folder)])
    assert list(store.names()) == ["aa11", "bb22"]
    main(["prune", "--dir", str(store.folder), "--older-than", "5"])
    assert list(store.names()) == ["bb22"]


@pytest.mark.parametrize("arguments", [["prune", "--older-than", "-1"], ["list", "--older-than", "3"]])
def test_an_age_that_makes_no_sense_is_refused(store, arguments):
    with pytest.raises(SystemExit, match="`--older-than` goes with prune and must be at least 0, got"):
        main([*arguments, "--dir", str(store.folder)])


def test_no_store_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("LMC_SWEEPS_STORE", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="there is no store at '.*nowhere'"):
        main(["list"])
