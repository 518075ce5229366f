"""What every dataset is: settings that load a training and a test split, and a fingerprint of their contents."""

import hashlib
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import NEVER

log = logging.getLogger(__name__)

MOST_RATIO = 1032  # of contents to file, by which deflate (gzip) can compress
KINDS = VECTORS, IMAGES, TOKENS = ("vectors", "images", "tokens")  # of examples


@dataclass(frozen=True)
class Split:
    """Examples in a fixed order, one a row.

    Parameters
    ----------
    inputs : Tensor, shape (n, ...)
        Vectors (n, d) or images (n, c, h, w) of c channels, in float32; or tokens (n, positions), ids 0, 1, ... in int64.
    labels : Tensor, shape (n,) or (n, positions)
        In int64: a class for each example; of tokens, one for each position, as the token that follows.
    """

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def kind(self) -> str:
        """What its examples are, one of `KINDS`."""
        if not self.inputs.is_floating_point():
            return TOKENS
        return IMAGES if self.inputs.dim() > 2 else VECTORS

    def to(self, device: torch.device) -> "Split":
        """Return the split on a device."""
        return Split(self.inputs.to(device), self.labels.to(device))

    def examples_at_once(self, items: int) -> int:
        """Return how many examples have at most so many labels, one at least: of tokens there is a label at each position."""
        return max(1, items * len(self.labels) // max(1, self.labels.numel()))

    def batches(self, items: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs and labels in their order, `examples_at_once` at a time."""
        size = self.examples_at_once(items)
        yield from zip(self.inputs.split(size), self.labels.split(size), strict=True)

    def at_most(self, examples: int | None) -> "Split":
        """Return so many examples at most, spread evenly (`spread`); the split itself where it has no more, or without a bound."""
        if examples is None or len(self) <= examples:
            return self
        rows = spread(len(self), examples).to(self.inputs.device)
        return Split(self.inputs[rows], self.labels[rows])


def spread(examples: int, most: int | None) -> Tensor:
    """Return at most `most` of the numbers 0, ..., `examples` - 1, spread evenly; all of them without a bound."""
    count = examples if most is None else min(examples, most)
    return torch.arange(count) * examples // max(count, 1)


def split(inputs: np.ndarray, labels: np.ndarray) -> Split:
    """Return a split made of arrays of vectors (n, d) or images (n, c, h, w), and classes (n,): float32 inputs and int64 labels.

    Raises
    ------
    InputError
        If they are not arrays of real numbers, or labels would change by becoming integers.
    """
    inputs, labels = _real("inputs", inputs), _whole("labels", labels)
    with np.errstate(over="ignore"):  # beyond float32: an infinite input, which is refused before the first job
        numbers = np.ascontiguousarray(inputs, np.float32)
    return Split(torch.tensor(numbers), torch.tensor(labels))  # copies, which begin at a cache line


def token_split(tokens: np.ndarray, following: np.ndarray) -> Split:
    """Return a split made of arrays (n, positions) of the ids of tokens and of those that follow each of them, both in int64.

    Raises
    ------
    InputError
        If they are not arrays of real numbers, or would change by becoming integers.
    """
    return Split(torch.tensor(_whole("inputs", tokens)), torch.tensor(_whole("labels", following)))


def _whole(name: str, values: Any) -> np.ndarray:
    """Return an array of integers in int64."""
    array = _real(name, values)
    whole = np.ascontiguousarray(array)
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # of NaN, which then is not a whole number
            whole = whole.astype(np.int64)
        if not np.array_equal(whole, array):
            wrong = array[whole != array].flat[0]
            more = "; networks here are classifiers" if name == "labels" else ""
            raise checks.InputError(f"`{name}` of a split must be whole numbers, got {wrong}{more}.")
    return np.ascontiguousarray(whole, np.int64)


def _real(name: str, values: Any) -> np.ndarray:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # lists of several lengths, tensors on a GPU or with gradients
        raise checks.InputError(f"`{name}` of a split must be an array of real numbers: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise checks.InputError(f"`{name}` of a split must be an array of real numbers, got one of {array.dtype}.")
    return array


@dataclass(frozen=True)
class Data:
    """A loaded dataset.

    `n_classes` is the number of classes, of tokens that of their ids, the vocabulary. `note` is a sentence for the record on what the
    contents are, where they are not the official ones or there are several; else empty.
    """

    train: Split
    test: Split
    n_classes: int
    note: str = ""

    @property
    def kind(self) -> str:
        """What its examples are, one of `KINDS`."""
        return self.train.kind

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def n_inputs(self) -> int:
        """The numbers in one example."""
        return math.prod(self.inputs)


@dataclass(frozen=True, kw_only=True)
class Dataset(ABC):
    """The settings of a dataset.

    Fields marked ``metadata=NEVER`` (`location`) say where data lie, not what they are, and stay out of every hash.
    """

    name: ClassVar[str]

    @abstractmethod
    def load(self) -> Data:
        """Return both splits.

        Raises
        ------
        InputError
            If the data are missing, damaged or not what they claim to be.
        """


def location() -> Any:
    """Return a field that says where data lie: null by default, and out of every hash."""
    return field(default=None, metadata=NEVER)


def fingerprint(data: Data) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of both splits: shapes, inputs and labels, in order.

    Images (n, c, h, w) count as the vectors that they are flattened to, as they did before they kept their shape: the names of finished
    jobs stay.
    """
    digest = hashlib.sha256()
    for part in (data.train, data.test):
        inputs = part.inputs.flatten(1) if part.inputs.dim() == 4 else part.inputs
        for tensor, kind in ((inputs, "<f4" if inputs.is_floating_point() else "<i8"), (part.labels, "<i8")):
            digest.update(repr(tuple(tensor.shape)).encode())
            digest.update(np.ascontiguousarray(tensor.cpu().numpy(), dtype=kind).data)
    return digest.hexdigest()[:16]


def normalise(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return both splits shifted and scaled by the mean and standard deviation of all training pixels.

    .. math:: x \leftarrow (x - \mu) / \sigma
    """
    pixels = train.reshape(len(train), -1)  # in one order of summation, whatever the shape of an example
    mean, std = pixels.mean(dtype=np.float64), pixels.std(dtype=np.float64)
    if std == 0:
        raise checks.InputError(
            "`dataset.normalise` divides by the standard deviation of the training inputs, which is 0: they are all equal."
        )
    return ((train - mean) / std).astype(np.float32), ((test - mean) / std).astype(np.float32)


def check_sizes(settings: Any) -> None:
    """Raise `InputError` unless the `train_size` and the `test_size` of a dataset are whole numbers from 1, or None for all examples."""
    for key in ("train_size", "test_size"):
        if getattr(settings, key) is not None:
            checks.integer(f"dataset.{key}", getattr(settings, key))


def first_rows(key: str, size: int | None, examples: int, holder: str) -> slice:
    """Return which examples the setting `key` chooses: the first `size`, or all; `InputError` if `holder` does not hold so many."""
    if size is not None and size > examples:
        raise checks.InputError(f"`dataset.{key}` must be at most {examples}, the examples in {holder}, got {size}.")
    return slice(size)


@dataclass(frozen=True, kw_only=True)
class ImageFiles(Dataset):
    """Settings of a dataset of images in files; `root` is their folder, else they are downloaded to a cache."""

    root: str | None = location()
    normalise: bool = False
    train_size: int | None = None
    test_size: int | None = None

    def __post_init__(self) -> None:
        checks.boolean("dataset.normalise", self.normalise)
        if self.root is not None and not isinstance(self.root, str):
            raise checks.InputError(f"`dataset.root` must be a folder or null, got {self.root!r}.")
        check_sizes(self)

    def first(self, key: str, images: np.ndarray, labels: np.ndarray, file: str) -> Split:
        """Return the first examples, as many as `key` (`train_size` or `test_size`) asks for, pixels in [0, 1].

        Parameters
        ----------
        key : str
        images : ndarray, shape (n, c, h, w), of unsigned bytes
        labels : ndarray, shape (n,)
        file : str
            What messages call their file.
        """
        rows = first_rows(key, getattr(self, key), len(labels), file)
        return split(images[rows] / np.float32(255), labels[rows])

    def normalised(self, train: Split, test: Split) -> tuple[Split, Split]:
        """Return both splits, normalised if the settings say so."""
        if self.normalise:
            train_x, test_x = normalise(train.inputs.numpy(), test.inputs.numpy())
            train, test = split(train_x, train.labels.numpy()), split(test_x, test.labels.numpy())
        return train, test

    def unofficial(self, more: str = "") -> str:
        """Log that the contents are not the official ones, and return the sentence for the record."""
        note = f"the contents of {self.root} are not known to be the official {self.name}; they have a fingerprint of their own{more}"
        log.warning("dataset.root: %s.", note)
        return note
