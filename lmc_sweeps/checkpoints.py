"""The store: trained networks kept by name, one safetensors file each, written and renamed."""

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from lmc_sweeps.checks import InputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredNetwork:
    """A network's parameters, the facts that training found (functions of the network), and the seconds that it took."""

    parameters: dict[str, Tensor]
    facts: dict[str, Any]
    seconds: float


def write_atomically(path: Path, contents: bytes) -> None:
    """Write a file beside its place and rename it, so that a reader never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(contents)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class Store:
    """A folder of trained networks; with `folder` None nothing is kept and nothing is found."""

    folder: Path | None

    def path(self, name: str) -> Path:
        """Return where the network of that name lies."""
        if self.folder is None:
            raise InputError("`store.dir` is null, so trained networks are not kept; set it to a folder to load them again.")
        return self.folder / name[:2] / f"{name}.safetensors"

    def find(self, name: str) -> StoredNetwork | None:
        """Return a stored network, or None if it is not there or its file is not what was written (said in the log)."""
        if self.folder is None or not self.path(name).is_file():
            return None
        path = self.path(name)
        try:
            sidecar = json.loads(path.with_suffix(".json").read_text())
            if hashlib.sha256(path.read_bytes()).hexdigest() != sidecar["sha256"]:
                raise ValueError("its checksum is not the one in its sidecar")
            with safe_open(path, "pt") as handle:
                facts = json.loads(handle.metadata()["network"])["facts"]
            return StoredNetwork(load_file(path), facts, float(sidecar["seconds"]))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            log.warning("the stored network %s is not usable (%s); it will be trained again.", path, error)
            return None

    def save(self, name: str, identity: Mapping[str, Any], network: StoredNetwork) -> None:
        """Keep a network under its name; equal networks give equal bytes, and what depends on the run goes to the sidecar."""
        if self.folder is None:
            return
        # One metadata entry only: the order of several in the header is not fixed.
        header = json.dumps({"identity": identity, "facts": network.facts}, sort_keys=True)
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new") as folder:
            fresh = Path(folder) / path.name
            save_file({key: tensor.cpu().contiguous() for key, tensor in network.parameters.items()}, fresh, {"network": header})
            sidecar = {"sha256": hashlib.sha256(fresh.read_bytes()).hexdigest(), "seconds": network.seconds}
            write_atomically(path.with_suffix(".json"), json.dumps(sidecar).encode())
            os.replace(fresh, path)


def read_parameters(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file.

    Raises
    ------
    InputError
        If the file is missing or is not a safetensors file.
    """
    if not Path(path).is_file():
        raise InputError(f"there is no file {str(path)!r}.")
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{str(path)!r} is not a safetensors file: {error}.") from error
