"""A store of two networks and a half-trained one, and what may become of their files."""

import errno
import os
import time

import torch
from no_files import a_device, a_folder, a_link_that_leads_nowhere, a_pipe

from lmc_sweeps.jobs.identities import network_name
from lmc_sweeps.jobs.network_files import NETWORK, Facts, PartialNetwork, StoredNetwork
from lmc_sweeps.jobs.store import Store

IDENTITIES = [
    {
        "dataset": {"name": "digits"},
        "model": {"name": "mlp"},
        "optimizer": {"name": "sgd"},
        "width": 8,
        "depth": 1,
        "seed": 3,
        "network": k,
    }
    for k in range(3)
]
A, B, C = map(network_name, IDENTITIES)
HALF = PartialNetwork({"parameters": {"w": torch.ones(10)}}, 1.0, 1, 1.0)
NETWORK_OF = StoredNetwork({"w": torch.ones(1000)}, Facts(loss_initial=2.3, loss_final=0.125, finite=True), 1.0)


def store_of_three(folder) -> Store:
    """Return a store with the networks A and B, whole, and C, half trained a moment ago."""
    made = Store(folder)
    for k, name in ((0, A), (1, B)):
        made.save(name, IDENTITIES[k], NETWORK_OF)
    made.save_partial(C, IDENTITIES[2], HALF)
    return made


def damage(store, name, suffix=NETWORK):
    """Cut the last byte off a file."""
    path = store.path(name, suffix)
    path.write_bytes(path.read_bytes()[:-1])


def make_old(path, days=1.0):
    """Let a file be some days old."""
    then = time.time() - days * 86_400
    os.utime(path, (then, then), follow_symlinks=False)


def replaced_by(make):
    """Return what puts something that is no file in the place of a file."""

    def replace(path, monkeypatch):
        path.unlink()
        make(path)

    return replace


def refused_for(reason):
    """Return what lets the opening of a file fail: root would be let in."""

    def refuse(path, monkeypatch):
        opened = os.open

        def refusing(requested, *more, **others):
            if str(requested) == str(path):
                raise OSError(reason, os.strerror(reason), str(path))
            return opened(requested, *more, **others)

        monkeypatch.setattr(os, "open", refusing)

    return refuse


A_PIPE, LEADS_NOWHERE = replaced_by(a_pipe), replaced_by(a_link_that_leads_nowhere)
NOT_PERMITTED = refused_for(errno.EACCES)
UNREAD = [
    A_PIPE, replaced_by(a_device), replaced_by(a_folder), LEADS_NOWHERE, NOT_PERMITTED, *map(refused_for, (errno.EIO, errno.ENFILE, errno.ESTALE)),
]  # fmt: skip
