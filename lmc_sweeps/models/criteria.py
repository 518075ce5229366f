"""What outputs are measured by: a loss for every item, and whether the answer is wrong where that means something."""

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Size, Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.criteria_advice import advice
from lmc_sweeps.models.softmax import log_softmax, softmax_gradient

IGNORED = -100  # a class that is no class: such labels are not counted, as in PyTorch's `ignore_index`


@dataclass(frozen=True)
class Criterion(ABC):
    """A loss of outputs on labels, and the error.

    An *item* is what the mean is taken over: an example, a token of an example, or one of its labels. Outputs may have axes of networks in
    front, written ``...`` below; labels have none, for all networks share them.
    """

    name: ClassVar[str]
    unit: ClassVar[str]  # of the loss
    takes: ClassVar[str]  # the rule for outputs and labels, in words

    @abstractmethod
    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of every item, shape (..., *items); 0 for those that are not counted."""

    @abstractmethod
    def error(self, outputs: Tensor, labels: Tensor) -> Tensor | None:
        """Return whether the answer is wrong for every item, shape (..., *items); None if that has no meaning."""

    @abstractmethod
    def gradient(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the gradient of each network's mean loss with respect to its outputs, in their shape."""

    def items(self, labels: Tensor) -> Size:
        """Return the shape of the items of a batch: that of its labels, unless an example is one item."""
        return labels.shape

    def count(self, labels: Tensor) -> int:
        """Return the number of items that a batch counts."""
        return self.items(labels).numel()

    def is_calibrated(self, labels: Tensor) -> bool:
        """Return whether a temperature of the outputs has a meaning for such labels: it has for classes, one for each example."""
        return False

    @abstractmethod
    def check_type(self, labels: Tensor, name: str) -> None:
        """Raise `InputError` if the type of the labels does not fit; `name` is what messages call the data."""

    @abstractmethod
    def fitted(self, outputs: Tensor, labels: Tensor) -> Tensor | None:
        """Return labels in the type and shape that the loss takes, or None if outputs or labels do not fit."""

    @abstractmethod
    def check_values(self, outputs: Tensor, labels: Tensor, name: str) -> None:
        """Raise `InputError` if a value of fitted labels is not allowed."""

    def check(self, outputs: Tensor, labels: Tensor, name: str) -> Tensor:
        """Return labels as `loss` takes them.

        Parameters
        ----------
        outputs : Tensor, shape (m, ...)
            Of one network, on some examples.
        labels : Tensor, shape (n, ...)
            Of all examples.
        name : str
            What messages call the data.

        Raises
        ------
        InputError
            If outputs or labels do not fit: the message has both shapes, and the criterion that would fit.
        """
        labels_fitted = self.fitted(outputs, labels)
        if labels_fitted is None:
            shape = ", ".join(["examples", *map(str, outputs.shape[1:])]) + "," * (outputs.dim() == 1)
            raise InputError(
                f"`{name}` does not fit criterion='{self.name}', which takes {self.takes}: outputs have shape ({shape}) and labels "
                f"{tuple(labels.shape)} in {str(labels.dtype).removeprefix('torch.')}{advice(_fitting(outputs, labels), outputs, labels)}."
            )
        self.check_values(outputs, labels_fitted, name)
        return labels_fitted


@dataclass(frozen=True)
class CrossEntropy(Criterion):
    r"""Cross-entropy of logits, or logarithms of probabilities, z and the numbers y of classes, of examples or of tokens.

    .. math:: L = -\log \text{softmax}(z)_y

    Outputs (..., n, classes) with labels (n,), or (..., n, positions, classes) with labels (n, positions): the mean is then over all
    tokens. Labels of `IGNORED` (-100) are not counted.
    """

    name: ClassVar[str] = "cross_entropy"
    unit: ClassVar[str] = "nats per example (per token where labels are)"
    takes: ClassVar[str] = "outputs (examples, classes) with integer labels (examples,), or with one more axis in both, the positions"

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        rows, targets = _rows(outputs, labels)
        return F.nll_loss(log_softmax(rows), targets, reduction="none", ignore_index=IGNORED).view(outputs.shape[:-1])

    def error(self, outputs: Tensor, labels: Tensor) -> Tensor:
        rows, targets = _rows(outputs, labels)
        return ((rows.argmax(-1) != targets) & (targets != IGNORED)).view(outputs.shape[:-1])

    def gradient(self, outputs: Tensor, labels: Tensor) -> Tensor:
        units = F.one_hot(labels.clamp(min=0), outputs.shape[-1]).to(outputs.dtype)
        return softmax_gradient(outputs, units, self.count(labels)).mul_((labels != IGNORED).unsqueeze(-1))

    def count(self, labels: Tensor) -> int:
        return int((labels != IGNORED).sum())

    def is_calibrated(self, labels: Tensor) -> bool:
        return labels.dim() == 1 and bool((labels != IGNORED).all())

    def check_type(self, labels: Tensor, name: str) -> None:
        if not labels.is_floating_point() and not labels.is_complex():
            return
        columns = labels.dim() == 2 and labels.shape[1] > 1
        remedy = "one-hot or soft labels become classes by `labels.argmax(1)`" if columns else (
            "if they are numbers of classes pass `labels.long()`"
        )  # fmt: skip
        raise InputError(
            f"`{name}` must have labels that are integers, the numbers of classes, got {labels.dtype}: {remedy}; a regression is measured "
            "by criterion='squared_error', 0 and 1 as labels of logits by criterion='binary_cross_entropy'."
        )

    def fitted(self, outputs: Tensor, labels: Tensor) -> Tensor | None:
        is_integer = not labels.is_floating_point() and not labels.is_complex()
        has_classes = outputs.dim() > 1 and outputs.shape[-1] > 1
        return labels.long() if is_integer and has_classes and outputs.shape[1:-1] == labels.shape[1:] else None

    def check_values(self, outputs: Tensor, labels: Tensor, name: str) -> None:
        classes, counted = outputs.shape[-1], labels[labels != IGNORED]
        if len(counted) == 0:
            raise InputError(f"`{name}` has no label that counts: all of them are {IGNORED}, which is left out.")
        low, high = int(counted.min()), int(counted.max())
        if low < 0 or high >= classes:
            raise InputError(f"`{name}` must have labels in 0, ..., {classes - 1}, got labels from {low} to {high}.")


@dataclass(frozen=True)
class BinaryCrossEntropy(Criterion):
    r"""Cross-entropy of single logits z and labels y of 0 or 1.

    .. math:: L = -y \log \sigma(z) - (1 - y) \log (1 - \sigma(z))

    Outputs (..., n), (..., n, 1) or (..., n, m) with labels of the same shape without the networks; the mean is over all labels. The
    answer is 1 where z > 0.
    """

    name: ClassVar[str] = "binary_cross_entropy"
    unit: ClassVar[str] = "nats per label"
    takes: ClassVar[str] = "logits (examples,), (examples, 1) or (examples, m) with labels 0 and 1 of the same shape"

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(outputs, labels.to(outputs.dtype).expand_as(outputs), reduction="none")

    def error(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return (outputs > 0) != (labels > 0)

    def gradient(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return (torch.sigmoid(outputs) - labels) / self.count(labels)

    def check_type(self, labels: Tensor, name: str) -> None:
        if labels.is_complex():
            raise InputError(f"`{name}` must have labels 0 and 1, got {labels.dtype}.")

    def fitted(self, outputs: Tensor, labels: Tensor) -> Tensor | None:
        return None if labels.is_complex() else _as_outputs(outputs, labels)

    def check_values(self, outputs: Tensor, labels: Tensor, name: str) -> None:
        others = (labels != 0) & (labels != 1)
        if bool(others.any()):
            raise InputError(
                f"`{name}` must have labels 0 and 1 for criterion='{self.name}', got {float(labels[others][0]):g} first, in example "
                f"{int(others.nonzero()[0, 0])}."
            )


@dataclass(frozen=True)
class SquaredError(Criterion):
    r"""Mean over an example's m outputs z of the squared difference to its labels y; there are no wrong answers.

    .. math:: L = \tfrac1m \sum_j (z_j - y_j)^2

    Outputs (..., n, ...) with labels of the same shape without the networks.
    """

    name: ClassVar[str] = "squared_error"
    unit: ClassVar[str] = "the square of the labels' unit"
    takes: ClassVar[str] = "outputs and floating-point labels of one shape, (examples,) or (examples, ...)"

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        squares = (outputs - labels.to(outputs.dtype)).square()
        return squares if labels.dim() == 1 else squares.flatten(1 - labels.dim()).mean(-1)

    def error(self, outputs: Tensor, labels: Tensor) -> None:
        return None

    def gradient(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return 2 * (outputs - labels) / labels.numel()

    def items(self, labels: Tensor) -> Size:
        return labels.shape[:1]

    def check_type(self, labels: Tensor, name: str) -> None:
        if not labels.is_floating_point():
            raise InputError(
                f"`{name}` must have labels in floating-point numbers for criterion='{self.name}', got {labels.dtype}: pass "
                "`labels.float()`, or criterion='cross_entropy' if they are the numbers of classes."
            )

    def fitted(self, outputs: Tensor, labels: Tensor) -> Tensor | None:
        return _as_outputs(outputs, labels) if labels.is_floating_point() else None

    def check_values(self, outputs: Tensor, labels: Tensor, name: str) -> None:
        bad = (~torch.isfinite(labels)).flatten(1).any(1) if labels.dim() > 1 else ~torch.isfinite(labels)
        if bool(bad.any()):
            raise InputError(
                f"`{name}` must have finite labels; those of {int(bad.sum())} of {len(labels)} examples hold NaN or infinity, the first is "
                f"example {int(bad.nonzero()[0])}."
            )


CRITERIA: dict[str, Criterion] = {criterion.name: criterion for criterion in (CrossEntropy(), BinaryCrossEntropy(), SquaredError())}
CROSS_ENTROPY = CRITERIA[CrossEntropy.name]


def criterion_of(criterion: str | Criterion) -> Criterion:
    """Return a criterion by its name, or as it is."""
    return criterion if isinstance(criterion, Criterion) else CRITERIA[checks.one_of("criterion", criterion, CRITERIA)]


def _rows(outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outputs of all items of all networks, (items, classes), and their labels."""
    rows = outputs.reshape(-1, outputs.shape[-1])
    return rows, labels.flatten().repeat(len(rows) // labels.numel())


def _as_outputs(outputs: Tensor, labels: Tensor) -> Tensor | None:
    """Return labels in the type and shape of the outputs, a column of them made or taken away, or None if they have another shape."""
    same = outputs.shape[1:] == labels.shape[1:]
    if not same and {outputs.shape[1:], labels.shape[1:]} != {Size([]), Size([1])}:
        return None
    return labels.to(outputs.dtype).reshape(len(labels), *outputs.shape[1:])


def _fitting(outputs: Tensor, labels: Tensor) -> list[str]:
    """Return the names of the criteria that take outputs and labels."""
    names = []
    for name, criterion in CRITERIA.items():
        labels_fitted = criterion.fitted(outputs, labels)
        if labels_fitted is not None:
            with contextlib.suppress(InputError):
                criterion.check_values(outputs, labels_fitted, "")
                names.append(name)
    return names
