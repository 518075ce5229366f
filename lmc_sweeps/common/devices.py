"""Where tensors are: the device that a setting names, and what a device without memory left says."""

import re

import torch

from lmc_sweeps.common.checks import InputError


def resolve_device(device: str) -> torch.device:
    """Return the device that ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N`` means.

    Raises
    ------
    InputError
        If it is none of these, or not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if re.fullmatch(r"cpu|cuda(:(0|[1-9][0-9]*))?", str(device)) is None:
        raise InputError(f"`device` must be one of auto, cpu, cuda, cuda:0, cuda:1, ..., got {device!r}.")
    kind, _, index = device.partition(":")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise InputError(f"`device` must be there, got {device!r} on a machine with {torch.cuda.device_count()} CUDA devices.")
    return torch.device(device)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that there was too little memory."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
