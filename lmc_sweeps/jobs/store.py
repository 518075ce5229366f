"""The store: trained networks kept by name, one safetensors file each, written and renamed."""

import hashlib
import io
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from lmc_sweeps.common.checks import UNREADABLE, InputError
from lmc_sweeps.common.files import sync_folder, write_atomically
from lmc_sweeps.common.tensor_files import check_like, packed, tensors_digest, unpacked, words_digest, words_of
from lmc_sweeps.jobs import settings
from multirun_analysis.checks import open_file, read_file

log = logging.getLogger(__name__)
NETWORK, SIDECAR, PARTIAL = ".safetensors", ".json", ".partial"
MOST_OF_A_SIDECAR = 2**20  # bytes
# What a file that was read can be found to be; an OSError says that it could not be read, and nothing of what it holds.
DAMAGED = (*(kind for kind in UNREADABLE if kind is not OSError), SafetensorError)
ABSENT = (FileNotFoundError, NotADirectoryError)
NOT_KEPT = "trained networks cannot be kept in the store %s, so the next sweep trains them again: %s"
PARTIAL_NOT_KEPT = "half-trained networks cannot be kept in the store %s, so a kill costs their training: %s"
NOT_READ = "networks of the store %s cannot be read: they are trained here, what lies there is left as it is, and these are not kept: %s"


class Misplaced(ValueError):
    """A file under a name that is not that of the network in it; `name` is."""

    def __init__(self, name: str) -> None:
        super().__init__(f"it is the network {name}, under the name of another")
        self.name = name


class Unvouched(ValueError):
    """A network that nothing shows to be what was written, nor to be anything else: its sidecar is lost, or is none."""


@dataclass(frozen=True)
class StoredNetwork:
    """A network's parameters, the facts that training found (functions of the network), and the seconds that it took."""

    parameters: dict[str, Tensor]
    facts: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class PartialNetwork:
    """A network in the middle of its training: `tensors` are its parameters and its optimizer's state, by kind and name."""

    tensors: dict[str, dict[str, Tensor]]
    facts: dict[str, Any]
    step: int
    seconds: float


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

    def holds(self, name: str) -> bool:
        """Return whether a network is there and can be opened, without reading it."""
        return self.folder is not None and _is_open(self.path(name))

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

        A network that is there and whole stays, and one that cannot be read, another user's say, is left as it is. A folder that cannot be
        written costs the next run its time, not this one its result. Both are said in the log.
        """
        if self.folder is None:
            return
        path = self.path(name)
        try:
            if not self._is_kept(path, network.parameters):
                contents = packed(network.parameters, "network", {"identity": identity, "facts": network.facts})
                date = datetime.now(timezone.utc).isoformat(timespec="seconds")
                sidecar = {"sha256": hashlib.sha256(contents).hexdigest(), "seconds": network.seconds, "date": date}
                # The sidecar first: a kill between the two leaves no network, or the damaged one that was there, but never a whole one
                # without its sidecar.
                write_atomically(path.with_suffix(SIDECAR), json.dumps(sidecar | {"check": words_digest(sidecar)}).encode())
                write_atomically(path, contents)
                sync_folder(path.parent)
            self.path(name, PARTIAL).unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            self._warn(NOT_KEPT, error)

    def _is_kept(self, path: Path, template: Mapping[str, Tensor]) -> bool:
        """Return whether a whole network lies there, or something that nobody here can tell to be less."""
        try:
            read_network(path, template)
        except ABSENT:
            return False
        except OSError as error:
            self._warn(NOT_READ, error)
        except DAMAGED:
            return False
        return True

    def _warn(self, sentence: str, error: Exception) -> None:
        """Say once what is true of every network of a sweep; reasons that name a file are told apart by their kind only."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if reason not in (said := _said(Path(str(self.folder)), sentence, os.getpid())):
            said.add(reason)
            log.warning(sentence, self.folder, error)

    def save_partial(self, name: str, identity: Mapping[str, Any], network: PartialNetwork) -> None:
        """Keep a network in the middle of its training, in place of what was kept of it before, unless that cannot be read."""
        if self.folder is None:
            return
        path = self.path(name, PARTIAL)
        try:
            if not path.exists() or _is_open(path):
                write_atomically(path, _packed_partial(identity, network))
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


def _is_open(path: Path) -> bool:
    """Return whether a file is there and can be read, as far as opening it tells."""
    try:
        open_file(path).close()
    except OSError:
        return False
    return True


@cache
def _said(folder: Path, sentence: str, process: int) -> set[str]:
    """Return the set in which a process notes what it has said of a folder."""
    return set()


def read_network(path: Path, template: Mapping[str, Tensor] | None = None) -> StoredNetwork:
    """Return the network of a file whose name is the network's.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    OSError
        If it, or its sidecar, cannot be read, which says nothing of what it holds.
    Misplaced
        If it is another network.
    Unvouched
        If its sidecar is missing or damaged, and it has itself no fault that shows without one.
    DAMAGED
        If it is not what was written, or not like the template. (`Unvouched` is one of these kinds.)
    """
    contents = read_file(path)
    try:
        checksum, seconds = _vouched(path.with_suffix(SIDECAR))
    except Unvouched:
        _opened(path, contents)  # which may find more than that
        raise
    if hashlib.sha256(contents).hexdigest() != checksum:
        raise ValueError("its checksum is not the one in its sidecar")
    words, parameters = _opened(path, contents)
    if template is not None:
        check_like(parameters, template)
        parameters = {key: parameters[key] for key in template}
    return StoredNetwork(parameters, words["facts"], seconds)


def _vouched(sidecar: Path) -> tuple[str, float]:
    """Return the checksum of a network and the seconds that it took, as its sidecar says them.

    Raises
    ------
    OSError
        If the sidecar is there and cannot be read.
    Unvouched
        If it is missing, or not what was written.
    """
    try:
        words = json.loads(read_file(sidecar, MOST_OF_A_SIDECAR))
        if words.pop("check") != words_digest(words):
            raise ValueError("its check is not that of its words")
        checksum, seconds = words["sha256"], words["seconds"]
        if not isinstance(checksum, str):
            raise TypeError("`sha256` is no text")
        return checksum, float(seconds)
    except FileNotFoundError:
        raise Unvouched("its sidecar is missing") from None
    except OSError:
        raise
    except DAMAGED:
        raise Unvouched("its sidecar is damaged") from None


def _opened(path: Path, contents: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the words and the tensors of a network's file, whose name is the network's."""
    words = words_of(io.BytesIO(contents), "network")
    _check_name(path, words["identity"])
    return words, unpacked(contents)


def read_words(path: Path) -> dict[str, Any]:
    """Return what a network's file says of it, its `identity` and its `facts`, without reading its tensors or checking anything."""
    with open_file(path) as stream:
        return words_of(stream, "network")


def read_partial(path: Path) -> PartialNetwork:
    """Return the half-trained network of a file whose name is the network's; errors are those of `read_network`."""
    contents = read_file(path)
    words, flat = words_of(io.BytesIO(contents), "partial"), unpacked(contents)
    if words.pop("sha256") != tensors_digest(flat, words):
        raise ValueError("its checksum is not its contents'")
    if "identity" not in words:
        raise ValueError("it does not say which network it is, as an earlier version of lmc_sweeps wrote it")
    _check_name(path, words["identity"])
    tensors: dict[str, dict[str, Tensor]] = {}
    for key, tensor in flat.items():
        kind, _, parameter = key.partition("/")
        tensors.setdefault(kind, {})[parameter] = tensor
    return PartialNetwork(tensors, words["facts"], int(words["step"]), float(words["seconds"]))


def _packed_partial(identity: Mapping[str, Any], network: PartialNetwork) -> bytes:
    flat = {f"{kind}/{key}": tensor for kind, tensors in network.tensors.items() for key, tensor in tensors.items()}
    words = {"identity": identity, "facts": network.facts, "step": network.step, "seconds": network.seconds}
    return packed(flat, "partial", words | {"sha256": tensors_digest(flat, words)})


def _check_name(path: Path, identity: Mapping[str, Any]) -> None:
    name = settings.name_of(identity)
    if path.stem != name:
        raise Misplaced(name)
