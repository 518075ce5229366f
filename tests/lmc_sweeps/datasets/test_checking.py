"""What a dataset of one's own may give: each rule with its sentence, and what is let through unchanged."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from lmc_sweeps import datasets
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data, Dataset, Split, split, token_split
from lmc_sweeps.datasets.checking import check_data
from lmc_sweeps.sweeps import config

N, M, WIDTH, CLASSES = 12, 6, 4, 3


def good() -> Data:
    rng = np.random.default_rng(0)
    return Data(*(split(rng.random((n, WIDTH)), np.arange(n) % CLASSES) for n in (N, M)), n_classes=CLASSES)


def train(inputs=None, labels=None, n_classes=CLASSES) -> Data:
    """Return good data with other training inputs or labels."""
    data = good()
    part = Split(data.train.inputs if inputs is None else inputs, data.train.labels if labels is None else labels)
    return replace(data, train=part, n_classes=n_classes)


def with_number(value: float) -> torch.Tensor:
    inputs = good().train.inputs
    inputs[7, 2] = value
    return inputs


def images(inputs=None, test: tuple[int, int, int] = (1, 2, 2)) -> Data:
    """Return good data as images of 2 x 2 pixels, those of the test split in a shape of their own."""
    data = train(inputs)
    return replace(
        data,
        train=Split(data.train.inputs.view(N, 1, 2, 2), data.train.labels),
        test=Split(data.test.inputs.view(M, *test), data.test.labels),
    )


def tokens() -> Data:
    rng = np.random.default_rng(1)
    return Data(*(token_split(*rng.integers(CLASSES, size=(2, n, WIDTH))) for n in (N, M)), n_classes=CLASSES)


INPUTS, LABELS = good().train.inputs, good().train.labels
TOKENS = tokens().train.inputs
OWN = {
    "no Data": ((INPUTS, LABELS), "dataset=own: `load` must return a Data of two splits, got tuple."),
    "None": (None, "dataset=own: `load` must return a Data of two splits, got NoneType."),
    "classes as a float": (train(n_classes=3.0), "dataset=own: `n_classes` must be an integer of at least 2, got 3.0."),
    "one class": (train(labels=torch.zeros(N).long(), n_classes=1), "dataset=own: `n_classes` must be an integer of at least 2, got 1."),
    "classes true": (train(n_classes=True), "dataset=own: `n_classes` must be an integer of at least 2, got True."),
    "a note that is none": (replace(good(), note=None), "dataset=own: `note` must be a sentence or empty, got None."),
    "a pair for a split": (replace(good(), test=(INPUTS, LABELS)), "dataset=own: the test split must be a Split, got tuple; `split(inputs, labels)` makes one."),
    "arrays": (train(INPUTS.numpy()), "dataset=own: the training inputs must be a tensor, got ndarray; `split(inputs, labels)` makes tensors of arrays."),
    "a list": (train(labels=[0] * N), "dataset=own: the training labels must be a tensor, got list; `split(inputs, labels)` makes tensors of arrays."),
    "float64": (train(INPUTS.double()), "dataset=own: the training inputs must be of type float32, got float64; `split(inputs, labels)` converts them."),
    "bytes": (train((255 * INPUTS).byte()), "dataset=own: the training inputs must be of type float32, got uint8; `split(inputs, labels)` converts them."),
    "gradients": (train(INPUTS.clone().requires_grad_()), "dataset=own: the training inputs must be a plain tensor on the CPU, got one with gradients; jobs move it to their device themselves."),
    "sparse": (train(INPUTS.to_sparse()), "dataset=own: the training inputs must be a plain tensor on the CPU, got a sparse one; jobs move it to their device themselves."),
    "elsewhere": (train(INPUTS.to("meta")), "dataset=own: the training inputs must be a plain tensor on the CPU, got one on meta; jobs move it to their device themselves."),
    "images without channels": (train(INPUTS.view(N, 2, 2)), "dataset=own: the training inputs must have the shape (examples, numbers), or (examples, channels, height, width), at least 1 of each, got (12, 2, 2); images have an axis of channels: inputs[:, None]."),
    "one axis": (train(INPUTS[:, 0]), "dataset=own: the training inputs must have the shape (examples, numbers), or (examples, channels, height, width), at least 1 of each, got (12,)."),
    "no examples": (train(INPUTS[:0], LABELS[:0]), "dataset=own: the training inputs must have the shape (examples, numbers), or (examples, channels, height, width), at least 1 of each, got (0, 4)."),
    "no numbers": (train(INPUTS[:, :0]), "dataset=own: the training inputs must have the shape (examples, numbers), or (examples, channels, height, width), at least 1 of each, got (12, 0)."),
    "NaN": (train(with_number(np.nan)), "dataset=own: the training inputs must be finite numbers, got nan in column 2 of example 7 (1 in all)."),
    "infinite": (train(with_number(-np.inf)), "dataset=own: the training inputs must be finite numbers, got -inf in column 2 of example 7 (1 in all)."),
    "beyond float32": (replace(good(), test=split(np.full((M, WIDTH), 1e300), np.arange(M) % 3)), "dataset=own: the test inputs must be finite numbers, got inf in column 0 of example 0 (24 in all)."),
    "other width": (replace(good(), test=Split(INPUTS[:M, :3], LABELS[:M])), "dataset=own: training and test examples must have one shape, got (4,) and (3,)."),
    "other shape": (train(INPUTS.view(N, 1, 2, 2)), "dataset=own: training and test inputs must be of one kind, got images and vectors."),
    "other height": (images(test=(1, 4, 1)), "dataset=own: training and test examples must have one shape, got (1, 2, 2) and (1, 4, 1)."),
    "a pixel": (images(with_number(np.nan)), "dataset=own: the training inputs must be finite numbers, got nan in channel 0, row 1, column 0 of example 7 (1 in all)."),
    "fewer labels": (train(labels=LABELS[:-1]), "dataset=own: the training labels must have the shape (12,), one label for each example, got (11,)."),
    "a column of labels": (train(labels=LABELS[:, None]), "dataset=own: the training labels must have the shape (12,), got (12, 1): take labels[:, 0]."),
    "one-hot": (train(labels=torch.eye(3).long()[LABELS]), "dataset=own: the training labels must be class numbers of shape (12,), got one-hot rows of 3: take labels.argmax(1)."),
    "one-hot floats": (train(labels=torch.eye(3)[LABELS]), "dataset=own: the training labels must be class numbers of shape (12,), got one-hot rows of 3: take labels.argmax(1)."),
    "probabilities": (train(labels=torch.full((N, 3), 1 / 3)), "dataset=own: the training labels must be of type int64, got float32; `split(inputs, labels)` converts them."),
    "two labels each": (train(labels=LABELS[:, None].expand(N, 2) + 1), "dataset=own: the training labels must have the shape (12,), one label for each example, got (12, 2)."),
    "float labels": (train(labels=LABELS.float()), "dataset=own: the training labels must be of type int64, got float32; `split(inputs, labels)` converts them."),
    "short labels": (train(labels=LABELS.int()), "dataset=own: the training labels must be of type int64, got int32; `split(inputs, labels)` converts them."),
    "from 1": (train(labels=LABELS + 1), "dataset=own: the training labels must be in 0, ..., 2, got labels from 1 to 3: subtract 1."),
    "-1 and 1": (train(labels=2 * (LABELS % 2) - 1, n_classes=2), "dataset=own: the training labels must be in 0, ..., 1, got labels from -1 to 1: take (labels + 1) // 2."),
    "ignored": (train(labels=torch.where(LABELS == 0, -100, LABELS)), "dataset=own: the training labels must be in 0, ..., 2, got labels from -100 to 2: leave out examples without a class."),
    "too few classes": (train(n_classes=2), "dataset=own: the training labels must be in 0, ..., 1, got labels from 0 to 2: is `n_classes` 3?"),
    "tokens with classes": (train(TOKENS, LABELS), "dataset=own: the training labels must have the shape of the inputs, (12, 4), one token that follows each, got (12,); if the inputs are numbers and no tokens, `split(inputs, labels)` makes them float32."),
    "tokens and vectors": (train(TOKENS, TOKENS), "dataset=own: training and test inputs must be of one kind, got tokens and vectors."),
    "one row of tokens": (train(TOKENS[0], TOKENS[0]), "dataset=own: the training labels must have the shape (examples, positions), at least 1 of each, got (4,)."),
    "other tokens": (train(TOKENS + 1, TOKENS), "dataset=own: the training inputs must be tokens in 0, ..., 2 (`n_classes` is their number), got from 1 to 3."),
    "ignored tokens": (train(TOKENS, TOKENS - 100), "dataset=own: the training labels must be tokens in 0, ..., 2 (`n_classes` is their number), got from -100 to -98."),
    "short labels of tokens": (train(TOKENS, TOKENS.int()), "dataset=own: the training labels must be of type int64, got int32; `split(inputs, labels)` converts them."),
    "far off": (train(labels=LABELS + 7), "dataset=own: the training labels must be in 0, ..., 2, got labels from 7 to 9."),
}  # fmt: skip


@pytest.mark.parametrize("kind", OWN)
def test_data_that_nothing_can_be_trained_on_are_refused(kind):
    data, message = OWN[kind]
    with pytest.raises(InputError) as caught:
        check_data("own", data)
    assert str(caught.value) == message


def test_good_data_go_through_as_they_are(caplog):
    data = good()
    assert check_data("own", data) is data
    large = train(torch.full((N, WIDTH), 1e38))  # whose sum is beyond float32, and no number of it
    assert check_data("own", large) is large
    pictures, text = images(), tokens()
    assert check_data("own", pictures) is pictures
    assert check_data("own", text) is text
    assert caplog.messages == []


def test_a_token_that_training_has_not_seen_is_nothing_to_say(caplog):
    text = replace(tokens(), n_classes=500)
    assert check_data("own", text) is text
    assert caplog.messages == []


def test_a_class_without_a_training_example_is_said_and_allowed(caplog):
    assert check_data("own", train(n_classes=5)).n_classes == 5
    assert caplog.messages == ["dataset=own: of its 5 classes, the training split has no example of 3, 4."]


@dataclass(frozen=True, kw_only=True)
class Broken(Dataset):
    name = "broken"
    kind: str = "labels"

    def load(self) -> Data:
        if self.kind == "file":
            raise FileNotFoundError(2, "No such file or directory", "letters.csv")
        return train(labels=LABELS + 1)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("labels", r"^dataset=broken: the training labels must be in 0, \.\.\., 2, got labels from 1 to 3: subtract 1\.$"),
        ("file", r"^dataset=broken could not be loaded: \[Errno 2\] No such file or directory: 'letters\.csv'\.$"),
    ],
)
def test_what_load_returns_is_checked_before_the_first_job(kind, message):
    with pytest.raises(InputError, match=message):
        config.load_data(Broken(kind=kind))


@pytest.mark.parametrize("name", ["digits", "gaussian_mixture"])
def test_the_datasets_of_the_package_pass_their_own_check(name, caplog):
    data, _ = config.load_data(datasets.choices()[name]())
    assert check_data(name, data) is data
    assert caplog.messages == []
