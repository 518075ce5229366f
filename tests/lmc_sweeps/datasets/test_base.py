"""What all datasets share: their list, the fingerprint of contents, normalisation, and tensors of one kind."""

import hashlib

import numpy as np
import pytest
import torch

from lmc_sweeps import datasets
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data, Split, fingerprint, normalise, split, spread, token_split


def data(change: str = "") -> Data:
    rng = np.random.default_rng(0)
    train_x, test_x = rng.random((6, 4)), rng.random((3, 4))
    train_y, test_y = rng.integers(0, 3, 6), rng.integers(0, 3, 3)
    if change == "training pixel":
        train_x[5, 3] = np.nextafter(np.float32(train_x[5, 3]), np.float32(2))
    if change == "test pixel":
        test_x[0, 0] += 0.25
    if change == "training label":
        train_y[0] = 2 - train_y[0] if train_y[0] != 1 else 0
    if change == "test label":
        test_y[2] = 2 - test_y[2] if test_y[2] != 1 else 0
    if change == "order of examples":
        train_x, train_y = train_x[::-1], train_y[::-1]
    if change == "shape of inputs":
        train_x, test_x = train_x.reshape(6, 2, 2), test_x.reshape(3, 2, 2)
    return Data(split(train_x, train_y), split(test_x, test_y), n_classes=3)


def test_tokens_are_taken_so_many_at_a_time_as_have_that_many_labels():
    vectors = split(np.zeros((7, 2)), range(7))
    tokens = token_split(np.zeros((7, 5)), np.arange(35).reshape(7, 5))
    assert [each.examples_at_once(12) for each in (vectors, tokens)] == [12, 2]
    assert (tokens.examples_at_once(5), tokens.examples_at_once(4), tokens.examples_at_once(1)) == (1, 1, 1)
    for each, sizes in ((vectors, [3, 3, 1]), (tokens, [1] * 7)):
        inputs, labels = zip(*each.batches(3), strict=True)
        assert [len(part) for part in labels] == sizes
        assert torch.equal(torch.cat(inputs), each.inputs)
        assert torch.equal(torch.cat(labels), each.labels)


CHANGES = ("training pixel", "test pixel", "training label", "test label", "order of examples", "shape of inputs")


def test_the_room_holds_the_seven_datasets_by_name():
    assert list(datasets.choices()) == ["cifar10", "digits", "fashion_mnist", "gaussian_mixture", "kmnist", "mnist", "python_text"]
    assert all(cls.name == name for name, cls in datasets.choices().items())


@pytest.mark.parametrize("change", CHANGES)
def test_the_fingerprint_changes_with(change):
    assert fingerprint(data(change)) != fingerprint(data())


def test_the_fingerprint_is_the_hash_of_shapes_inputs_and_labels_in_order():
    example = data()
    words = b""
    for part in (example.train, example.test):
        words += repr(tuple(part.inputs.shape)).encode() + part.inputs.numpy().astype("<f4").tobytes()
        words += repr(tuple(part.labels.shape)).encode() + part.labels.numpy().astype("<i8").tobytes()
    assert fingerprint(example) == hashlib.sha256(words).hexdigest()[:16]


def test_images_have_the_fingerprint_of_the_vectors_that_they_are_flattened_to():
    vectors = data()
    images = Data(*(Split(part.inputs.view(-1, 1, 2, 2), part.labels) for part in (vectors.train, vectors.test)), 3)
    assert (images.kind, images.inputs, images.n_inputs) == ("images", (1, 2, 2), 4)
    assert fingerprint(images) == fingerprint(vectors)


def test_the_fingerprint_of_tokens_is_that_of_their_integers():
    ids = np.array([[0, 2**24, 2**24 + 1]])  # of which float32 rounds the last two to one number
    one, other = (Data(token_split(rows, rows), token_split(rows, rows), 2**25) for rows in (ids, ids[:, [0, 1, 1]]))
    words = (repr((1, 3)).encode() + ids.astype("<i8").tobytes()) * 4
    assert fingerprint(one) == hashlib.sha256(words).hexdigest()[:16] != fingerprint(other)
    assert one.kind == "tokens"


def test_the_fingerprint_does_not_see_how_the_tensors_lie_in_memory():
    example = data()
    strided = torch.empty(6, 8)[:, ::2].copy_(example.train.inputs)
    assert not strided.is_contiguous()
    assert fingerprint(Data(Split(strided, example.train.labels), example.test, 3)) == fingerprint(example)


def test_normalise_gives_all_training_pixels_mean_0_and_standard_deviation_1():
    rng = np.random.default_rng(1)
    train, test = rng.random((50, 7)).astype(np.float32), rng.random((20, 7)).astype(np.float32)
    new_train, new_test = normalise(train, test)
    # The results are rounded to float32, half a unit in 1e-7 per pixel.
    np.testing.assert_allclose(new_train.mean(dtype=np.float64), 0.0, atol=1e-6)
    np.testing.assert_allclose(new_train.std(dtype=np.float64), 1.0, rtol=1e-6)
    # The test set is moved by the same numbers, not by its own.
    mean, std = train.astype(np.float64).mean(), train.astype(np.float64).std()
    np.testing.assert_allclose(new_test * std + mean, test, rtol=1e-5)


def test_a_split_holds_float32_inputs_and_int64_labels_whatever_it_is_made_of():
    part = split(np.arange(6, dtype=np.int16).reshape(3, 2)[::-1], np.array([2, 1, 0], dtype=np.uint8))
    assert (part.inputs.dtype, part.labels.dtype, len(part)) == (torch.float32, torch.int64, 3)
    torch.testing.assert_close(part.inputs, torch.tensor([[4.0, 5.0], [2.0, 3.0], [0.0, 1.0]]), rtol=0, atol=0)


def test_the_number_of_inputs_is_that_of_the_flattened_images():
    assert data().n_inputs == 4


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (np.ones((2, 2)), [0.5, 1.0], "`labels` of a split must be whole numbers, got 0.5; networks here are classifiers."),
        (np.ones((2, 2)), [0.0, np.nan], "`labels` of a split must be whole numbers, got nan; networks here are classifiers."),
        (np.ones((2, 2)), ["cat", "dog"], "`labels` of a split must be an array of real numbers, got one of <U3."),
        (np.ones((2, 2)), [None, 1], "`labels` of a split must be an array of real numbers, got one of object."),
        (np.ones((2, 2)) * 1j, [0, 1], "`inputs` of a split must be an array of real numbers, got one of complex128."),
        ([["1", "2"]], [0], "`inputs` of a split must be an array of real numbers, got one of <U1."),
        ([[1, 2], [3]], [0, 1], "`inputs` of a split must be an array of real numbers: .*inhomogeneous"),
        (torch.ones(2, 2).requires_grad_(), [0, 1], "`inputs` of a split must be an array of real numbers: .*requires grad"),
    ],
)  # fmt: skip
def test_a_split_is_made_of_real_numbers_and_whole_labels(inputs, labels, message):
    with pytest.raises(InputError, match=message):
        split(inputs, labels)


def test_a_split_of_tokens_holds_whole_numbers_in_int64():
    part = token_split(np.array([[2, 1]], dtype=np.uint8), np.array([[1.0, 0.0]]))
    assert (part.inputs.dtype, part.labels.dtype, part.kind) == (torch.int64, torch.int64, "tokens")
    assert (part.inputs.tolist(), part.labels.tolist()) == ([[2, 1]], [[1, 0]])
    with pytest.raises(InputError, match=r"^`inputs` of a split must be whole numbers, got 0\.5\.$"):
        token_split(np.array([[0.5]]), np.array([[1]]))


def test_a_split_takes_whole_floats_booleans_and_arrays_that_cannot_be_written(recwarn):
    assert split(np.ones((2, 1)), [1.0, 0.0]).labels.tolist() == [1, 0]
    assert split(np.ones((2, 1)), [True, False]).labels.tolist() == [1, 0]
    fixed = np.frombuffer(np.arange(4, dtype=np.float32).tobytes(), np.float32).reshape(2, 2)
    assert split(fixed, np.frombuffer(np.array([0, 1]).tobytes(), np.int64)).inputs.tolist() == [[0, 1], [2, 3]]
    assert [str(warning.message) for warning in recwarn] == []


def test_some_examples_of_a_split_are_spread_evenly_with_their_labels():
    whole = split(np.arange(20.0).reshape(10, 2), np.arange(10))
    some = whole.at_most(4)
    assert some.labels.tolist() == spread(10, 4).tolist() == [0, 2, 5, 7]
    assert torch.equal(some.inputs, whole.inputs[some.labels])
    assert whole.at_most(None) is whole.at_most(10) is whole.at_most(11) is whole
