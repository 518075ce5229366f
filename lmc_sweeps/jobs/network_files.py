"""The files of a network in the store: a trained one with its sidecar, or a half-trained one; each says which network it is."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from lmc_sweeps.common.checks import UNREADABLE
from lmc_sweeps.common.tensor_files import check_like, packed, tensors_digest, unpacked, words_digest, words_of
from lmc_sweeps.jobs.identities import network_name
from multirun_analysis.checks import open_file, read_file

NETWORK, SIDECAR, PARTIAL = ".safetensors", ".json", ".partial"
MOST_OF_A_SIDECAR = 2**20  # bytes
# What a file that was read can be found to be; an OSError says that it could not be read, and nothing of what it holds.
DAMAGED = (*(kind for kind in UNREADABLE if kind is not OSError), SafetensorError)


class Misplaced(ValueError):
    """A file under a name that is not that of the network in it; `name` is."""

    def __init__(self, name: str) -> None:
        super().__init__(f"it is the network {name}, under the name of another")
        self.name = name


class Unvouched(ValueError):
    """A network that nothing shows to be what was written, nor to be anything else: its sidecar is lost, or is none."""


@dataclass(frozen=True)
class Facts:
    """What training says of a network, a function of the network alone: its training loss before and after, whether all is finite."""

    loss_initial: float
    loss_final: float
    finite: bool


@dataclass(frozen=True)
class StoredNetwork:
    """A trained network: its parameters, the facts of its training, and the seconds that it took."""

    parameters: dict[str, Tensor]
    facts: Facts
    seconds: float


@dataclass(frozen=True)
class PartialNetwork:
    """A network in the middle of its training: `tensors` are its parameters and its optimizer's state, by kind and name."""

    tensors: dict[str, dict[str, Tensor]]
    loss_initial: float
    step: int
    seconds: float


def is_open(path: Path) -> bool:
    """Return whether a file is there and can be read, as far as opening it tells."""
    try:
        open_file(path).close()
    except OSError:
        return False
    return True


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
    return StoredNetwork(parameters, Facts(**words["facts"]), seconds)


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
    return PartialNetwork(tensors, float(words["facts"]["loss_initial"]), int(words["step"]), float(words["seconds"]))


def packed_network(identity: Mapping[str, Any], network: StoredNetwork) -> bytes:
    """Return the file of a network; equal networks give equal bytes."""
    return packed(network.parameters, "network", {"identity": identity, "facts": asdict(network.facts)})


def sidecar_of(contents: bytes, seconds: float) -> bytes:
    """Return the sidecar of a network's file: its checksum, the seconds that the network took, and the date."""
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    words = {"sha256": hashlib.sha256(contents).hexdigest(), "seconds": seconds, "date": date}
    return json.dumps(words | {"check": words_digest(words)}).encode()


def packed_partial(identity: Mapping[str, Any], network: PartialNetwork) -> bytes:
    """Return the file of a half-trained network."""
    flat = {f"{kind}/{key}": tensor for kind, tensors in network.tensors.items() for key, tensor in tensors.items()}
    words = {"identity": identity, "facts": {"loss_initial": network.loss_initial}, "step": network.step, "seconds": network.seconds}
    return packed(flat, "partial", words | {"sha256": tensors_digest(flat, words)})


def _check_name(path: Path, identity: Mapping[str, Any]) -> None:
    name = network_name(identity)
    if path.stem != name:
        raise Misplaced(name)
