"""The readers that fuzzing attacks: valid files to begin with, how they are mutated, and what accepting one means."""

import contextlib
import gzip
import hashlib
import io
import json
import pickle
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from benchmarks import mutating
from benchmarks.records import METHODS, write_sweep
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.tensor_files import words_digest
from lmc_sweeps.datasets import cifar10, idx
from lmc_sweeps.jobs import permutation_files, plane_files, records
from lmc_sweeps.jobs import store as checkpoints
from lmc_sweeps.jobs.identities import network_name
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.own_networks import files as network_files
from lmc_sweeps.sweeps import expected
from multirun_analysis import schema
from multirun_analysis.frames import planes
from multirun_analysis.records import commands, index, reading
from multirun_analysis.records.packed import PackedRecord
from multirun_analysis.schema import PERMUTATIONS, RECORD

SEED = 20261125
RUN = "0123456789abcdef"
IDENTITY = {"width": 4, "seed": 0}
NAME = network_name(IDENTITY)  # of a network


@dataclass(frozen=True)
class Reader:
    """A reader: the name of its file, how many inputs it gets, valid ones, how they are mutated, and whether it accepts a file."""

    file: str
    inputs: int
    seeds: Callable[[], list[bytes]]
    mutate: mutating.Mutate
    accepts: Callable[[Path], bool]


def write(path: Path, contents: bytes) -> None:
    """Write a file anew."""
    path.unlink(missing_ok=True)  # a file that is written over waits for the disk
    path.write_bytes(contents)


def _unless(read: Callable[[Path], object], *errors: type[Exception]) -> Callable[[Path], bool]:
    """Return whether a file is accepted by a reader that returns something or raises one of the errors that it promises."""

    def accepts(path: Path) -> bool:
        try:
            read(path)
        except errors:
            return False
        return True

    return accepts


def _idx_files() -> list[bytes]:
    arrays = (np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.arange(7, dtype=np.uint8))
    raw = [struct.pack(f">4B{a.ndim}I", 0, 0, 8, a.ndim, *a.shape) + a.tobytes() for a in arrays]
    return raw + [gzip.compress(part, mtime=0) for part in raw]


def _batches() -> list[bytes]:
    images = np.random.default_rng(SEED).integers(0, 256, (2, 3072), dtype=np.uint8)
    words = {b"batch_label": b"training batch", b"labels": [3, 9], b"data": images, b"filenames": [b"a.png", b"b.png"]}
    return [pickle.dumps(words, protocol) for protocol in (2, 3, 4, 5)]


def _archives() -> list[bytes]:
    batch = _batches()[1]
    return [mutating.archive({f"{cifar10.FOLDER}/{name}": batch for name in (*cifar10.BATCHES, "batches.meta")})]


def _read_batch(path: Path) -> None:
    cifar10.read_batch(path.read_bytes(), str(path))


def _read_archive(path: Path) -> None:
    for name, contents in cifar10.read_archive(path):
        cifar10.read_batch(contents, name)


def _records() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        write_sweep(Path(place), seeds=range(1), widths=(8,), rates=range(1))
        record = json.loads(next(Path(place).glob("*/record.json")).read_bytes())
    record |= {name: record[name][:4] for name in ("runs", "curves", "layers")}
    record["points"] = 3
    record["curves"] = [curve | {name: curve[name][:3] for name in ("t", "loss", "error")} for curve in record["curves"]]
    failed = {"schema_version": 1, "run_id": RUN, "status": "failed", "sentence": "it failed.", "scope": {"width": 8}}
    return [json.dumps(record).encode(), json.dumps(failed).encode(), schema.sealed(schema.canonical(record))]


def _seal(path: Path) -> None:
    """Seal a damaged record anew where that can be: behind the seal, too, nothing may come as a surprise."""
    with contextlib.suppress(Exception):
        record = json.loads(path.read_bytes())
        record.pop(schema.SEAL_KEY, None)
        path.write_bytes(schema.sealed(schema.canonical(record)))


def _read_sealed(path: Path) -> None:
    _seal(path)
    reading.read_record(path)


def _use_record(path: Path) -> bool:
    """Read a record, and do with it what a job does with one that it finds."""
    _seal(path)
    try:
        found = records.read_record(path.parent)
    except InputError:  # a later version's
        return False
    if found is not None and records.is_finished(found):
        records.is_measured(found, Weights())
        records.merged(found, found)
        plane_files.methods_without_plane(path.parent, found, ["a", "b"], [Weights()])
    return found is not None


def _lines() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        write_sweep(Path(place), seeds=range(2), widths=(8,), rates=range(1))
        return [(Path(place) / "expected.jsonl").read_bytes()]


def _seal_lines(path: Path) -> None:
    """Seal the damaged lines of a file anew where that can be, as `_seal` does records."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines):
        with contextlib.suppress(Exception):
            entry = json.loads(line)
            entry.pop(schema.SEAL_KEY, None)
            lines[number] = schema.sealed_line(entry).removesuffix("\n")
    with contextlib.suppress(UnicodeError):  # half a letter, which stands in no file
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _expect(path: Path) -> bool:
    """Read what a sweep expects, and number its jobs."""
    _seal_lines(path)
    expected.labels(path.parent)
    return len(expected.read_expected(path.parent)) == 2


def _read_lines(path: Path) -> None:
    _seal_lines(path)
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        reading.read_expected(line)


def _typed() -> list[bytes]:
    return ["".join(schema.sealed_line({"command": f"python -m lmc_sweeps{more}"}) for more in (" width=8 -m", "")).encode()]


def _load_typed(path: Path) -> bool:
    """Read what was typed; both commands, if nothing is damaged."""
    _seal_lines(path)
    return len(commands.load_commands([path.parent])) == 2


def _indexes() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        write_sweep(Path(place), seeds=range(2), widths=(8,), rates=range(1))
        entries = {
            path.parent.name: index.Entry((1, 2, 3, 4), reading.read_record(path)) for path in sorted(Path(place).glob("*/record.json"))
        }
        index.save_index(Path(place) / "records.index", entries)
        return [(Path(place) / "records.index").read_bytes()]


def _planes() -> list[bytes]:
    pair = json.loads(_records()[0])["runs"][-1]
    key = ",".join(str(pair[name]) for name in ("network_a", "network_b", "matching", "settings_hash"))
    points = [f"{x},{y},,0.5,0.25" for x in (0, 1) for y in (0, 1)] + [
        f"{k},0,{name},0.5,0.25" for k, name in enumerate(schema.PLANE_NETWORKS)
    ]
    return ["\n".join([",".join(schema.names(schema.PLANE)), *(f"{key},{point}" for point in points), ""]).encode()]


class _PlaneOfRecord:
    """The analysis' reader of planes, beside one and the same record."""

    record: PackedRecord | None = None

    def __call__(self, path: Path) -> None:
        if self.record is None:
            path.with_name("record.json").write_bytes(_records()[2])
            self.record = reading.read_record(path.with_name("record.json"))
        planes._read(path, {path.name: schema.digest(path.read_bytes())}, self.record)


@cache
def _networks() -> list[bytes]:
    tensors = {"0.weight": torch.arange(8.0).reshape(4, 2), "0.bias": torch.zeros(4), "2.weight": torch.ones(3, 4)}
    network = json.dumps({"identity": IDENTITY, "facts": {"finite": True, "loss_final": 0.5}})
    with tempfile.TemporaryDirectory() as place:
        store = checkpoints.Store(Path(place))
        store.save_partial(
            NAME,
            IDENTITY,
            checkpoints.PartialNetwork(
                {"parameters": tensors, "moment": {name: 2 * tensor for name, tensor in tensors.items()}}, 1.0, 7, 1.5
            ),
        )
        return [save(tensors, {"network": network}), store.path(NAME, checkpoints.PARTIAL).read_bytes()]


def _pytorch_files() -> list[bytes]:
    tensors = {"0.weight": torch.arange(8.0).reshape(4, 2), "0.bias": torch.zeros(4), "2.weight": torch.ones(3, 4)}
    found = []
    for held in (tensors, {"epoch": 3, "state_dict": tensors}):
        stream = io.BytesIO()
        torch.save(held, stream)
        found.append(stream.getvalue())
    return found


def _in_store(folder: Path, suffix: str, contents: bytes) -> checkpoints.Store:
    store = checkpoints.Store(folder / "store")
    store.path(NAME).parent.mkdir(parents=True, exist_ok=True)
    write(store.path(NAME, suffix), contents)
    return store


def _find_network(path: Path) -> bool:
    """Find a damaged network whose sidecar says that it is not."""
    contents = path.read_bytes()
    words = {"sha256": hashlib.sha256(contents).hexdigest(), "seconds": 1.0}
    _in_store(path.parent, checkpoints.SIDECAR, json.dumps(words | {"check": words_digest(words)}).encode())
    return _in_store(path.parent, checkpoints.NETWORK, contents).find(NAME) is not None


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
    _in_store(path.parent, checkpoints.NETWORK, _networks()[0])
    return _in_store(path.parent, checkpoints.SIDECAR, contents).find(NAME) is not None


def _find_partial(path: Path) -> bool:
    return _in_store(path.parent, checkpoints.PARTIAL, path.read_bytes()).find_partial(NAME) is not None


def _permutations() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        maps = {f"a.b.{method}.w0": {"hidden_1": np.array([2, 0, 1, 3]), "hidden_2": np.arange(4)} for method in METHODS[:2]}
        permutation_files.write_permutations(Path(place), maps)
        return [(Path(place) / PERMUTATIONS).read_bytes()]


_PICKLES = (
    b"cos\nsystem\n", b"\x93", b"R", b"b", b"(", b"t", b"e", b"u", b"s", b"a", b"}", b"]", b")", b"N", b"q\0", b"h\0",
    b"\x8b\xff\xff\xff\x7f", b"Q", b"0",
)  # fmt: skip
_ERRORS = reading.UNREADABLE  # what the analysis' readers end in
READERS = {
    "idx": Reader("file", 15_000, _idx_files, mutating.by_bytes, _unless(idx.read_idx, InputError)),
    "cifar10 batch": Reader("batch", 20_000, _batches, mutating.with_tokens(*_PICKLES), _unless(_read_batch, InputError)),
    "cifar10 archive": Reader("archive", 8000, _archives, mutating.by_tar, _unless(_read_archive, InputError)),
    "record, as jobs read it": Reader(RECORD, 6000, _records, mutating.by_json, _use_record),
    "record, as the analysis reads it": Reader(RECORD, 12_000, _records, mutating.by_json, _unless(_read_sealed, *_ERRORS)),
    "expected.jsonl, as sweeps read it": Reader(expected.EXPECTED, 10_000, _lines, mutating.by_lines, _expect),
    "expected.jsonl, as the analysis reads it": Reader(
        expected.EXPECTED, 10_000, _lines, mutating.by_lines, _unless(_read_lines, *_ERRORS)
    ),
    "commands.jsonl": Reader(commands.COMMANDS, 10_000, _typed, mutating.by_lines, _load_typed),
    "records.index": Reader("records.index", 10_000, _indexes, mutating.by_index, lambda path: bool(index.load_index(path))),
    "plane.csv, as jobs read it": Reader(
        planes.PLANE,
        10_000,
        _planes,
        mutating.by_csv,
        lambda path: bool(plane_files.read_planes(path.parent, {schema.FILES: {path.name: schema.digest(path.read_bytes())}})),
    ),
    "plane.csv, as the analysis reads it": Reader(planes.PLANE, 4000, _planes, mutating.by_csv, _unless(_PlaneOfRecord(), *_ERRORS)),
    "network of the store": Reader("network", 10_000, _networks, mutating.by_safetensors, _find_network),
    "sidecar of a network": Reader("sidecar", 6000, _sidecars, mutating.by_json, _find_beside),
    "half-trained network": Reader("network", 8000, lambda: _networks()[::-1], mutating.by_safetensors, _find_partial),
    "network to compare": Reader(
        "network", 10_000, _networks, mutating.by_safetensors, _unless(network_files.read_network_file, InputError)
    ),
    "PyTorch file to compare": Reader(
        "network", 6000, _pytorch_files, mutating.by_zip, _unless(network_files.read_network_file, InputError)
    ),
    "permutations.npz": Reader(
        PERMUTATIONS, 10_000, _permutations, mutating.by_zip, lambda path: bool(permutation_files.read_permutations(path.parent, {}))
    ),
}
