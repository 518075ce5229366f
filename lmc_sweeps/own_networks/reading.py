"""Examples of a caller's, read once into two tensors: of a pair, of a dataset in chunks, or of a DataLoader batch by batch."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import spread

CHUNK = 1000  # items of a dataset that are held one by one before they are one tensor
MOST_UNCOUNTED = 1_000_000  # examples that are read of what may have no end
REMEDY = "; give it a `collate_fn` that returns the pair"


def read_examples(name: str, data: Any, most: int | None = None) -> tuple[Tensor, Tensor, list[str]]:
    """Return inputs and labels, in their own types and shapes, and a note if they are not all that there are.

    Parameters
    ----------
    name : str
        What messages call them.
    data : (inputs, labels), map-style dataset or DataLoader
        A dataset has items (input, label), and is read in the order of its items, by its `__getitems__` where it has one. A DataLoader
        gives batches (inputs, labels), and is iterated once, as it is.
    most : int, optional
        The most examples that are read: spread evenly over a pair or a dataset, the first ones of a DataLoader.

    Raises
    ------
    InputError
        If it is none of these, or cannot be read.
    """
    if isinstance(data, DataLoader):
        return _loader(name, data, most)
    if isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(part, Tensor | np.ndarray) for part in data):
        return _spread(name, as_tensor(name, "inputs", data[0]), as_tensor(name, "labels", data[1]), most)
    if type(data) is TensorDataset and len(data.tensors) == 2:
        return _spread(name, data.tensors[0].detach(), data.tensors[1].detach(), most)
    rule = f"`{name}` must be a pair (inputs, labels) of tensors, a map-style dataset or a DataLoader, got {type(data).__name__}"
    if isinstance(data, IterableDataset):
        raise InputError(f"{rule}; pass DataLoader({name}, batch_size=...).")
    others = (tuple, list, Tensor, np.ndarray, str, dict)
    if not hasattr(data, "__getitem__") or not hasattr(data, "__len__") or isinstance(data, others):
        raise InputError(f"{rule}.")
    return _dataset(name, data, most)


def as_tensor(name: str, part: str, values: Tensor | np.ndarray) -> Tensor:
    """Return a tensor or an array as a tensor that remembers no gradient."""
    if isinstance(values, Tensor):
        return values.detach()
    try:  # a copy: torch takes neither steps backwards nor the other order of bytes, and warns of what is read only
        return torch.from_numpy(np.array(values, dtype=values.dtype.newbyteorder("="), order="C"))
    except TypeError as error:
        raise InputError(f"`{name}` must have {part} that are numbers, got an array of {values.dtype}.") from error


def _spread(name: str, inputs: Tensor, labels: Tensor, most: int | None) -> tuple[Tensor, Tensor, list[str]]:
    """Return at most so many examples of a pair; one that is no pair of equal length stays as it is, and is refused later."""
    if most is None or inputs.dim() == 0 or labels.shape[:1] != inputs.shape[:1] or len(inputs) <= most:
        return inputs, labels, []
    rows = spread(len(inputs), most).to(inputs.device)
    return inputs[rows], labels[rows.to(labels.device)], [_note(name, most, len(inputs), "spread evenly (max_examples)")]


def _dataset(name: str, data: Any, most: int | None) -> tuple[Tensor, Tensor, list[str]]:
    """Return the items of a map-style dataset."""
    rule = f"`{name}` must have items (input, label), inputs of one shape that are tensors or arrays, labels that are numbers"
    pairs: list[tuple[Tensor, Tensor]] = []
    try:
        examples = len(data)
        rows = spread(examples, most).tolist()
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            items = data.__getitems__(chunk) if callable(getattr(data, "__getitems__", None)) else [data[k] for k in chunk]
            if items and isinstance(items[0], Mapping):
                break
            inputs, labels = (torch.stack([torch.as_tensor(item[part]).detach() for item in items]) for part in (0, 1))
            pairs.append((inputs, labels))
        tensors = [torch.cat(parts) for parts in zip(*pairs, strict=True)] or [torch.empty(0), torch.empty(0, dtype=torch.int64)]
    except Exception as error:  # whatever a dataset of the caller's own raises
        raise InputError(f"{rule}; reading the {type(data).__name__} raised {type(error).__name__}.") from error
    if rows and not pairs:
        remedy = "pass a DataLoader with a `collate_fn` that returns the pair"
        raise InputError(f"{rule}; those of the {type(data).__name__} are dicts of {_keys(items[0])}: {remedy}.")
    notes = [_note(name, len(rows), examples, "spread evenly (max_examples)")] if len(rows) < examples else []
    return tensors[0], tensors[1], notes


def _loader(name: str, loader: DataLoader, most: int | None) -> tuple[Tensor, Tensor, list[str]]:
    """Return all batches of a loader one after the other."""
    is_counted = not isinstance(loader.dataset, IterableDataset) and _has_length(loader)
    limit = None if most is None and is_counted else MOST_UNCOUNTED if most is None else most
    pairs: list[tuple[Tensor, Tensor]] = []
    count, cut = 0, False
    for number, batch in enumerate(_batches(name, loader)):
        if count == limit:
            cut = True
            break
        inputs, labels = _pair(name, batch)
        for part, values, first in zip(("inputs", "labels"), (inputs, labels), pairs[0] if pairs else (inputs, labels), strict=True):
            if values.shape[1:] != first.shape[1:]:
                raise InputError(
                    f"`{name}` must have {part} of one shape, got {tuple(first.shape[1:])} in batch 0 and {tuple(values.shape[1:])} in "
                    f"batch {number}: pad all examples to one length, with labels of -100 where there is nothing to predict."
                )
        taken = len(inputs) if limit is None else min(len(inputs), limit - count)
        cut = cut or taken < len(inputs)
        pairs.append((inputs[:taken].clone(), labels[:taken].clone()))  # of a worker's memory, of which there is little
        count += taken
        if cut:
            break
    if count == 0:
        raise InputError(f"`{name}` has no examples: its DataLoader gives no batch (with drop_last=True, none that is not full).")
    if cut and most is None:
        raise InputError(
            f"`{name}` has more than {MOST_UNCOUNTED:,} examples, or no end, and no length: pass `max_examples`, the most that are read."
        )
    inputs, labels = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    if cut:
        return inputs, labels, [f"`{name}`: the first {count:,} examples of the DataLoader were read (max_examples)."]
    examples = len(loader.dataset) if is_counted and hasattr(loader.dataset, "__len__") else count
    return (
        inputs,
        labels,
        [] if examples == count else [_note(name, count, examples, "as its DataLoader gives them (drop_last, or a sampler)")],
    )


def _has_length(loader: DataLoader) -> bool:
    try:
        len(loader)
    except TypeError:  # of its sampler
        return False
    return True


def _batches(name: str, loader: DataLoader) -> Iterator[Any]:
    try:
        yield from loader
    except Exception as error:  # whatever a dataset, or a collate_fn, of the caller's own raises
        reason = str(error).strip().splitlines() or [""]
        shapes = ": its items have several shapes" if "equal size" in reason[-1] else ""
        raise InputError(f"`{name}` cannot be read: iterating its DataLoader raised {type(error).__name__}{shapes}.") from error


def _pair(name: str, batch: Any) -> tuple[Tensor, Tensor]:
    """Return the inputs and labels of a batch, one row per example."""
    rule = f"`{name}` must give batches (inputs, labels) of tensors when its DataLoader is iterated"
    if isinstance(batch, Mapping):
        raise InputError(f"{rule}, got dicts of {_keys(batch)}{REMEDY}.")
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise InputError(f"{rule}, got a {type(batch).__name__}{size}{REMEDY}.")
    kinds = [type(part).__name__ for part in batch if not isinstance(part, Tensor | np.ndarray | int | float)]
    if kinds:
        raise InputError(f"{rule}, got a pair that holds a {kinds[0]}{REMEDY}.")
    inputs, labels = (
        as_tensor(name, part, values) if isinstance(values, Tensor | np.ndarray) else torch.as_tensor(values)
        for part, values in zip(("inputs", "labels"), batch, strict=True)
    )
    if labels.dim() == 0:  # one item: the loader makes no batches
        return inputs.unsqueeze(0), labels.unsqueeze(0)
    if inputs.shape[:1] != labels.shape[:1]:
        raise InputError(f"{rule}, one label per input, got inputs {tuple(inputs.shape)} and labels {tuple(labels.shape)}.")
    return inputs, labels


def _keys(item: Mapping) -> str:
    return ", ".join(map(repr, item)) or "nothing"


def _note(name: str, count: int, examples: int, manner: str) -> str:
    return f"`{name}`: {count:,} of {examples:,} examples were read, {manner}."
