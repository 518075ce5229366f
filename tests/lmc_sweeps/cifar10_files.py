"""CIFAR-10 in small: batches as Python 2 and Python 3 pickle them, archives, and a dataset whose official contents they are."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np

from lmc_sweeps.datasets.cifar10 import ARCHIVE, BATCHES, FOLDER, Cifar10

N = 3  # images of a batch in these tests


def batch(name: str) -> tuple[np.ndarray, list[int]]:
    rng = np.random.default_rng(BATCHES.index(name))
    return rng.integers(0, 256, (N, 3072), dtype=np.uint8), rng.integers(0, 10, N).tolist()


def python2(images: np.ndarray, labels: list[int]) -> bytes:
    """Return a batch as Python 2 wrote the official ones: protocol 2, words as byte strings, NumPy's names of that time."""
    raw = images.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R(K\x01M" + struct.pack("<H", len(images))
    array += b"M\x00\x0c\x86cnumpy\ndtype\nq\x03U\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array += b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    items = b"U\x0bbatch_labelU\x15training batch 1 of 5U\x06labels]q\x04(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}q\x00(" + items + b"U\x04data" + array + b"U\tfilenames](U\x05a.pngU\x05b.pngeu."


def python3(images: np.ndarray, labels: list[int], protocol: int = 2, more: dict[bytes, object] | None = None) -> bytes:
    words = {b"batch_label": b"training batch", b"labels": labels, b"data": images, b"filenames": [b"a.png", b"b.png"]}
    return pickle.dumps(words | (more or {}), protocol)


def archive(members: dict[str, bytes], *extra: tuple[tarfile.TarInfo, bytes], first: bool = False) -> bytes:
    """Return a compressed tar archive with members in the official folder, and others beside them, or before them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo(FOLDER)
        folder.type = tarfile.DIRTYPE
        parts = [(folder, b"")]
        for name, contents in members.items():
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(contents)
            parts.append((info, contents))
        for info, contents in [*extra, *parts] if first else [*parts, *extra]:
            tar.addfile(info, io.BytesIO(contents))
    return gzip.compress(buffer.getvalue(), 1, mtime=0)


def member(name: str, kind: bytes = tarfile.REGTYPE, contents: bytes = b"", **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(contents)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, contents


def whole() -> dict[str, bytes]:
    return {name: python2(*batch(name)) for name in ("data_batch_4", *(other for other in BATCHES if other != "data_batch_4"))}


def load(folder: Path, contents: bytes, **changes: object):
    (folder / ARCHIVE).write_bytes(contents)
    return Tiny(root=str(folder), **changes).load()


class Tiny(Cifar10):
    """A dataset whose official contents are those of `whole()`."""

    name = "tiny"
    md5_of_batches = {name: hashlib.md5(contents).hexdigest() for name, contents in whole().items()}


IMAGES, LABELS = batch("data_batch_1")
