"""The files of a network in the store: a trained one with its sidecar, or a half-trained one; each says which network it is."""

import hashlib
import io
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from torch import Tensor

from lmc_sweeps.common.checks import UNREADABLE
from lmc_sweeps.common.tensor_files import check_like, packed, tensors_digest, unpacked, words_digest, words_of
from lmc_sweeps.jobs.identities import network_name
from multirun_analysis.checks import open_file, read_file

NETWORK, SIDECAR, PARTIAL = ".safetensors", ".json", ".partial"
MOST_OF_A_SIDECAR = 2**26  # bytes: a training curve of half a million epochs
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


class CurvePoint(NamedTuple):
    """A point of a training curve: loss and error of a network on a split (train, test) after an epoch; 0 is before the first step."""

    epoch: int
    split: str
    loss: float
    error: float


Curve = tuple[CurvePoint, ...]


def has_epochs(curve: Curve, epochs: Collection[int]) -> bool:
    """Return whether a training curve has points after all these epochs."""
    return {point.epoch for point in curve}.issuperset(epochs)


def joined(old: Curve, new: Curve) -> Curve:
    """Return the points of two training curves of one network, by their epochs; of points that both have, those of the new one."""
    points = {(point.epoch, point.split): point for point in (*old, *new)}
    return tuple(sorted(points.values(), key=lambda point: point.epoch))


@dataclass(frozen=True)
class StoredNetwork:
    """A trained network: its parameters, the facts of its training, the seconds that it took, and its training curve if it was measured.

    The curve is of the run, not of the network: with it or without, equal networks have equal files.
    """

    parameters: dict[str, Tensor]
    facts: Facts
    seconds: float
    curve: Curve = ()


@dataclass(frozen=True)
class PartialNetwork:
    """A network in the middle of its training: `tensors` are its parameters and its optimizer's state, by kind and name.

    `curve` is its training curve so far.
    """

    tensors: dict[str, dict[str, Tensor]]
    loss_initial: float
    step: int
    seconds: float
    curve: Curve = ()


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
        checksum, seconds, curve = _vouched(path.with_suffix(SIDECAR))
    except Unvouched:
        _opened(path, contents)  # which may find more than that
        raise
    if hashlib.sha256(contents).hexdigest() != checksum:
        raise ValueError("its checksum is not the one in its sidecar")
    words, parameters = _opened(path, contents)
    if template is not None:
        check_like(parameters, template)
        parameters = {key: parameters[key] for key in template}
    return StoredNetwork(parameters, Facts(**words["facts"]), seconds, curve)


def read_curve(path: Path) -> Curve:
    """Return the training curve of the network of a file, by its sidecar alone: none if it has none, or if there is no sidecar to read."""
    try:
        return _vouched(path.with_suffix(SIDECAR))[2]
    except (OSError, Unvouched):
        return ()


def _vouched(sidecar: Path) -> tuple[str, float, Curve]:
    """Return the checksum of a network, the seconds that it took and its training curve, as its sidecar says them.

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
        return checksum, float(seconds), _curve(words)
    except FileNotFoundError:
        raise Unvouched("its sidecar is missing") from None
    except OSError:
        raise
    except DAMAGED:
        raise Unvouched("its sidecar is damaged") from None


def _curve(words: Mapping[str, Any]) -> Curve:
    """Return the training curve among words; those of earlier versions, and of networks without one, have none."""
    return tuple(CurvePoint(int(epoch), str(split), float(loss), float(error)) for epoch, split, loss, error in words.get("curve", ()))


def _curve_words(curve: Curve) -> dict[str, Any]:
    """Return the words of a training curve; none of a network without one, whose words are those of earlier versions."""
    return {"curve": [list(point) for point in curve]} if curve else {}


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
    loss_initial, step, seconds = float(words["facts"]["loss_initial"]), int(words["step"]), float(words["seconds"])
    return PartialNetwork(tensors, loss_initial, step, seconds, _curve(words))


def packed_network(identity: Mapping[str, Any], network: StoredNetwork) -> bytes:
    """Return the file of a network; equal networks give equal bytes."""
    return packed(network.parameters, "network", {"identity": identity, "facts": asdict(network.facts)})


def sidecar_of(contents: bytes, seconds: float, curve: Curve = ()) -> bytes:
    """Return the sidecar of a network's file: its checksum, the seconds that the network took, the date, and its training curve."""
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    words = {"sha256": hashlib.sha256(contents).hexdigest(), "seconds": seconds, "date": date, **_curve_words(curve)}
    return json.dumps(words | {"check": words_digest(words)}).encode()


def packed_partial(identity: Mapping[str, Any], network: PartialNetwork) -> bytes:
    """Return the file of a half-trained network."""
    flat = {f"{kind}/{key}": tensor for kind, tensors in network.tensors.items() for key, tensor in tensors.items()}
    words = {"identity": identity, "facts": {"loss_initial": network.loss_initial}, "step": network.step, "seconds": network.seconds}
    words |= _curve_words(network.curve)
    return packed(flat, "partial", words | {"sha256": tensors_digest(flat, words)})


def _check_name(path: Path, identity: Mapping[str, Any]) -> None:
    name = network_name(identity)
    if path.stem != name:
        raise Misplaced(name)
