"""The readers that fuzzing attacks: valid files to begin with, how they are mutated, and what accepting one means."""

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np

from benchmarks import fuzz_networks, fuzz_records, mutating
from benchmarks.fuzz_base import SEED, Reader, unless
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets import cifar10, idx


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


_PICKLES = (
    b"cos\nsystem\n", b"\x93", b"R", b"b", b"(", b"t", b"e", b"u", b"s", b"a", b"}", b"]", b")", b"N", b"q\0", b"h\0",
    b"\x8b\xff\xff\xff\x7f", b"Q", b"0",
)  # fmt: skip
READERS = {
    "idx": Reader("file", 15_000, _idx_files, mutating.by_bytes, unless(idx.read_idx, InputError)),
    "cifar10 batch": Reader("batch", 20_000, _batches, mutating.with_tokens(*_PICKLES), unless(_read_batch, InputError)),
    "cifar10 archive": Reader("archive", 8000, _archives, mutating.by_tar, unless(_read_archive, InputError)),
    **fuzz_records.READERS,
    **fuzz_networks.READERS,
}
