"""Files of networks that others trained: safetensors and PyTorch's, whole or in shards. Nothing that a file holds is ever run."""

import io
import json
import os
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from lmc_sweeps.common.checks import UNREADABLE, InputError, user_path
from lmc_sweeps.datasets.pickled import shown
from multirun_analysis.checks import open_file

MOST_BYTES = 2**32  # of a network, all its shards together
MOST_PICKLE = 2**24  # of the part of a PyTorch file that says what is where
MOST_SHARDS = 1000
SAFE_TORCH = (2, 10)  # before it, `weights_only=True` could run code, or write beyond its memory (CVE-2025-32434, CVE-2026-24747)
TAKEN = "read are safetensors files and PyTorch's state dicts and checkpoints (.pt, .pth, .ckpt, .bin)"
SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
SHARD = re.compile(r"(?P<stem>.+)-(?P<k>\d{5})-of-(?P<n>\d{5})(?P<suffix>\.\w+)", re.ASCII)
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how PyTorch's files began before version 1.6
# What a file begins with that is no network, or none that is read here: what it is, and what to do.
OTHERS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"version https://git-lfs", "a pointer of Git LFS in place of the file", "fetch the file itself with `git lfs pull`"),
    (0, b"/annex/objects/", "a pointer of git-annex in place of the file", "fetch the file itself with `git annex get`"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes them", "save its kernels and biases with safetensors.numpy.save_file"),
    (0, b"\x93NUMPY", "an array of NumPy", "save all arrays of the network with safetensors.numpy.save_file"),
    (0, b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (0, b"GGUF", "a GGUF file", "save the network's state dict with PyTorch"),
    (4, b"TFL3", "a TensorFlow Lite file", "save its kernels and biases with safetensors.numpy.save_file"),
    (257, b"ustar", "a tar archive", "unpack it first"),
    (0, b"<", "a web page or another text with tags", "download the file itself"),
    (0, LEGACY, "in PyTorch's format before 1.6", "write it anew: torch.save(torch.load(FILE, weights_only=True), 'state.pt')"),
    (0, b"\x80", "a pickle, which can run code", "save its state dict with torch.save or safetensors.torch.save_file"),
)


@dataclass(frozen=True)
class NetworkFile:
    """What a file holds: tensors by name, in its own order if `has_order`; `notes` say what was taken and what was left."""

    path: Path
    tensors: dict[str, Tensor]
    has_order: bool
    notes: tuple[str, ...] = ()


def read_network_file(path: str | Path) -> NetworkFile:
    """Return the tensors of a network's file: of safetensors, or of a PyTorch file with a state dict in it; of all its shards.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, too large, of another kind, or asks for code to be run: with what to do.
    """
    path = user_path("file of a network", path)
    if os.path.isdir(path):
        raise InputError(_about_folder(path))
    if path.name.endswith(".index.json"):
        return _shards(path, _in_index(path))
    if found := SHARD.fullmatch(path.name):
        n = int(found["n"])
        return _shards(path, {f"{found['stem']}-{k:05}-of-{found['n']}{found['suffix']}": () for k in range(1, n + 1)})
    return _read(path, MOST_BYTES)


def listed(names: Any, most: int = 12) -> str:
    """Return names of a file as a message can hold them: without letters that a terminal would obey, and not too many."""
    every = [shown(name, 100) for name in names]
    return ", ".join(every[:most]) + (f" and {len(every) - most:,} more" if len(every) > most else "")


def _about_folder(path: Path) -> str:
    if (path / "record.json").exists():
        return (
            f"{str(path)!r} is the folder of a job, which holds no networks: lmc_sweeps.load_networks({str(path)!r}) in Python "
            "takes them out of the store. Name two files here."
        )
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        return f"{str(path)!r} is a folder that cannot be read: {error.strerror}."
    if any(name.endswith(".distcp") for name in names):
        return (
            f"{str(path)!r} is a distributed checkpoint; make it one file: "
            f"torch.distributed.checkpoint.format_utils.dcp_to_torch_save({str(path)!r}, 'state.pt')."
        )
    inside = [name for name in names if name.endswith((*SUFFIXES, ".index.json"))]
    return f"{str(path)!r} is a folder; name the file of the network in it" + (f": {listed(inside)}." if inside else f" ({TAKEN}).")


def _read(path: Path, most_bytes: int) -> NetworkFile:
    """Return the tensors of one file."""
    with _opened(path, most_bytes) as stream:
        head = stream.read(512)
        if not head:
            raise InputError(f"{str(path)!r} is empty: it has 0 bytes.")
        is_zip, is_safetensors = head.startswith(b"PK\x03\x04"), len(head) > 8 and head[8:9] == b"{"
        if not is_zip and not is_safetensors:
            raise InputError(_about_others(path, head))
        contents = head + stream.read(most_bytes)
    if is_zip:
        tensors, notes = _state_dict(path, _from_torch(path, contents))
    else:
        try:
            tensors, notes = load(contents), ()
        except (*UNREADABLE, SafetensorError) as error:
            said = shown(error, 200)
            raise InputError(f"{str(path)!r} is no whole safetensors file ({said}): truncated or damaged? Copy it anew.") from error
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


def _about_others(path: Path, head: bytes) -> str:
    for place, mark, what, remedy in OTHERS:
        if head[place:].startswith(mark):
            return f"{str(path)!r} is {what}: {remedy}; {TAKEN}."
    return f"{str(path)!r} is no file of a network that is read here: it begins with {ascii(head[:16])[1:]}; {TAKEN}."


def _from_torch(path: Path, contents: bytes) -> Any:
    """Return what `torch.save` wrote: no code of the file is run, and no more memory is taken than the file has."""
    try:
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            _check_members(path, archive.infolist(), len(contents))
            damaged = archive.testzip()  # torch.load does not look at checksums
    except InputError:
        raise
    except (zipfile.BadZipFile, RuntimeError, EOFError, *UNREADABLE) as error:
        raise InputError(f"{str(path)!r} is a truncated or damaged file of PyTorch ({shown(error, 200)}). Copy it anew.") from error
    if damaged is not None:
        raise InputError(
            f"{str(path)!r} is damaged: the checksum of its member {shown(damaged, 100)} is wrong. Copy it anew; or, if PyTorch was "
            f"told to write none, write it anew: torch.save(torch.load({str(path)!r}, weights_only=True), 'state.pt')."
        )
    release = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if release < SAFE_TORCH:
        raise InputError(
            f"{str(path)!r} is not read with torch {torch.__version__}, in which such a file can do harm (CVE-2025-32434, CVE-2026-24747): "
            "install torch 2.10 or later, or save the state dict with safetensors.torch.save_file."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about how old files are written
            return torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or hostile file makes of torch
        if asked := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise InputError(
                f"{str(path)!r} asks for {shown(asked[1], 100)} when it is loaded (a pickled module, or settings beside the weights), and "
                f"no code of a file is run here. If you trust it, save the weights alone: torch.save(torch.load({str(path)!r}, "
                "weights_only=False).state_dict(), 'state.pt') for a module, [\"state_dict\"] in place of .state_dict() for a checkpoint."
            ) from error
        raise InputError(f"{str(path)!r} is a damaged file of PyTorch ({shown(str(error).partition(chr(10))[0], 200)}).") from error


def _check_members(path: Path, members: list[zipfile.ZipInfo], held: int) -> None:
    """Raise `InputError` unless the members of a zip archive are those of a PyTorch file, as `torch.save` writes them."""
    names = [member.filename for member in members]
    if any("/code/" in name for name in names):
        raise InputError(
            f"{str(path)!r} is a TorchScript program. Save its state dict: "
            f"torch.save(torch.jit.load({str(path)!r}).state_dict(), 'state.pt')."
        )
    pickles = [member for member in members if member.filename.endswith("data.pkl")]
    if len(pickles) != 1:
        kind = "NumPy's .npz" if names and all(name.endswith(".npy") for name in names) else "another kind of zip archive"
        kind = "Keras' .keras" if "model.weights.h5" in names else kind
        raise InputError(f"{str(path)!r} is {kind}: save its arrays with safetensors.numpy.save_file; {TAKEN}.")
    # torch.save never compresses: what is compressed, or counted twice, could unpack to any size
    if any(member.compress_type != zipfile.ZIP_STORED for member in members) or sum(member.file_size for member in members) > held:
        raise InputError(f"{str(path)!r} is refused: its members are compressed or overlap, which torch.save never does.")
    if pickles[0].file_size > MOST_PICKLE:
        raise InputError(f"{str(path)!r} is refused: its data.pkl has {pickles[0].file_size:,} bytes; at most {MOST_PICKLE:,} are read.")


def _state_dict(path: Path, loaded: Any) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return the one state dict in what a PyTorch file holds, and what is to be said of the rest."""
    if not isinstance(loaded, Mapping):
        raise InputError(f"{str(path)!r} holds a {type(loaded).__name__}, not a state dict: save network.state_dict().")
    if _is_state_dict(loaded):
        tensors, rest, notes = _tensors(loaded), [key for key in loaded if not isinstance(loaded[key], Tensor)], []
    else:
        keys = [key for key, value in loaded.items() if isinstance(key, str) and _is_state_dict(value)]
        if len(keys) != 1:
            about = f"several state dicts, {listed(keys)}" if keys else f"no state dict, but {listed(loaded) or 'nothing'}"
            which = keys[0] if keys else "KEY"
            raise InputError(
                f"{str(path)!r} holds {about}. Save the one that you mean: "
                f"torch.save(torch.load({str(path)!r}, weights_only=True)[{which!r}], 'state.pt')."
            )
        tensors, rest = _tensors(loaded[keys[0]]), [key for key in loaded if key != keys[0]]
        rest += [key for key, value in loaded[keys[0]].items() if not isinstance(value, Tensor)]
        notes = [f"the network is that of the key {keys[0]!a}"]
    return tensors, (*notes, *([f"left aside: {listed(rest)}"] if rest else []))


def _is_state_dict(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(part, Tensor) and part.dim() >= 2 for part in value.values())


def _tensors(state: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {str(name): value.detach() for name, value in state.items() if isinstance(value, Tensor)}


def _check_tensors(path: Path, tensors: Mapping[str, Tensor], held: int) -> None:
    """Raise `InputError` where a tensor is none of plain numbers, or claims more of them than the file has bytes for."""
    total = 0
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            kind = "quantised" if tensor.is_quantized else "without contents" if tensor.is_meta else "sparse"
            raise InputError(f"{str(path)!r} is refused: its tensor {shown(name, 100)} is {kind}; save plain numbers.")
        total += tensor.numel() * 4  # as float32
        if max(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()) > held or total > MOST_BYTES:
            raise InputError(f"{str(path)!r} is refused: its tensor {shown(name, 100)} claims more numbers than the file can hold.")


def _in_index(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the names of the shards that an index names, with the tensors that each has to have."""
    try:
        with _opened(path, MOST_PICKLE) as stream:
            places = json.loads(stream.read())["weight_map"]
        shards: dict[str, tuple[str, ...]] = {}
        for tensor, name in places.items():
            if not name or Path(name).name != name:
                raise ValueError(f"its shard {shown(name, 100)} is no file beside it")
            shards[name] = (*shards.get(name, ()), tensor)
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(f"{str(path)!r} is no index of shards, with a `weight_map` from tensors to files: {shown(error, 200)}.") from error
    return shards


def _shards(path: Path, shards: Mapping[str, tuple[str, ...]]) -> NetworkFile:
    """Return the tensors of all shards beside `path`."""
    if not 0 < len(shards) <= MOST_SHARDS:
        raise InputError(f"{str(path)!r} is refused: it asks for {len(shards):,} shards; at least 1 and at most {MOST_SHARDS:,} are read.")
    if missing := [name for name in shards if not os.path.exists(path.with_name(name))]:
        raise InputError(f"{str(path)!r} is one network with {listed(shards)}, and beside it {listed(missing)} cannot be found.")
    tensors: dict[str, Tensor] = {}
    notes: tuple[str, ...] = (f"read together: {listed(shards)}",)
    left, has_order = MOST_BYTES, True
    for name, promised in shards.items():
        found = _read(path.with_name(name), left)
        left -= path.with_name(name).stat().st_size
        if lost := [tensor for tensor in promised if tensor not in found.tensors] or [
            tensor for tensor in found.tensors if tensor in tensors
        ]:
            raise InputError(f"{str(path)!r} does not fit {name!r}, which lacks or repeats {listed(lost)}.")
        tensors |= found.tensors
        notes += found.notes
        has_order &= found.has_order
    return NetworkFile(path, tensors, has_order, notes)
