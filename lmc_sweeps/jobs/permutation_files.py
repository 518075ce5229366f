"""`permutations.npz` beside a record: maps by pair, method and group; nothing in it is believed or allocated before it was checked."""

import io
import logging
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from lmc_sweeps.common.checks import UNREADABLE
from lmc_sweeps.common.files import write_atomically
from lmc_sweeps.jobs.records import Record, read_beside
from lmc_sweeps.symmetry.head_maps import InHeads
from lmc_sweeps.symmetry.maps import Coupling, Map, Orthogonal, Permutation
from multirun_analysis import schema
from multirun_analysis.schema import PERMUTATIONS, safe_name

log = logging.getLogger(__name__)
MOST_BYTES = 2**28  # of all permutations of a job
MOST_MATRIX_BYTES = 2**30  # of all its couplings and orthogonal matrices
# The header of an array as NumPy writes it: of integers with one axis, and of float64 with two.
INTEGERS = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<>|][iu][1248])', 'fortran_order': False, 'shape': \((\d{1,10}),\), \} *\n", re.DOTALL
)
FLOATS = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f8', 'fortran_order': False, 'shape': \(([1-9]\d{0,9}), ([1-9]\d{0,9})\), \} *\n", re.DOTALL
)
MATRICES: Mapping[str, Callable[[np.ndarray], Map]] = {
    "coupling": Coupling,
    "orthogonal": Orthogonal,
    "in_heads": lambda rows: InHeads(rows.reshape(-1, rows.shape[1], rows.shape[1])),
}


def write_permutations(
    folder: Path,
    permutations: Mapping[str, Mapping[str, np.ndarray | Map]],
    beside: Mapping[str, np.ndarray | Map] = MappingProxyType({}),
) -> str:
    """Write maps by ``network_a.network_b.matching.settings_hash``, then group, and return the digest of the file.

    A permutation is an array of integers, named ``key/group``; a matrix one of float64, named ``key.coupling/group``,
    ``key.orthogonal/group`` or, of the matrices of all heads one below the other, ``key.in_heads/group``: a key has no slash and three
    dots, so that no name of a group can be taken for another kind.

    Parameters
    ----------
    folder : Path
    permutations : mapping
        Arrays, ``aligned = weight_b[permutation]``, or maps.
    beside : mapping of str to ndarray or Map
        What is to stay of those that are there, as `read_maps` returns them.
    """
    maps = dict(beside)
    for key, by_group in permutations.items():
        maps |= {f"{key}/{group}": value for group, value in by_group.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(_named(key, value) for key, value in maps.items()))  # type: ignore[arg-type]  # names are keywords
    write_atomically(folder / PERMUTATIONS, buffer.getvalue())
    return schema.digest(buffer.getvalue())


def _named(key: str, value: np.ndarray | Map) -> tuple[str, np.ndarray]:
    """Return the name and the array under which a map is written."""
    words, _, group = key.partition("/")
    match value:
        case Permutation(order):
            return key, order
        case Coupling(matrix):
            kind = "coupling"
        case Orthogonal(matrix):
            kind = "orthogonal"
        case InHeads(matrices):
            kind, matrix = "in_heads", matrices.reshape(-1, matrices.shape[-1])  # one head's below another's
        case _:
            return key, np.asarray(value)
    return f"{words}.{kind}/{group}", np.ascontiguousarray(matrix, "<f8")


def permutations_are_damaged(folder: Path, record: Record) -> bool:
    """Return whether the permutations beside a record are not what was written; none are not damaged."""
    try:
        return not zipfile.is_zipfile(io.BytesIO(read_beside(folder, record, PERMUTATIONS)))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def read_permutations(folder: Path, record: Record) -> dict[str, np.ndarray]:
    """Return the permutations among the maps beside a record, as `read_maps` does."""
    return {key: value for key, value in read_maps(folder, record).items() if isinstance(value, np.ndarray)}


def read_maps(folder: Path, record: Record) -> dict[str, np.ndarray | Map]:
    """Return the maps beside a record under ``network_a.network_b.matching.settings_hash/group``, empty if there are none.

    Permutations are arrays of integers, the others `Coupling`, `Orthogonal` or `InHeads`.
    """
    path = folder / PERMUTATIONS
    try:
        contents = read_beside(folder, record, PERMUTATIONS)
        with zipfile.ZipFile(io.BytesIO(contents)) as stored:
            members = [(info, *_key_and_kind(info.filename)) for info in stored.infolist()]
            _check_members(members, len(contents))
            return {key: _map(stored, info, kind) for info, key, kind in members}
    except FileNotFoundError:
        return {}
    except (*UNREADABLE, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error) as error:  # zipfile's, of damaged files
        log.warning("%s cannot be read (%s); the permutations in it are lost; the same command measures them again.", path, error)
        return {}


def _key_and_kind(filename: str) -> tuple[str, str | None]:
    """Return the key of a map, with the names of earlier versions as they are now, and which matrix it is; None is a permutation."""
    before, slash, group = filename.removesuffix(".npy").partition("/")
    *words, last = before.split(".")
    kind = last if len(words) == 4 and last in MATRICES else None
    words = words if kind else [*words, last]
    if len(words) != 4 or not slash:
        raise _not_ours(filename)
    return ".".join(map(safe_name, words)) + slash + group, kind


def _check_members(members: Sequence[tuple[zipfile.ZipInfo, str, str | None]], held: int) -> None:
    """Raise `ValueError` if members claim more than a file of so many bytes can hold, or than is read, or one key twice."""
    for are_matrices, most in ((False, MOST_BYTES), (True, MOST_MATRIX_BYTES)):
        infos = [info for info, _, kind in members if (kind is not None) == are_matrices]
        if sum(info.file_size for info in infos) > most or any(info.compress_size > held for info in infos):
            raise ValueError(f"it claims more than it can hold, or than {most:,} bytes")
    keys = [key for _, key, _ in members]
    if len(set(keys)) < len(keys):
        raise ValueError("it holds two maps of one group")


def _map(stored: zipfile.ZipFile, info: zipfile.ZipInfo, kind: str | None) -> np.ndarray | Map:
    """Return one map; `np.load` would first allocate what its header claims, and evaluates that header."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _not_ours(info.filename)
    contents = stored.read(info)
    head = (FLOATS if kind else INTEGERS).match(contents)
    if kind is None:
        if head is None or int(head[2]) * np.dtype(head[1].decode()).itemsize != len(contents) - head.end():
            raise ValueError(f"{info.filename[:200]!r} is not a row of as many integers as it says")
        return np.frombuffer(contents, np.dtype(head[1].decode()), offset=head.end()).copy()
    if head is None or int(head[1]) * int(head[2]) * 8 != len(contents) - head.end():
        raise ValueError(f"{info.filename[:200]!r} is not a matrix of as many numbers as it says")
    return MATRICES[kind](np.frombuffer(contents, "<f8", offset=head.end()).reshape(int(head[1]), int(head[2])).copy())


def _not_ours(filename: str) -> ValueError:
    return ValueError(f"{filename[:200]!r} is not what write_permutations writes")
