"""Damage to files, by bits and by structure: every mutation draws from the generator that it is given, so a case can be made again."""

import copy
import gzip
import hashlib
import io
import json
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Mutate = Callable[[Sequence[bytes], Random], bytes]
EXTREMES = (0, 1, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
DEEP = "<deep>"  # stands for lists in lists in lists, which json.dumps could not write
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 10**400, 1e308, -0.5, float("nan"), float("inf"), "", "x" * 5000, "\ud800", "\0", [], {},
    [None], {"a": 1}, [[]], DEEP,
)  # fmt: skip


def by_bytes(seeds: Sequence[bytes], rng: Random, tokens: Sequence[bytes] = (b"\0", b"\xff" * 8)) -> bytes:
    """Return a seed with one to eight changes: bits, pieces cut, moved, doubled and joined, extreme integers, tokens; at times none."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        at = rng.randrange(min(len(data), rng.choice((64, len(data) or 1))) or 1)
        length = rng.choice((1, 2, 4, 8, 64, len(data)))
        kind = rng.randrange(8)
        if kind == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[rng.randrange(len(data) + 1) :]
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = data[at : at + length]
        elif kind == 4:
            other = rng.choice(seeds)
            data[at:] = other[rng.randrange(len(other) + 1) :]
        elif kind == 5:
            data[at:at] = rng.randbytes(length % 100)
        elif kind == 6:
            value, size, order = rng.choice(EXTREMES), rng.choice((2, 4, 8)), rng.choice(("little", "big"))
            data[at : at + size] = (value % 256**size).to_bytes(size, order)
        else:
            data[at:at] = rng.choice(tokens)
    return bytes(data)


def with_tokens(*tokens: bytes) -> Mutate:
    """Return `by_bytes` with pieces that mean something in the format at hand."""
    return lambda seeds, rng: by_bytes(seeds, rng, tokens)


def json_text(value: Any) -> bytes:
    """Return JSON with the deep lists in it."""
    return json.dumps(value).replace(json.dumps(DEEP), "[" * 20_000 + "]" * 20_000).encode()


def changed(value: Any, rng: Random) -> Any:
    """Return something read from JSON with one to four values replaced, removed, doubled or moved."""
    value = [value]
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, key = value, 0
        while isinstance(chosen := at[key], dict | list) and chosen and rng.random() < 0.8:
            at, key = chosen, rng.choice(list(chosen) if isinstance(chosen, dict) else range(len(chosen)))
        kind = rng.randrange(4)
        if kind == 1 and at is not value:
            del at[key]
        elif kind == 2 and isinstance(at, list):
            at.append(copy.deepcopy(at[key]))
        elif kind == 3 and isinstance(at[key], dict | list) and at[key]:
            at[key] = next(iter(at[key].values() if isinstance(at[key], dict) else at[key]))
        else:
            at[key] = copy.deepcopy(rng.choice(VALUES))
    return value[0]


def by_json(seeds: Sequence[bytes], rng: Random) -> bytes:
    """Return a seed of JSON with other values, or in a third of the cases with other bytes."""
    if rng.randrange(3) == 0:
        return by_bytes(seeds, rng, (b"[", b"{", b'"', b"\\ud800", b"1e999", b"NaN", b"[" * 5000))
    return json_text(changed(json.loads(rng.choice(seeds)), rng))


def by_lines(seeds: Sequence[bytes], rng: Random) -> bytes:
    """Return lines of JSON of which some have other values."""
    lines = rng.choice(seeds).splitlines()
    return b"\n".join(by_json([line], rng) if rng.random() < 0.5 else line for line in lines) + b"\n"


def by_csv(seeds: Sequence[bytes], rng: Random) -> bytes:
    """Return a CSV with other cells, or in a third of the cases with other bytes."""
    if rng.randrange(3) == 0:
        return by_bytes(seeds, rng, (b",", b'"', b"\n", b"\r", b"nan", b"1e999"))
    rows = [line.split(b",") for line in rng.choice(seeds).split(b"\n")]
    for _ in range(rng.choice((1, 1, 2, 4))):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice(
            (b"", b"-1", b"nan", b"inf", b"1e400", b"9" * 400, b"a", b'"', b"0x1", b"\xff", b"\0", b"A", b"1_0")
        )
    return b"\n".join(b",".join(row) for row in rows)


def by_index(seeds: Sequence[bytes], rng: Random) -> bytes:
    """Return an index with other values or bytes; in most cases its digest is made anew, so that what is behind it is reached."""
    seed = rng.choice(seeds)
    size = int.from_bytes(seed[64:72], "little")
    if rng.random() < 0.5:
        text = json_text(changed(json.loads(seed[72 : 72 + size]), rng))
        body = len(text).to_bytes(8, "little") + text + b" " * (-len(text) % 8) + seed[72 + size + -size % 8 :]
    else:
        body = by_bytes([seed[64:]], rng)
    return seed[:32] + (hashlib.sha256(body).digest() if rng.random() < 0.8 else seed[32:64]) + body


def by_safetensors(seeds: Sequence[bytes], rng: Random) -> bytes:
    """Return a safetensors file with another header of the right length, other metadata, or other bytes."""
    seed = rng.choice(seeds)
    size = int.from_bytes(seed[:8], "little")
    header = json.loads(seed[8 : 8 + size])
    kind = rng.randrange(3)
    if kind == 0:
        return by_bytes(seeds, rng)
    if kind == 1 and "__metadata__" in header:
        key = rng.choice(list(header["__metadata__"]))
        header["__metadata__"][key] = by_json([header["__metadata__"][key].encode()], rng).decode("latin-1")
    else:
        header = changed(header, rng)
    text = json_text(header)
    return struct.pack("<Q", len(text)) + text + seed[8 + size :]


def by_tar(seeds: Sequence[bytes], rng: Random) -> bytes:
    """Return a compressed archive with other bytes, outside or inside, or with a header changed and its sum right."""
    kind = rng.randrange(3)
    if kind == 0:
        return by_bytes(seeds, rng)
    raw = gzip.decompress(rng.choice(seeds))
    if kind == 1:
        return gzip.compress(by_bytes([raw], rng), 1, mtime=0)
    data = bytearray(raw)
    at = rng.choice([k for k in range(0, len(raw), 512) if raw[k + 257 : k + 262] == b"ustar"])
    offset, length = rng.choice(((0, 100), (124, 12), (156, 1), (157, 100), (345, 155)))
    chosen = rng.choice(
        (b"../x", b"/x", b"7" * 11, b"\x80" + b"\xff" * 11, b"\xff" * 12, rng.choice(b"0123456789xgLKSV").to_bytes(1, "big"))
    )
    data[at + offset : at + offset + length] = chosen[:length].ljust(length, b"\0")
    data[at + 148 : at + 156] = b" " * 8
    data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
    return gzip.compress(bytes(data), 1, mtime=0)


def by_zip(seeds: Sequence[bytes], rng: Random) -> bytes:
    """Return a zip file with other bytes, or with members of other bytes whose checksums are right."""
    if rng.randrange(3) == 0:
        return by_bytes(seeds, rng)
    buffer = io.BytesIO()
    with (
        warnings.catch_warnings(),
        zipfile.ZipFile(io.BytesIO(rng.choice(seeds))) as old,
        zipfile.ZipFile(buffer, "w", rng.choice((0, 8))) as fresh,
    ):
        warnings.simplefilter("ignore")  # one name twice is a damage too, of which zipfile warns
        for name in old.namelist():
            contents = old.read(name)
            if rng.random() < 0.5:
                shape = rng.choice((b"(%d,)" % rng.choice(EXTREMES), b"()", b"(2, 2)", b"(-1,)", b"(" * 150, b"(True,)", b"(1.5,)"))
                contents = contents.replace(b"(4,)", shape) if rng.random() < 0.5 else by_bytes([contents], rng, (b"|O", b"<U9", b"'"))
            name = name if rng.random() < 0.9 else rng.choice(("../x.npy", "x", "a/b.npy", ".npy"))
            fresh.writestr(zipfile.ZipInfo(name), contents)  # dated 1980, whenever it is made
    return buffer.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    """Return a compressed tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, contents in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(contents)
            tar.addfile(info, io.BytesIO(contents))
    return gzip.compress(buffer.getvalue(), 1, mtime=0)
