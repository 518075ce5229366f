"""The store: trained networks kept by name, one safetensors file each, written and renamed."""

import logging
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from lmc_sweeps.common.checks import UNREADABLE, InputError
from lmc_sweeps.common.files import sync_folder, write_atomically
from lmc_sweeps.common.tensor_files import tensors_digest
from lmc_sweeps.jobs.network_files import (
    DAMAGED,
    NETWORK,
    PARTIAL,
    SIDECAR,
    PartialNetwork,
    StoredNetwork,
    has_epochs,
    is_open,
    joined,
    packed_network,
    packed_partial,
    read_curve,
    read_network,
    read_partial,
    sidecar_of,
)
from multirun_analysis.checks import read_file

log = logging.getLogger(__name__)
ABSENT = (FileNotFoundError, NotADirectoryError)
NOT_KEPT = "trained networks cannot be kept in the store %s, so the next sweep trains them again: %s"
PARTIAL_NOT_KEPT = "half-trained networks cannot be kept in the store %s, so a kill costs their training: %s"
NOT_READ = "networks of the store %s cannot be read: they are trained here, what lies there is left as it is, and these are not kept: %s"


@dataclass(frozen=True)
class Store:
    """A folder of trained networks; with `folder` None nothing is kept and nothing is found.

    A network's name is the digest of the identity that stands in its file: a file that was copied or moved to another name is no network
    of that name.
    """

    folder: Path | None

    def path(self, name: str, suffix: str = NETWORK) -> Path:
        """Return where the network of that name lies."""
        if self.folder is None:
            raise InputError("`store.dir` is null, so trained networks are not kept; set it to a folder to load them again.")
        return self.folder / name[:2] / f"{name}{suffix}"

    def names(self) -> Iterator[str]:
        """Yield the names under which networks lie in the folder, sorted."""
        if self.folder is not None:
            yield from sorted(path.name.removesuffix(NETWORK) for path in self.folder.glob(f"??/*{NETWORK}"))

    def holds(self, name: str, epochs: Collection[int] = ()) -> bool:
        """Return whether a network is there and can be opened, without reading it, with a training curve that has these epochs."""
        if self.folder is None or not is_open(self.path(name)):
            return False
        return not epochs or has_epochs(read_curve(self.path(name)), epochs)

    def find(self, name: str, template: Mapping[str, Tensor] | None = None) -> StoredNetwork | None:
        """Return a stored network; None if it is not there or, which is said in the log, cannot be read or is not what was written.

        Parameters
        ----------
        name : str
        template : mapping of str to Tensor, optional
            The network's tensors without their values: names, shapes and types that the stored ones must have, in the order in which they
            are returned.
        """
        if self.folder is None:
            return None
        path = self.path(name)
        try:
            return read_network(path, template)
        except ABSENT:
            return None
        except OSError as error:
            self._warn(NOT_READ, error)
        except DAMAGED as error:
            log.warning("the stored network %s is not usable (%s); it will be trained again.", path, error)
        return None

    def save(self, name: str, identity: Mapping[str, Any], network: StoredNetwork) -> None:
        """Keep a network under its name; equal networks give equal bytes, and what depends on the run goes to the sidecar.

        A network that is there and whole stays, and one that cannot be read, another user's say, is left as it is. To one that was there
        without the training curve of this one, equal to the last bit, its sidecar is written anew with it. A folder that cannot be
        written costs the next run its time, not this one its result. All that is lost is said in the log.
        """
        if self.folder is None:
            return
        path = self.path(name)
        try:
            present = self._present(path, network)
            if present is not None:
                _add_curve(path, present, network)
            else:
                contents = packed_network(identity, network)
                # The sidecar first: a kill between the two leaves no network, or the damaged one that was there, but never a whole one
                # without its sidecar.
                write_atomically(path.with_suffix(SIDECAR), sidecar_of(contents, network.seconds, network.curve))
                write_atomically(path, contents)
                sync_folder(path.parent)
            self.path(name, PARTIAL).unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            self._warn(NOT_KEPT, error)

    def _present(self, path: Path, network: StoredNetwork) -> StoredNetwork | None:
        """Return the whole network that lies there, if there is one; what nobody here can tell to be less counts as the one at hand."""
        try:
            return read_network(path, network.parameters)
        except ABSENT:
            return None
        except OSError as error:
            self._warn(NOT_READ, error)
        except DAMAGED:
            return None
        return network

    def _warn(self, sentence: str, error: Exception) -> None:
        """Say once what is true of every network of a sweep; reasons that name a file are told apart by their kind only."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reasons = _reasons_logged(Path(str(self.folder)), sentence, os.getpid())
        if reason not in reasons:
            reasons.add(reason)
            log.warning(sentence, self.folder, error)

    def save_partial(self, name: str, identity: Mapping[str, Any], network: PartialNetwork) -> None:
        """Keep a network in the middle of its training, in place of what was kept of it before, unless that cannot be read."""
        if self.folder is None:
            return
        path = self.path(name, PARTIAL)
        try:
            if not path.exists() or is_open(path):
                write_atomically(path, packed_partial(identity, network))
                sync_folder(path.parent)
        except (OSError, SafetensorError) as error:
            self._warn(PARTIAL_NOT_KEPT, error)

    def find_partial(self, name: str) -> PartialNetwork | None:
        """Return a network in the middle of its training; None if none was kept or, which is said in the log, it is not usable."""
        if self.folder is None:
            return None
        path = self.path(name, PARTIAL)
        try:
            return read_partial(path)
        except ABSENT:
            return None
        except (*UNREADABLE, SafetensorError) as error:
            log.warning("the half-trained network %s is not usable (%s); it will be trained from the start.", path, error)
            return None


def _add_curve(path: Path, present: StoredNetwork, network: StoredNetwork) -> None:
    """Put the training curve of a network that was trained again beside the one that is there, if the two are one."""
    if has_epochs(present.curve, [point.epoch for point in network.curve]):
        return
    if tensors_digest(present.parameters, {}) != tensors_digest(network.parameters, {}):
        log.warning(
            "trained again for its training curve, %s has other weights than the stored network, which stays without it.", path.stem
        )
        return
    write_atomically(path.with_suffix(SIDECAR), sidecar_of(read_file(path), present.seconds, joined(present.curve, network.curve)))
    sync_folder(path.parent)


@cache
def _reasons_logged(folder: Path, sentence: str, process: int) -> set[str]:
    """Return the set in which a process notes for what reasons it has logged a sentence on a folder."""
    return set()
