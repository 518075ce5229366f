"""Data that callers bring to `compare`: pairs of tensors or arrays, map-style datasets, and what is refused in one sentence."""

import re

import numpy as np
import pytest
import torch
from callers_networks import N, X, Y
from torch.utils.data import DataLoader, Dataset, TensorDataset

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.criteria import CRITERIA
from lmc_sweeps.own_networks.data import own_split

LABELS = "`train` must have labels that are integers, the numbers of classes, got torch.float32"
TAIL = "a regression is measured by criterion='squared_error', 0 and 1 as labels of logits by criterion='binary_cross_entropy'."
REFUSED: dict[str, tuple[object, str]] = {
    "labels as numbers": ((X, Y.float()), f"{LABELS}: if they are numbers of classes pass `labels.long()`; {TAIL}"),
    "soft labels": ((X, torch.rand(N, 3)), f"{LABELS}: one-hot or soft labels become classes by `labels.argmax(1)`; {TAIL}"),
    "too few labels": ((X, Y[1:]), f"`train` needs one label per input, got inputs ({N}, 8) and labels ({N - 1},)."),
    "NaN": ((torch.where(torch.arange(N)[:, None] == 5, torch.nan, X), Y), f"`train` must have finite inputs; 1 of {N} examples hold NaN or infinity, the first is example 5."),
    "complex inputs": ((X.to(torch.complex64), Y), "`train` must have inputs in a dense tensor of real numbers, got torch.complex64 (torch.strided)."),
    "numbers": ((torch.tensor(1.0), torch.tensor(1)), "`train` must have inputs and labels of several examples, got single numbers."),
    "no examples": ((X[:0], Y[:0]), "`train` has no examples: its inputs have shape (0, 8)."),
    "words": ((np.array(["a", "b"]), np.array([0, 1])), "`train` must have inputs that are numbers, got an array of <U1."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_data_that_cannot_be_measured_are_refused_in_one_sentence(case):
    data, message = REFUSED[case]
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        own_split("train", data)


def test_tensors_arrays_and_datasets_of_the_same_numbers_are_the_same_split():
    arrays = (X.numpy()[::-1].copy()[::-1], Y.numpy().astype(">i4"))  # backwards, and in another order of bytes
    for data in ((X, Y), [X, Y], arrays, TensorDataset(X, Y), DataLoader(TensorDataset(X, Y), batch_size=7)):
        split, notes = own_split("train", data)
        assert torch.equal(split.inputs, X)
        assert torch.equal(split.labels, Y)
        assert notes == []


def test_inputs_keep_their_own_type_and_shape():
    ids = torch.arange(2 * N).reshape(N, 2, 1)
    inputs = own_split("train", (ids, Y))[0].inputs
    assert (inputs.dtype, inputs.shape) == (torch.int64, (N, 2, 1))


class Augmented(Dataset):
    """Items to which noise is added whenever they are read."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, k: int) -> tuple[torch.Tensor, int]:
        return X[k] + torch.randn(8), int(Y[k])


@pytest.mark.parametrize("build", [Augmented, lambda: DataLoader(Augmented(), shuffle=True)], ids=["dataset", "loader"])
def test_random_data_depend_on_the_seed_alone_and_leave_the_callers_random_state_as_it_was(build):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = own_split("train", build(), seed=1)[0]
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    again, other = own_split("train", build(), seed=1)[0], own_split("train", build(), seed=2)[0]
    assert torch.equal(first.inputs, again.inputs)
    assert not torch.equal(first.inputs, other.inputs)


def test_labels_must_be_of_the_type_of_the_criterion():
    with pytest.raises(
        InputError, match=r"^`train` must have labels in floating-point numbers for criterion='squared_error', got torch.int64"
    ):
        own_split("train", (X, Y), CRITERIA["squared_error"])
    assert own_split("train", (X, X[:, 0]), CRITERIA["squared_error"])[0].labels.dtype == torch.float32
