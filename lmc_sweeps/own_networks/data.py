"""Data that a caller brings to `compare`: examples and their labels, checked before anything is computed."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split


def own_split(name: str, data: Any) -> Split:
    """Return a caller's data as a split, inputs in their own type and shape: a pair of tensors, or a map-style dataset read item by item.

    Raises
    ------
    InputError
        If they are neither, or empty, not finite, or without one integer label for each example.
    """
    inputs, labels = _pair(name, data)
    if inputs.is_complex() or inputs.is_quantized or inputs.layout != torch.strided:
        raise InputError(f"`{name}` must have inputs in a dense tensor of real numbers, got {inputs.dtype} ({inputs.layout}).")
    if inputs.dim() == 0 or labels.dim() == 0:
        raise InputError(f"`{name}` must have inputs and labels of several examples, got single numbers.")
    if len(inputs) == 0:
        raise InputError(f"`{name}` has no examples: its inputs have shape {tuple(inputs.shape)}.")
    _check_labels(name, inputs, labels)
    if inputs.is_floating_point():
        bad = (~torch.isfinite(inputs)).flatten(1).any(1) if inputs.dim() > 1 else ~torch.isfinite(inputs)
        if bool(bad.any()):
            raise InputError(
                f"`{name}` must have finite inputs; {int(bad.sum())} of {len(inputs)} examples hold NaN or infinity, the first is example "
                f"{int(bad.nonzero()[0])}."
            )
    return Split(inputs, labels.long())


def _pair(name: str, data: Any) -> tuple[Tensor, Tensor]:
    if isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(part, Tensor | np.ndarray) for part in data):
        return _tensor(name, "inputs", data[0]), _tensor(name, "labels", data[1])
    rule = f"`{name}` must be a pair (inputs, labels) of tensors or a map-style dataset, got {type(data).__name__}"
    if isinstance(data, torch.utils.data.DataLoader):
        raise InputError(f"{rule}; pass its `dataset`.")
    if (
        not hasattr(data, "__getitem__")
        or not hasattr(data, "__len__")
        or isinstance(data, tuple | list | Tensor | np.ndarray | str | dict)
    ):
        raise InputError(f"{rule}.")
    return _items(name, data)


def _items(name: str, data: Any) -> tuple[Tensor, Tensor]:
    """Return the items of a map-style dataset as two tensors."""
    rule = f"`{name}` must have items (input, label), inputs of one shape that are tensors or arrays, labels that are integers"
    try:
        items = [data[k] for k in range(len(data))]
        inputs, labels = ([item[part] for item in items] for part in (0, 1))
        tensors = [torch.as_tensor(part).detach() for part in inputs], [torch.as_tensor(part).detach() for part in labels]
        return torch.stack(tensors[0]) if items else torch.empty(0), torch.stack(tensors[1]) if items else torch.empty(0, dtype=torch.int64)
    except Exception as error:  # whatever a dataset of the caller's own raises
        raise InputError(f"{rule}; reading the {type(data).__name__} raised {type(error).__name__}.") from error


def _tensor(name: str, part: str, values: Tensor | np.ndarray) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach()
    try:  # a copy: torch takes neither steps backwards nor the other order of bytes, and warns of what is read only
        return torch.from_numpy(np.array(values, dtype=values.dtype.newbyteorder("="), order="C"))
    except TypeError as error:
        raise InputError(f"`{name}` must have {part} that are numbers, got an array of {values.dtype}.") from error


def _check_labels(name: str, inputs: Tensor, labels: Tensor) -> None:
    """Raise `InputError` unless there is one integer, or boolean, for each input."""
    if labels.is_floating_point() or labels.is_complex():
        remedy = "one-hot or soft labels become classes by `labels.argmax(1)`" if labels.dim() == 2 and labels.shape[1] > 1 else (
            "if they are numbers of classes pass `labels.long()`; a regression is not measured here"
        )  # fmt: skip
        raise InputError(f"`{name}` must have labels that are integers, the numbers of classes, got {labels.dtype}: {remedy}.")
    if labels.shape != (len(inputs),):
        remedy = {(2, True): "; a column becomes labels by `labels.flatten()`", (2, False): "; one-hot labels by `labels.argmax(1)`"}.get(
            (labels.dim(), labels.shape[-1] == 1), ""
        )
        raise InputError(f"`{name}` needs one label per input, got inputs {tuple(inputs.shape)} and labels {tuple(labels.shape)}{remedy}.")
