"""The store: trained networks kept by name, one safetensors file each, written and renamed."""

import errno
import hashlib
import json
import logging
import os
import platform
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from lmc_sweeps.checks import UNREADABLE, InputError

log = logging.getLogger(__name__)
NETWORK, SIDECAR, PARTIAL = ".safetensors", ".json", ".partial"
LOCK_SECONDS = 60.0  # of waiting; who holds a lock writes one file
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what file systems without locks say


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


def write_atomically(path: Path, contents: bytes) -> None:
    """Write a file beside its place and rename it, so that a reader never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with fresh.open("xb") as stream:  # with the rights that the user's umask gives, which tempfile would narrow
            stream.write(contents)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file that several processes read, change and write; it is let go of when a process dies.

    On a file system without locks, or with one that was left by a dead process of another machine, the work is done without, and that is
    said in the log: readers meet whole files all the same, but of two processes that add to one file at once the first may be in vain.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        if not isinstance(error, Timeout | NotImplementedError) and error.errno not in NO_LOCKS:
            raise
        log.warning("%s is written without a lock, which cannot be had (%s).", path, error)
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class Store:
    """A folder of trained networks; with `folder` None nothing is kept and nothing is found."""

    folder: Path | None

    def path(self, name: str, suffix: str = NETWORK) -> Path:
        """Return where the network of that name lies."""
        if self.folder is None:
            raise InputError("`store.dir` is null, so trained networks are not kept; set it to a folder to load them again.")
        return self.folder / name[:2] / f"{name}{suffix}"

    def names(self) -> Iterator[str]:
        """Yield the names of the networks in the folder, sorted."""
        if self.folder is not None:
            yield from sorted(path.name.removesuffix(NETWORK) for path in self.folder.glob(f"??/*{NETWORK}"))

    def holds(self, name: str) -> bool:
        """Return whether a network is there, without reading it."""
        return self.folder is not None and self.path(name).is_file()

    def find(self, name: str) -> StoredNetwork | None:
        """Return a stored network, or None if it is not there or its file is not what was written (said in the log)."""
        if not self.holds(name):
            return None
        path = self.path(name)
        try:
            sidecar = json.loads(path.with_suffix(SIDECAR).read_text())
            if sidecar.pop("check") != _digest_words(sidecar):
                raise ValueError("its sidecar is damaged")
            if hashlib.sha256(path.read_bytes()).hexdigest() != sidecar["sha256"]:
                raise ValueError("its checksum is not the one in its sidecar")
            facts = self.header(name)["facts"]
            return StoredNetwork(load_file(path), facts, float(sidecar["seconds"]))
        except (*UNREADABLE, SafetensorError) as error:
            log.warning("the stored network %s is not usable (%s); it will be trained again.", path, error)
            return None

    def header(self, name: str) -> dict[str, Any]:
        """Return what a network's file says of it: its `identity` and its `facts`."""
        with safe_open(self.path(name), "pt") as handle:
            header: dict[str, Any] = json.loads(handle.metadata()["network"])
        return header

    def save(self, name: str, identity: Mapping[str, Any], network: StoredNetwork) -> None:
        """Keep a network under its name; equal networks give equal bytes, and what depends on the run goes to the sidecar.

        A folder that cannot be written costs the next run its time, not this one its result: it is said in the log.
        """
        if self.folder is None:
            return
        # One metadata entry only: the order of several in the header is not fixed.
        header = json.dumps({"identity": identity, "facts": network.facts}, sort_keys=True)
        path = self.path(name)
        try:
            with _fresh(path) as fresh:
                _save_tensors(network.parameters, fresh, {"network": header})
                sidecar = {
                    "sha256": hashlib.sha256(fresh.read_bytes()).hexdigest(),
                    "seconds": network.seconds,
                    "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                    "host": platform.node(),
                }
                write_atomically(path.with_suffix(SIDECAR), json.dumps(sidecar | {"check": _digest_words(sidecar)}).encode())
                os.replace(fresh, path)
            self.path(name, PARTIAL).unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            self._warn("trained networks cannot be kept in the store %s, so the next sweep trains them again: %s", error)

    def _warn(self, sentence: str, error: Exception) -> None:
        """Say once what is true of every network of a sweep; reasons that name a file are told apart by their kind only."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if reason not in (said := _said(Path(str(self.folder)), sentence, os.getpid())):
            said.add(reason)
            log.warning(sentence, self.folder, error)

    def save_partial(self, name: str, network: PartialNetwork) -> None:
        """Keep a network in the middle of its training, in place of what was kept of it before."""
        if self.folder is None:
            return
        flat = {f"{kind}/{key}": tensor for kind, tensors in network.tensors.items() for key, tensor in tensors.items()}
        said = {"facts": network.facts, "step": network.step, "seconds": network.seconds}
        facts = said | {"sha256": _digest(flat, said)}
        path = self.path(name, PARTIAL)
        try:
            with _fresh(path) as fresh:
                _save_tensors(flat, fresh, {"partial": json.dumps(facts, sort_keys=True)})
                os.replace(fresh, path)
        except (OSError, SafetensorError) as error:
            self._warn("half-trained networks cannot be kept in the store %s, so a kill costs their training: %s", error)

    def find_partial(self, name: str) -> PartialNetwork | None:
        """Return a network in the middle of its training, or None if none was kept or its file is damaged (said in the log)."""
        if self.folder is None or not (path := self.path(name, PARTIAL)).is_file():
            return None
        try:
            with safe_open(path, "pt") as handle:
                facts = json.loads(handle.metadata()["partial"])
            flat = load_file(path)
            if facts.pop("sha256") != _digest(flat, facts):
                raise ValueError("its checksum is not its contents'")
            tensors: dict[str, dict[str, Tensor]] = {}
            for key, tensor in flat.items():
                kind, _, parameter = key.partition("/")
                tensors.setdefault(kind, {})[parameter] = tensor
            return PartialNetwork(tensors, facts["facts"], int(facts["step"]), float(facts["seconds"]))
        except (*UNREADABLE, SafetensorError) as error:
            log.warning("the half-trained network %s is not usable (%s); it will be trained from the start.", path, error)
            return None


@cache
def _said(folder: Path, sentence: str, process: int) -> set[str]:
    """Return the set in which a process notes what it has said of a folder."""
    return set()


@contextmanager
def _fresh(path: Path) -> Iterator[Path]:
    """Give a place beside `path` to write a file that is then renamed; whatever is left there is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new") as folder:
        yield Path(folder) / path.name


def _save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    save_file({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, path, metadata)


def _digest_words(words: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def _digest(tensors: Mapping[str, Tensor], said: Mapping[str, Any]) -> str:
    """Return the checksum of tensors, their names, types and shapes, and of what is said of them."""
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {list(tensors[key].shape)}".encode())
        digest.update(tensors[key].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
