"""Criteria against PyTorch's own losses and autograd, and what they say of outputs and labels that do not fit."""

import re

import pytest
import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.criteria import CRITERIA, CROSS_ENTROPY, IGNORED, Criterion, criterion_of

N, POSITIONS, CLASSES, NETWORKS = 12, 5, 4, 3
GENERATOR = torch.Generator().manual_seed(0)
BINARY, SQUARED = CRITERIA["binary_cross_entropy"], CRITERIA["squared_error"]


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=GENERATOR, dtype=torch.float64)


def classes(*shape: int, ignored: float = 0.0) -> Tensor:
    labels = torch.randint(CLASSES, shape, generator=GENERATOR)
    return torch.where(torch.rand(shape, generator=GENERATOR) < ignored, IGNORED, labels)


def binary(*shape: int) -> Tensor:
    return torch.randint(2, shape, generator=GENERATOR).double()


def torchs_cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    return nn.CrossEntropyLoss()(outputs.movedim(-1, 1), labels)


# A criterion, outputs of one network, labels, and PyTorch's mean loss.
CASES: dict[str, tuple[Criterion, Tensor, Tensor, nn.Module]] = {
    "classes": (CROSS_ENTROPY, normal(N, CLASSES), classes(N), torchs_cross_entropy),
    "classes, some ignored": (CROSS_ENTROPY, normal(N, CLASSES), classes(N, ignored=0.3), torchs_cross_entropy),
    "tokens": (CROSS_ENTROPY, normal(N, POSITIONS, CLASSES), classes(N, POSITIONS), torchs_cross_entropy),
    "tokens, some ignored": (CROSS_ENTROPY, normal(N, POSITIONS, CLASSES), classes(N, POSITIONS, ignored=0.5), torchs_cross_entropy),
    "single logits": (BINARY, normal(N), binary(N), nn.BCEWithLogitsLoss()),
    "a column of logits": (BINARY, normal(N, 1), binary(N, 1), nn.BCEWithLogitsLoss()),
    "several labels": (BINARY, normal(N, 3), binary(N, 3), nn.BCEWithLogitsLoss()),
    "numbers": (SQUARED, normal(N), normal(N), nn.MSELoss()),
    "vectors": (SQUARED, normal(N, 3), normal(N, 3), nn.MSELoss()),
    "images": (SQUARED, normal(N, 3, 2, 2), normal(N, 3, 2, 2), nn.MSELoss()),
}


@pytest.mark.parametrize("case", CASES)
def test_the_mean_loss_is_pytorchs(case):
    criterion, outputs, labels, torchs = CASES[case]
    losses = criterion.loss(outputs, labels)
    assert losses.shape == criterion.items(labels)
    torch.testing.assert_close(losses.sum() / criterion.count(labels), torchs(outputs, labels))


@pytest.mark.parametrize("case", CASES)
def test_a_stack_is_its_networks(case):
    criterion, outputs, labels, _ = CASES[case]
    stack = torch.stack([outputs, -outputs, 2 * outputs])
    lines = stack.unsqueeze(0)
    for function in (criterion.loss, criterion.error, criterion.gradient):
        alone = [function(one, labels) for one in stack]
        if alone[0] is not None:
            torch.testing.assert_close(function(stack, labels), torch.stack(alone))
            torch.testing.assert_close(function(lines, labels), torch.stack(alone).unsqueeze(0))


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_autograds(case):
    criterion, outputs, labels, torchs = CASES[case]
    leaf = outputs.clone().requires_grad_()
    torchs(leaf, labels).backward()
    torch.testing.assert_close(criterion.gradient(outputs, labels), leaf.grad)


@pytest.mark.parametrize("case", CASES)
def test_the_error_is_the_share_of_wrong_answers_among_those_that_count(case):
    criterion, outputs, labels, _ = CASES[case]
    errors = criterion.error(outputs, labels)
    if criterion is SQUARED:
        assert errors is None
        return
    counted = labels != IGNORED
    answers = outputs.argmax(-1) if criterion is CROSS_ENTROPY else (torch.sigmoid(outputs) > 0.5).double()
    assert float(errors.double().sum() / criterion.count(labels)) == float((answers != labels)[counted].double().mean())


@pytest.mark.parametrize("case", CASES)
def test_labels_that_fit_come_back_as_they_are(case):
    criterion, outputs, labels, _ = CASES[case]
    assert torch.equal(criterion.check(outputs[:2], labels, "train"), labels)


def test_labels_are_put_into_the_type_and_the_column_of_the_outputs():
    outputs = normal(2, 1).float()
    for labels in (torch.tensor([True, False, True]), torch.tensor([1, 0, 1]), torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)):
        fitted = BINARY.check(outputs, labels, "train")
        assert torch.equal(fitted, torch.tensor([[1.0], [0.0], [1.0]]))
        assert fitted.dtype == torch.float32
    assert SQUARED.check(normal(2), normal(5, 1), "train").shape == (5,)
    assert CROSS_ENTROPY.check(normal(2, 3), torch.tensor([1, 0, 2], dtype=torch.uint8), "train").dtype == torch.int64


Z, BITS, NUMBERS = normal(2, CLASSES), binary(N).long(), normal(N)
REFUSED: dict[str, tuple[Criterion, Tensor, Tensor, str]] = {
    "two classes by one logit": (
        CROSS_ENTROPY, Z[:, :1], BITS,
        "which takes outputs (examples, classes) with integer labels (examples,), or with one more axis in both, the positions: outputs have "
        "shape (examples, 1) and labels (12,) in int64; criterion='binary_cross_entropy' would fit.",
    ),
    "a regression as classes": (CROSS_ENTROPY, Z[:, :1], NUMBERS, "and labels (12,) in float64; criterion='squared_error' would fit."),
    "classes as a regression": (SQUARED, Z, classes(N), "and labels (12,) in int64; criterion='cross_entropy' would fit."),
    "classes as bits": (BINARY, Z, classes(N), "outputs have shape (examples, 4) and labels (12,) in int64; criterion='cross_entropy' would fit."),
    "one-hot": (CROSS_ENTROPY, Z, torch.eye(CLASSES).long().repeat(3, 1), "; one-hot labels become classes by `labels.argmax(-1)`, with criterion='cross_entropy'."),
    "a column": (CROSS_ENTROPY, Z, classes(N, 1), "and labels (12, 1) in int64; a column becomes labels by `labels.flatten()`."),
    "classes on the second axis": (
        CROSS_ENTROPY, normal(2, CLASSES, 7), classes(N, 7),
        "outputs have shape (examples, 4, 7) and labels (12, 7) in int64; the classes must be on the last axis of the outputs: "
        "`outputs.movedim(1, -1)`.",
    ),
    "classes by one number": (
        CROSS_ENTROPY, normal(2), classes(N) + 5,
        "outputs have shape (examples,) and labels (12,) in int64; a regression needs labels in floating-point numbers and "
        "criterion='squared_error', single logits need labels 0 and 1 and criterion='binary_cross_entropy'.",
    ),
    "two numbers for three": (SQUARED, normal(2, 3), normal(N, 2), "outputs have shape (examples, 3) and labels (12, 2) in float64."),
    "classes beyond": (CROSS_ENTROPY, Z, classes(N) + 1, "`train` must have labels in 0, ..., 3, got labels from "),
    "nothing counts": (CROSS_ENTROPY, Z, torch.full((N,), IGNORED), "`train` has no label that counts: all of them are -100, which is left out."),
    "soft bits": (BINARY, normal(2), torch.tensor([0.0, 1.0, 0.25]), "`train` must have labels 0 and 1 for criterion='binary_cross_entropy', got 0.25 first, in example 2."),
    "NaN": (SQUARED, normal(2), torch.tensor([0.0, torch.nan, 0.0]), "`train` must have finite labels; those of 1 of 3 examples hold NaN or infinity, the first is example 1."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_a_sentence_with_both_shapes_and_what_would(case):
    criterion, outputs, labels, message = REFUSED[case]
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        criterion.check(outputs, labels, "train")
    if "shape" in message:
        assert str(caught.value).startswith(f"`train` does not fit criterion='{criterion.name}', which takes ")


def test_a_criterion_is_chosen_by_its_name_or_as_it_is():
    assert all(criterion_of(name) is criterion_of(criterion) is criterion for name, criterion in CRITERIA.items())
    message = "`criterion` must be one of binary_cross_entropy, cross_entropy, squared_error, got 'cross_entrop'. Did you mean"
    with pytest.raises(InputError, match=message):
        criterion_of("cross_entrop")
