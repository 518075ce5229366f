"""What every dataset must be before anything is trained on it; one sentence names the dataset, the rule and what it has instead."""

import logging
from typing import Any

import torch
from torch import Size, Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import TOKENS, Data, Split

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
        inputs, labels = f"dataset={name}: the {part} inputs", f"dataset={name}: the {part} labels"
        if _is_of_integers(split.inputs):
            _check_tokens(labels, split.labels, data.n_classes, split.inputs.shape)  # first: whether they are tokens at all
            _check_tokens(inputs, split.inputs, data.n_classes)
        else:
            _check_numbers(inputs, split.inputs)
            _check_classes(labels, split.labels, len(split.inputs), data.n_classes)
    if data.train.kind != data.test.kind:
        raise InputError(f"dataset={name}: training and test inputs must be of one kind, got {data.train.kind} and {data.test.kind}.")
    shapes = [tuple(part.inputs.shape[1:]) for part in (data.train, data.test)]
    if shapes[0] != shapes[1]:
        raise InputError(f"dataset={name}: training and test examples must have one shape, got {shapes[0]} and {shapes[1]}.")
    if data.kind != TOKENS:  # of which a text need not have every one
        _note_lacking(name, data)
    return data


def _note_lacking(name: str, data: Data) -> None:
    """Log the classes without an example to learn them from."""
    counts = data.train.labels.bincount(minlength=data.n_classes)
    if lacking := (counts == 0).nonzero().flatten().tolist():
        more = f" and {len(lacking) - MOST_NAMED:,} more" if len(lacking) > MOST_NAMED else ""
        classes = ", ".join(map(str, lacking[:MOST_NAMED])) + more
        log.warning("dataset=%s: of its %d classes, the training split has no example of %s.", name, data.n_classes, classes)


def _is_of_integers(inputs: Any) -> bool:
    """Return whether inputs are tokens, or meant to be."""
    return isinstance(inputs, Tensor) and inputs.dtype == torch.int64


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


def _check_tokens(subject: str, tokens: Any, n_tokens: int, shape: Size | None = None) -> None:
    """Raise `InputError` unless they are ids of tokens, in the `shape` of those that they follow where there are such."""
    _check_tensor(subject, tokens, torch.int64)
    if shape is not None and tokens.shape != shape:
        raise InputError(
            f"{subject} must have the shape of the inputs, {tuple(shape)}, one token that follows each, got {tuple(tokens.shape)}; if the "
            "inputs are numbers and no tokens, `split(inputs, labels)` makes them float32."
        )
    if tokens.dim() != 2 or 0 in tokens.shape:
        raise InputError(f"{subject} must have the shape (examples, positions), at least 1 of each, got {tuple(tokens.shape)}.")
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= n_tokens:
        raise InputError(f"{subject} must be tokens in 0, ..., {n_tokens - 1} (`n_classes` is their number), got from {low} to {high}.")


def _check_numbers(subject: str, inputs: Any) -> None:
    _check_tensor(subject, inputs, torch.float32)
    if inputs.dim() not in (2, 4) or 0 in inputs.shape:
        hint = {3: "; images have an axis of channels: inputs[:, None]"}.get(inputs.dim(), "")
        raise InputError(
            f"{subject} must have the shape (examples, numbers), or (examples, channels, height, width), at least 1 of each, "
            f"got {tuple(inputs.shape)}{hint}."
        )
    # A sum is not finite where a number is not; only then, or where it overflows, is every number looked at.
    if not bool(torch.isfinite(inputs.sum())) and not bool((good := torch.isfinite(inputs)).all()):
        example, *axes = (~good).nonzero()[0].tolist()
        position = f"column {axes[0]}" if len(axes) == 1 else "channel {}, row {}, column {}".format(*axes)
        raise InputError(
            f"{subject} must be finite numbers, got {float(inputs[(example, *axes)])} in {position} of example {example} "
            f"({int((~good).sum()):,} in all)."
        )


def _check_classes(subject: str, labels: Any, n: int, n_classes: int) -> None:
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
