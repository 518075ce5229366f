"""`permutations.npz` beside a record: by pair, method and group; nothing in it is believed or allocated before it was checked."""

import io
import logging
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from lmc_sweeps.common.checks import UNREADABLE
from lmc_sweeps.common.files import write_atomically
from lmc_sweeps.jobs.records import Record, read_beside
from lmc_sweeps.matching.base import Permutations
from multirun_analysis import schema
from multirun_analysis.schema import PERMUTATIONS, safe_name

log = logging.getLogger(__name__)
MOST_BYTES = 2**28  # of all permutations of a job
# The header of an array of integers with one axis, as NumPy writes it.
NPY = re.compile(rb"\x93NUMPY\x01\x00..\{'descr': '([<>|][iu][1248])', 'fortran_order': False, 'shape': \((\d{1,10}),\), \} *\n", re.DOTALL)


def write_permutations(
    folder: Path, permutations: Mapping[str, Permutations], beside: Mapping[str, np.ndarray] = MappingProxyType({})
) -> str:
    """Write permutations by ``network_a.network_b.matching.settings_hash``, then group, and return the digest of the file.

    Parameters
    ----------
    folder : Path
    permutations : mapping
    beside : mapping of str to ndarray
        What is to stay of those that are there, as `read_permutations` returns them.
    """
    arrays = dict(beside)
    for key, by_group in permutations.items():
        arrays |= {f"{key}/{group}": permutation for group, permutation in by_group.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # names go in as keywords
    write_atomically(folder / PERMUTATIONS, buffer.getvalue())
    return schema.digest(buffer.getvalue())


def permutations_are_damaged(folder: Path, record: Record) -> bool:
    """Return whether the permutations beside a record are not what was written; none are not damaged."""
    try:
        return not zipfile.is_zipfile(io.BytesIO(read_beside(folder, record, PERMUTATIONS)))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def read_permutations(folder: Path, record: Record) -> dict[str, np.ndarray]:
    """Return the permutations beside a record under ``network_a.network_b.matching.settings_hash/group``, empty if there are none."""
    path = folder / PERMUTATIONS
    try:
        contents = read_beside(folder, record, PERMUTATIONS)
        with zipfile.ZipFile(io.BytesIO(contents)) as stored:
            members = stored.infolist()
            if sum(info.file_size for info in members) > MOST_BYTES or any(info.compress_size > len(contents) for info in members):
                raise ValueError(f"it claims more than it can hold, or than {MOST_BYTES:,} bytes")
            return {_safe_key(info.filename.removesuffix(".npy")): _permutation(stored, info) for info in members}
    except FileNotFoundError:
        return {}
    except (*UNREADABLE, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error) as error:  # zipfile's, of damaged files
        log.warning("%s cannot be read (%s); the permutations in it are lost; the same command measures them again.", path, error)
        return {}


def _safe_key(key: str) -> str:
    """Return the key of a permutation with the names of earlier versions as they are now."""
    words, slash, group = key.partition("/")
    return ".".join(map(safe_name, words.split("."))) + slash + group


def _permutation(stored: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """Return one array; `np.load` would first allocate what its header claims, and evaluates that header."""
    if info.filename.partition("/")[0].count(".") != 3 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename[:200]!r} is not what write_permutations writes")
    contents = stored.read(info)
    head = NPY.match(contents)
    if head is None or int(head[2]) * np.dtype(head[1].decode()).itemsize != len(contents) - head.end():
        raise ValueError(f"{info.filename[:200]!r} is not a row of as many integers as it says")
    return np.frombuffer(contents, np.dtype(head[1].decode()), offset=head.end()).copy()
