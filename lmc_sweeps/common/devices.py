"""Devices: the one that a setting names, errors of one without memory left, and exact products on CUDA."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lmc_sweeps.common.checks import InputError


def resolve_device(device: str) -> torch.device:
    """Return the device that ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N`` means.

    Raises
    ------
    InputError
        If it is none of these devices, or this machine lacks it.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if re.fullmatch(r"cpu|cuda(:(0|[1-9][0-9]*))?", str(device)) is None:
        raise InputError(f"`device` must be one of auto, cpu, cuda, cuda:0, cuda:1, ..., got {device!r}.")
    kind, _, index = device.partition(":")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise InputError(f"`device` must be there, got {device!r} on a machine with {torch.cuda.device_count()} CUDA devices.")
    return torch.device(device)


def has_bfloat16_units(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 matrices in units made for it: a GPU's, or AMX or AVX-512 BF16 of a CPU."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # PyTorch says so in functions without a public name
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that there was too little memory."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextmanager
def exact_products(device: torch.device) -> Iterator[None]:
    """Keep CUDA from rounding the factors of products to TensorFloat-32 within a block; the switches are those of the whole process."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
