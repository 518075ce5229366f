"""Data that callers bring to `compare`: pairs of tensors or arrays, map-style datasets, and what is refused in one sentence."""

import re

import numpy as np
import pytest
import torch
from callers_networks import N, X, Y
from torch.utils.data import DataLoader, TensorDataset

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks.data import own_split

LABELS = "`train` must have labels that are integers, the numbers of classes, got torch.float32"
PAIR = "`train` must be a pair (inputs, labels) of tensors or a map-style dataset, got"
REFUSED: dict[str, tuple[object, str]] = {
    "labels as numbers": ((X, Y.float()), f"{LABELS}: if they are numbers of classes pass `labels.long()`; a regression is not measured here."),
    "soft labels": ((X, torch.rand(N, 3)), f"{LABELS}: one-hot or soft labels become classes by `labels.argmax(1)`."),
    "a column of labels": ((X, Y[:, None]), f"`train` needs one label per input, got inputs ({N}, 8) and labels ({N}, 1); a column becomes labels by `labels.flatten()`."),
    "NaN": ((torch.where(torch.arange(N)[:, None] == 5, torch.nan, X), Y), f"`train` must have finite inputs; 1 of {N} examples hold NaN or infinity, the first is example 5."),
    "complex inputs": ((X.to(torch.complex64), Y), "`train` must have inputs in a dense tensor of real numbers, got torch.complex64 (torch.strided)."),
    "numbers": ((torch.tensor(1.0), torch.tensor(1)), "`train` must have inputs and labels of several examples, got single numbers."),
    "no examples": ((X[:0], Y[:0]), "`train` has no examples: its inputs have shape (0, 8)."),
    "words": ((np.array(["a", "b"]), np.array([0, 1])), "`train` must have inputs that are numbers, got an array of <U1."),
    "one tensor": (X, f"{PAIR} Tensor."),
    "a loader": (DataLoader(TensorDataset(X, Y)), f"{PAIR} DataLoader; pass its `dataset`."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_data_that_cannot_be_measured_are_refused_in_one_sentence(case):
    data, message = REFUSED[case]
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        own_split("train", data)


def test_tensors_arrays_and_datasets_of_the_same_numbers_are_the_same_split():
    arrays = (X.numpy()[::-1].copy()[::-1], Y.numpy().astype(">i4"))  # backwards, and in another order of bytes
    for data in ((X, Y), [X, Y], arrays, TensorDataset(X, Y)):
        split = own_split("train", data)
        assert torch.equal(split.inputs, X)
        assert torch.equal(split.labels, Y)
        assert split.labels.dtype == torch.int64


def test_inputs_keep_their_own_type_and_shape():
    ids = torch.arange(2 * N).reshape(N, 2, 1)
    inputs = own_split("train", (ids, Y)).inputs
    assert (inputs.dtype, inputs.shape) == (torch.int64, (N, 2, 1))
