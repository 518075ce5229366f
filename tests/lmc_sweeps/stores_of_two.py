"""A store of two small networks, each whole and half trained, and files that are written by hand."""

import hashlib
import json
from dataclasses import asdict

import torch
from small_tasks import network

from lmc_sweeps.common.tensor_files import packed, words_digest
from lmc_sweeps.jobs.identities import network_name
from lmc_sweeps.jobs.network_files import SIDECAR, PartialNetwork
from lmc_sweeps.jobs.store import Store

IDENTITIES = [{"width": 3, "seed": 0, "network": k} for k in range(2)]
A, B = map(network_name, IDENTITIES)
HALF = PartialNetwork({"parameters": {"w": torch.ones(2, 3)}}, 2.5, 5, 1.5)


def store_of_two(folder) -> Store:
    """Return a store with the networks A and B, whole and half trained."""
    made = Store(folder)
    for k, name in enumerate((A, B)):
        made.save(name, IDENTITIES[k], network(1.0 + k))
        made.save_partial(name, IDENTITIES[k], HALF)
    return made


def exchange(one, other):
    """Give each of two files the name of the other."""
    beside = one.with_name("beside")
    one.rename(beside)
    other.rename(one)
    beside.rename(other)


def write_pair(store, name, identity, parameters):
    """Write a network and a sidecar that fits it, whatever the identity."""
    contents = packed(parameters, "network", {"identity": identity, "facts": asdict(network().facts)})
    words = {"sha256": hashlib.sha256(contents).hexdigest(), "seconds": 1.0, "date": "today"}
    store.path(name).write_bytes(contents)
    store.path(name, SIDECAR).write_text(json.dumps(words | {"check": words_digest(words)}))
