"""PyTorch's files: the one state dict in them, read without running any code of theirs and without more memory than they have bytes."""

import io
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lmc_sweeps.common.checks import UNREADABLE, InputError
from lmc_sweeps.datasets.pickled import shown
from lmc_sweeps.own_networks.file_kinds import TAKEN, listed

MOST_PICKLE = 2**24  # of the part of a PyTorch file that says what is where
SAFE_TORCH = (2, 10)  # before it, `weights_only=True` could run code, or write beyond its memory (CVE-2025-32434, CVE-2026-24747)


def state_dict_of(path: Path, contents: bytes) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return the tensors of a PyTorch file by name, and notes on what was taken and what was left aside.

    Raises
    ------
    InputError
        If it is damaged, holds no state dict or several, or asks for code to be run; the message tells what to do.
    """
    _check_archive(path, contents)
    _check_release(path)
    return _state_dict(path, _loaded(path, contents))


def _check_archive(path: Path, contents: bytes) -> None:
    """Raise `InputError` unless a file is a whole zip archive as `torch.save` writes them."""
    try:
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            _check_members(path, archive.infolist(), len(contents))
            damaged = archive.testzip()  # torch.load does not look at checksums
    except InputError:
        raise
    except (zipfile.BadZipFile, RuntimeError, EOFError, *UNREADABLE) as error:
        raise InputError(f"{str(path)!r} is a truncated or damaged file of PyTorch ({shown(error, 200)}). Copy it again.") from error
    if damaged is not None:
        raise InputError(
            f"{str(path)!r} is damaged: the checksum of its member {shown(damaged, 100)} is wrong. Copy it again; or, if PyTorch was "
            f"set to write none, write it again: torch.save(torch.load({str(path)!r}, weights_only=True), 'state.pt')."
        )


def _check_members(path: Path, members: list[zipfile.ZipInfo], n_bytes: int) -> None:
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
    if any(member.compress_type != zipfile.ZIP_STORED for member in members) or sum(member.file_size for member in members) > n_bytes:
        raise InputError(f"{str(path)!r} is refused: its members are compressed or overlap, which torch.save never does.")
    if pickles[0].file_size > MOST_PICKLE:
        raise InputError(f"{str(path)!r} is refused: its data.pkl has {pickles[0].file_size:,} bytes; at most {MOST_PICKLE:,} are read.")


def _check_release(path: Path) -> None:
    release = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if release < SAFE_TORCH:
        raise InputError(
            f"{str(path)!r} is not read with torch {torch.__version__}, in which such a file can do harm (CVE-2025-32434, CVE-2026-24747): "
            "install torch 2.10 or later, or save the state dict with safetensors.torch.save_file."
        )


def _loaded(path: Path, contents: bytes) -> Any:
    """Return what `torch.save` wrote; no code of the file is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about how old files are written
            return torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever torch raises for a damaged or hostile file
        if code := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise InputError(
                f"{str(path)!r} asks for {shown(code[1], 100)} when it is loaded (a pickled module, or settings beside the weights), and "
                f"no code of a file is run here. If you trust it, save the weights alone: torch.save(torch.load({str(path)!r}, "
                "weights_only=False).state_dict(), 'state.pt') for a module, [\"state_dict\"] in place of .state_dict() for a checkpoint."
            ) from error
        raise InputError(f"{str(path)!r} is a damaged file of PyTorch ({shown(str(error).partition(chr(10))[0], 200)}).") from error


def _state_dict(path: Path, loaded: Any) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return the one state dict in what a PyTorch file holds, and notes on what was taken and what was left aside."""
    if not isinstance(loaded, Mapping):
        raise InputError(f"{str(path)!r} holds a {type(loaded).__name__}, not a state dict: save network.state_dict().")
    if _is_state_dict(loaded):
        tensors, others, notes = _tensors(loaded), [key for key in loaded if not isinstance(loaded[key], Tensor)], []
    else:
        keys = [key for key, value in loaded.items() if isinstance(key, str) and _is_state_dict(value)]
        if len(keys) != 1:
            about = f"several state dicts, {listed(keys)}" if keys else f"no state dict, but {listed(loaded) or 'nothing'}"
            key = keys[0] if keys else "KEY"
            raise InputError(
                f"{str(path)!r} holds {about}. Save the one that you mean: "
                f"torch.save(torch.load({str(path)!r}, weights_only=True)[{key!r}], 'state.pt')."
            )
        tensors, others = _tensors(loaded[keys[0]]), [key for key in loaded if key != keys[0]]
        others += [key for key, value in loaded[keys[0]].items() if not isinstance(value, Tensor)]
        notes = [f"the network is that of the key {keys[0]!a}"]
    return tensors, (*notes, *([f"left aside: {listed(others)}"] if others else []))


def _is_state_dict(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(part, Tensor) and part.dim() >= 2 for part in value.values())


def _tensors(state: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {str(name): value.detach() for name, value in state.items() if isinstance(value, Tensor)}
