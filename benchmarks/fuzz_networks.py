"""The readers of networks, of the store and of others, and of permutations."""

import contextlib
import hashlib
import io
import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from benchmarks import mutating
from benchmarks.fuzz_base import Reader, unless, write
from benchmarks.records import METHODS
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.tensor_files import words_digest
from lmc_sweeps.jobs import permutation_files
from lmc_sweeps.jobs.identities import network_name
from lmc_sweeps.jobs.network_files import NETWORK, PARTIAL, SIDECAR, PartialNetwork
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.own_networks.files import read_network_file
from multirun_analysis.schema import PERMUTATIONS

IDENTITY = {"width": 4, "seed": 0}
NAME = network_name(IDENTITY)  # of a network


@cache
def _networks() -> list[bytes]:
    tensors = {"0.weight": torch.arange(8.0).reshape(4, 2), "0.bias": torch.zeros(4), "2.weight": torch.ones(3, 4)}
    network = json.dumps({"identity": IDENTITY, "facts": {"finite": True, "loss_initial": 1.5, "loss_final": 0.5}})
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.save_partial(
            NAME,
            IDENTITY,
            PartialNetwork({"parameters": tensors, "moment": {name: 2 * tensor for name, tensor in tensors.items()}}, 1.0, 7, 1.5),
        )
        return [save(tensors, {"network": network}), store.path(NAME, PARTIAL).read_bytes()]


def _pytorch_files() -> list[bytes]:
    tensors = {"0.weight": torch.arange(8.0).reshape(4, 2), "0.bias": torch.zeros(4), "2.weight": torch.ones(3, 4)}
    files = []
    for held in (tensors, {"epoch": 3, "state_dict": tensors}):
        stream = io.BytesIO()
        torch.save(held, stream)
        files.append(stream.getvalue())
    return files


def _in_store(folder: Path, suffix: str, contents: bytes) -> Store:
    store = Store(folder / "store")
    store.path(NAME).parent.mkdir(parents=True, exist_ok=True)
    write(store.path(NAME, suffix), contents)
    return store


def _find_network(path: Path) -> bool:
    """Find a damaged network whose sidecar says that it is not."""
    contents = path.read_bytes()
    words = {"sha256": hashlib.sha256(contents).hexdigest(), "seconds": 1.0}
    _in_store(path.parent, SIDECAR, json.dumps(words | {"check": words_digest(words)}).encode())
    return _in_store(path.parent, NETWORK, contents).find(NAME) is not None


def _sidecars() -> list[bytes]:
    words = {"sha256": hashlib.sha256(_networks()[0]).hexdigest(), "seconds": 1.0, "date": "today"}
    return [json.dumps(words | {"check": words_digest(words)}).encode()]


def _find_beside(path: Path) -> bool:
    """Find a network with a damaged sidecar whose digest, where it has a place for one, is right."""
    contents = path.read_bytes()
    with contextlib.suppress(Exception):
        words = json.loads(contents)
        del words["check"]
        contents = json.dumps(words | {"check": words_digest(words)}).encode()
    _in_store(path.parent, NETWORK, _networks()[0])
    return _in_store(path.parent, SIDECAR, contents).find(NAME) is not None


def _find_partial(path: Path) -> bool:
    return _in_store(path.parent, PARTIAL, path.read_bytes()).find_partial(NAME) is not None


def _permutations() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        maps = {f"a.b.{method}.w0": {"hidden_1": np.array([2, 0, 1, 3]), "hidden_2": np.arange(4)} for method in METHODS[:2]}
        permutation_files.write_permutations(Path(folder), maps)
        return [(Path(folder) / PERMUTATIONS).read_bytes()]


READERS = {
    "network of the store": Reader("network", 10_000, _networks, mutating.by_safetensors, _find_network),
    "sidecar of a network": Reader("sidecar", 6000, _sidecars, mutating.by_json, _find_beside),
    "half-trained network": Reader("network", 8000, lambda: _networks()[::-1], mutating.by_safetensors, _find_partial),
    "network to compare": Reader("network", 10_000, _networks, mutating.by_safetensors, unless(read_network_file, InputError)),
    "PyTorch file to compare": Reader("network", 6000, _pytorch_files, mutating.by_zip, unless(read_network_file, InputError)),
    "permutations.npz": Reader(
        PERMUTATIONS, 10_000, _permutations, mutating.by_zip, lambda path: bool(permutation_files.read_permutations(path.parent, {}))
    ),
}
