"""What every dataset must be before anything is trained on it; one sentence names the dataset, the rule and what it has instead."""

import logging
from typing import Any

import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data, Split

log = logging.getLogger(__name__)
MOST_NAMED = 20  # classes


def check_data(name: str, data: Any) -> Data:
    """Return what a dataset's `load` gave, if a network can be trained on it and measured.

    Parameters
    ----------
    name : str
        Of the dataset, for messages.
    data : object
        Should be a `Data`.

    Raises
    ------
    InputError
        If types, shapes, lengths or devices are not those of a `Data`, numbers are not finite, or labels are not classes.
    """
    if not isinstance(data, Data):
        raise InputError(f"dataset={name}: `load` must return a Data of two splits, got {type(data).__name__}.")
    if isinstance(data.n_classes, bool) or not isinstance(data.n_classes, int) or data.n_classes < 2:
        raise InputError(f"dataset={name}: `n_classes` must be an integer of at least 2, got {data.n_classes!r}.")
    if not isinstance(data.note, str):
        raise InputError(f"dataset={name}: `note` must be a sentence or empty, got {data.note!r}.")
    for part, split in (("training", data.train), ("test", data.test)):
        if not isinstance(split, Split):
            raise InputError(
                f"dataset={name}: the {part} split must be a Split, got {type(split).__name__}; `split(inputs, labels)` makes one."
            )
        _check_inputs(f"dataset={name}: the {part} inputs", split.inputs)
        _check_labels(f"dataset={name}: the {part} labels", split.labels, len(split.inputs), data.n_classes)
    widths = [part.inputs.shape[1] for part in (data.train, data.test)]
    if widths[0] != widths[1]:
        raise InputError(
            f"dataset={name}: training and test inputs must have as many columns as each other, got {widths[0]} and {widths[1]}."
        )
    counts = data.train.labels.bincount(minlength=data.n_classes)
    if lacking := (counts == 0).nonzero().flatten().tolist():
        more = f" and {len(lacking) - MOST_NAMED:,} more" if len(lacking) > MOST_NAMED else ""
        classes = ", ".join(map(str, lacking[:MOST_NAMED])) + more
        log.warning("dataset=%s: of its %d classes, the training split has no example of %s.", name, data.n_classes, classes)
    return data


def _check_tensor(subject: str, value: Any, kind: torch.dtype) -> None:
    word = str(kind).removeprefix("torch.")
    if not isinstance(value, Tensor):
        raise InputError(f"{subject} must be a tensor, got {type(value).__name__}; `split(inputs, labels)` makes tensors of arrays.")
    if special := _special(value):
        raise InputError(f"{subject} must be a plain tensor on the CPU, got {special}; jobs move it to their device themselves.")
    if value.dtype != kind:
        raise InputError(
            f"{subject} must be of type {word}, got {str(value.dtype).removeprefix('torch.')}; `split(inputs, labels)` converts them."
        )


def _special(tensor: Tensor) -> str:
    """Return what keeps a tensor from being a plain one on the CPU; empty if it is one."""
    if tensor.device.type != "cpu":
        return f"one on {tensor.device}"
    if tensor.layout != torch.strided:
        return "a sparse one"
    return "one with gradients" if tensor.requires_grad else ""


def _check_inputs(subject: str, inputs: Any) -> None:
    _check_tensor(subject, inputs, torch.float32)
    if inputs.dim() != 2 or 0 in inputs.shape:
        flat = "; flatten every example: inputs.reshape(len(inputs), -1)" if inputs.dim() > 2 else ""
        raise InputError(f"{subject} must have the shape (examples, numbers), at least 1 of each, got {tuple(inputs.shape)}{flat}.")
    # A sum is not finite where a number is not; only then, or where it overflows, is every number looked at.
    if not bool(torch.isfinite(inputs.sum())) and not bool((good := torch.isfinite(inputs)).all()):
        example, column = (~good).nonzero()[0].tolist()
        raise InputError(
            f"{subject} must be finite numbers, got {float(inputs[example, column])} in column {column} of example {example} "
            f"({int((~good).sum()):,} in all)."
        )


def _check_labels(subject: str, labels: Any, n: int, n_classes: int) -> None:
    if isinstance(labels, Tensor) and labels.dim() == 2 and len(labels) == n:
        if labels.shape[1] == 1:
            raise InputError(f"{subject} must have the shape ({n},), got ({n}, 1): take labels[:, 0].")
        if bool(((labels == 0) | (labels == 1)).all()) and bool((labels.sum(1) == 1).all()):
            raise InputError(
                f"{subject} must be class numbers of shape ({n},), got one-hot rows of {labels.shape[1]}: take labels.argmax(1)."
            )
    _check_tensor(subject, labels, torch.int64)
    if tuple(labels.shape) != (n,):
        raise InputError(f"{subject} must have the shape ({n},), one label for each example, got {tuple(labels.shape)}.")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= n_classes:
        raise InputError(
            f"{subject} must be in 0, ..., {n_classes - 1}, got labels from {low} to {high}{_hint(labels, low, high, n_classes)}"
        )


def _hint(labels: Tensor, low: int, high: int, n_classes: int) -> str:
    """Return what to do about labels of a known other kind."""
    if (low, high) == (1, n_classes):
        return ": subtract 1."
    if (low, high) == (-1, 1) and not bool((labels == 0).any()):
        return ": take (labels + 1) // 2."
    if low < 0:
        return ": leave out examples without a class."
    return f": is `n_classes` {high + 1}?" if low == 0 else "."
