"""Files of networks that others trained: safetensors and PyTorch's, whole or in shards. Nothing that a file holds is ever run."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from lmc_sweeps.common.checks import UNREADABLE, InputError, user_path
from lmc_sweeps.datasets.pickled import shown
from lmc_sweeps.own_networks.file_kinds import about_folder, about_other_file, listed
from lmc_sweeps.own_networks.torch_files import MOST_PICKLE, state_dict_of
from multirun_analysis.checks import open_file

MOST_BYTES = 2**32  # of a network, all its shards together
MOST_SHARDS = 1000
SHARD = re.compile(r"(?P<stem>.+)-(?P<k>\d{5})-of-(?P<n>\d{5})(?P<suffix>\.\w+)", re.ASCII)


@dataclass(frozen=True)
class NetworkFile:
    """What a file holds: tensors by name, in its own order if `has_order`; `notes` tell what was taken and what was left aside."""

    path: Path
    tensors: dict[str, Tensor]
    has_order: bool
    notes: tuple[str, ...] = ()


def read_network_file(path: str | Path) -> NetworkFile:
    """Return the tensors of a network's file: of safetensors, or of a PyTorch file with a state dict in it; of all its shards.

    Raises
    ------
    InputError
        If the file is missing, damaged, too large, of another kind, or asks for code to be run; the message tells what to do.
    """
    path = user_path("file of a network", path)
    if os.path.isdir(path):
        raise InputError(about_folder(path))
    if path.name.endswith(".index.json"):
        return _shards(path, _in_index(path))
    if shard := SHARD.fullmatch(path.name):
        n = int(shard["n"])
        return _shards(path, {f"{shard['stem']}-{k:05}-of-{shard['n']}{shard['suffix']}": () for k in range(1, n + 1)})
    return _read(path, MOST_BYTES)


def _read(path: Path, most_bytes: int) -> NetworkFile:
    """Return the tensors of one file."""
    with _opened(path, most_bytes) as stream:
        head = stream.read(512)
        if not head:
            raise InputError(f"{str(path)!r} is empty: it has 0 bytes.")
        is_zip, is_safetensors = head.startswith(b"PK\x03\x04"), len(head) > 8 and head[8:9] == b"{"
        if not is_zip and not is_safetensors:
            raise InputError(about_other_file(path, head))
        contents = head + stream.read(most_bytes)
    if is_zip:
        tensors, notes = state_dict_of(path, contents)
    else:
        try:
            tensors, notes = load(contents), ()
        except (*UNREADABLE, SafetensorError) as error:
            reason = shown(error, 200)
            raise InputError(f"{str(path)!r} is not a whole safetensors file ({reason}): truncated or damaged? Copy it again.") from error
    _check_tensors(path, tensors, len(contents))
    return NetworkFile(path, tensors, is_zip, notes)


def _opened(path: Path, most_bytes: int) -> BinaryIO:
    """Open a file of a network, or raise `InputError` with the reason."""
    try:
        return open_file(path, most_bytes)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {str(path)!r}.") from error
    except (OSError, ValueError) as error:  # a name with a NUL in it is the latter
        raise InputError(f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _check_tensors(path: Path, tensors: Mapping[str, Tensor], n_bytes: int) -> None:
    """Raise `InputError` where a tensor does not hold plain numbers, or claims more of them than the file has bytes for."""
    total = 0
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            kind = "quantised" if tensor.is_quantized else "without contents" if tensor.is_meta else "sparse"
            raise InputError(f"{str(path)!r} is refused: its tensor {shown(name, 100)} is {kind}; save plain numbers.")
        total += tensor.numel() * 4  # as float32
        if max(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()) > n_bytes or total > MOST_BYTES:
            raise InputError(f"{str(path)!r} is refused: its tensor {shown(name, 100)} claims more numbers than the file can hold.")


def _in_index(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the names of the shards that an index names, with the tensors that each must have."""
    try:
        with _opened(path, MOST_PICKLE) as stream:
            weight_map = json.loads(stream.read())["weight_map"]
        shards: dict[str, tuple[str, ...]] = {}
        for tensor, name in weight_map.items():
            if not name or Path(name).name != name:
                raise ValueError(f"its shard {shown(name, 100)} is not a file beside it")
            shards[name] = (*shards.get(name, ()), tensor)
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(
            f"{str(path)!r} is not an index of shards, with a `weight_map` from tensors to files: {shown(error, 200)}."
        ) from error
    return shards


def _shards(path: Path, shards: Mapping[str, tuple[str, ...]]) -> NetworkFile:
    """Return the tensors of all shards beside `path`."""
    if not 0 < len(shards) <= MOST_SHARDS:
        raise InputError(f"{str(path)!r} is refused: it asks for {len(shards):,} shards; at least 1 and at most {MOST_SHARDS:,} are read.")
    if missing := [name for name in shards if not os.path.exists(path.with_name(name))]:
        raise InputError(f"{str(path)!r} is one network with {listed(shards)}, and beside it {listed(missing)} cannot be found.")
    tensors: dict[str, Tensor] = {}
    notes: tuple[str, ...] = (f"read together: {listed(shards)}",)
    bytes_left, has_order = MOST_BYTES, True
    for name, promised in shards.items():
        shard = _read(path.with_name(name), bytes_left)
        bytes_left -= path.with_name(name).stat().st_size
        lacking = [tensor for tensor in promised if tensor not in shard.tensors]
        if lost := lacking or [tensor for tensor in shard.tensors if tensor in tensors]:
            raise InputError(f"{str(path)!r} does not fit {name!r}, which lacks or repeats {listed(lost)}.")
        tensors |= shard.tensors
        notes += shard.notes
        has_order &= shard.has_order
    return NetworkFile(path, tensors, has_order, notes)
