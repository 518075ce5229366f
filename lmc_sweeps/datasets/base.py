"""What every dataset is: settings that load a training and a test split, and a fingerprint of their contents."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps import checks


@dataclass(frozen=True)
class Split:
    """Examples in a fixed order: `inputs` of shape (n, d) in float32, `labels` of shape (n,) in int64."""

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Split":
        """Return the split on a device."""
        return Split(self.inputs.to(device), self.labels.to(device))


def split(inputs: np.ndarray, labels: np.ndarray) -> Split:
    """Return a split made of arrays: float32 inputs and int64 labels."""
    kinds = (np.ascontiguousarray(inputs, np.float32), np.ascontiguousarray(labels, np.int64))
    return Split(*(torch.from_numpy(array) for array in kinds))


@dataclass(frozen=True)
class Data:
    """A loaded dataset; `note` is a sentence for the record when the contents are not the official ones, else empty."""

    train: Split
    test: Split
    n_classes: int
    note: str = ""

    @property
    def n_inputs(self) -> int:
        """Number of inputs of a network."""
        return int(self.train.inputs.shape[1])


@dataclass(frozen=True, kw_only=True)
class Dataset(ABC):
    """The settings of a dataset.

    Fields marked ``metadata={"identity": False}`` say where data lie, not what they are, and stay out of every hash.
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
    return field(default=None, metadata={"identity": False})


def fingerprint(data: Data) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of both splits: shapes, inputs and labels, in order."""
    digest = hashlib.sha256()
    for part in (data.train, data.test):
        for tensor, kind in ((part.inputs, "<f4"), (part.labels, "<i8")):
            digest.update(repr(tuple(tensor.shape)).encode())
            digest.update(np.ascontiguousarray(tensor.cpu().numpy(), dtype=kind).data)
    return digest.hexdigest()[:16]


def normalise(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return both splits shifted and scaled by the mean and standard deviation of all training pixels.

    .. math:: x \leftarrow (x - \mu) / \sigma
    """
    mean, std = train.mean(dtype=np.float64), train.std(dtype=np.float64)
    if std == 0:
        raise checks.InputError(
            "`dataset.normalise` divides by the standard deviation of the training inputs, which is 0: they are all equal."
        )
    return ((train - mean) / std).astype(np.float32), ((test - mean) / std).astype(np.float32)
