"""Tensors as the bytes of a safetensors file, with an entry of words in its header, and back."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from safetensors.torch import load, save
from torch import Tensor


def packed(tensors: Mapping[str, Tensor], entry: str, words: Mapping[str, Any]) -> bytes:
    """Return tensors as a safetensors file. There is one entry only, for the order of several in a header is not fixed."""
    return save({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, {entry: json.dumps(words, sort_keys=True)})


def unpacked(contents: bytes) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name, in order, each in memory of its own, which begins where PyTorch lets it begin."""
    return {key: tensor.clone() for key, tensor in sorted(load(contents).items())}  # safetensors returns them in any order


def words_of(stream: BinaryIO, entry: str) -> dict[str, Any]:
    """Return the words of an entry from the beginning of a safetensors file: the length of its header, its header, and tensors."""
    length = stream.read(8)
    header = stream.read(min(int.from_bytes(length, "little"), 2**27))  # safetensors itself takes no header beyond 100 MB
    words: dict[str, Any] = json.loads(json.loads(header)["__metadata__"][entry])
    return words


def check_like(tensors: Mapping[str, Tensor], template: Mapping[str, Tensor]) -> None:
    """Raise `ValueError` if tensors have other names, shapes or types than those of a template."""
    if set(tensors) != set(template):
        raise ValueError(f"its tensors are {', '.join(sorted(tensors))}, not {', '.join(sorted(template))}")
    for key, tensor in tensors.items():
        if (tensor.shape, tensor.dtype) != (template[key].shape, template[key].dtype):
            kinds = [f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}" for value in (tensor, template[key])]
            raise ValueError(f"its tensor {key!r} is {kinds[0]}, not {kinds[1]}")


def words_digest(words: Mapping[str, Any]) -> str:
    """Return the checksum of plain values."""
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def tensors_digest(tensors: Mapping[str, Tensor], words: Mapping[str, Any]) -> str:
    """Return the checksum of tensors, their names, types and shapes, and of the words beside them."""
    digest = hashlib.sha256(json.dumps(words, sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {list(tensors[key].shape)}".encode())
        digest.update(tensors[key].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
