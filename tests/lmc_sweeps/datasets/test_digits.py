"""`digits`: what the split holds, that it is scikit-learn's set cut in two, and that it is the same every time."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data, fingerprint
from lmc_sweeps.datasets.digits import Digits


@pytest.fixture(scope="module")
def data() -> Data:
    return Digits().load()


def rows(pixels: np.ndarray, labels: np.ndarray) -> list[tuple[float, ...]]:
    """Return the examples as sortable tuples, grey levels row by row and label."""
    return sorted(map(tuple, np.column_stack([pixels.reshape(len(pixels), -1), labels]).tolist()))


def test_there_are_1437_training_and_360_test_images_of_64_pixels_in_10_classes(data):
    assert tuple(data.train.inputs.shape) == (1437, 1, 8, 8)
    assert tuple(data.test.inputs.shape) == (360, 1, 8, 8)
    assert (data.n_inputs, data.n_classes, data.note) == (64, 10, "")
    assert data.train.labels.unique().tolist() == list(range(10))


def test_pixels_lie_between_0_and_1_and_reach_both(data):
    for part in (data.train, data.test):
        assert (float(part.inputs.min()), float(part.inputs.max())) == (0.0, 1.0)


def test_both_parts_together_are_the_set_of_scikit_learn_each_image_once(data):
    pixels, labels = load_digits(return_X_y=True)
    parts = [rows(part.inputs.numpy() * 16, part.labels.numpy()) for part in (data.train, data.test)]
    assert sorted(parts[0] + parts[1]) == rows(pixels, labels)
    assert len(set(parts[0] + parts[1])) == 1797  # no image occurs twice in the set, so the two parts share none


def test_the_split_is_stratified_by_class(data):
    whole = np.bincount(load_digits(return_X_y=True)[1])
    train, test = (np.bincount(part.labels.numpy()) for part in (data.train, data.test))
    np.testing.assert_array_equal(train + test, whole)
    np.testing.assert_allclose(test, whole * 360 / 1797, atol=1.0)  # proportional up to rounding to whole images


def test_the_split_is_the_same_for_everybody(data):
    assert fingerprint(Digits().load()) == fingerprint(data)
    assert fingerprint(data) == "f3ffc9740dc1b454"  # frozen: it stands in every run_id on digits


def test_normalised_digits_have_mean_0_and_standard_deviation_1_and_the_same_labels(data):
    scaled = Digits(normalise=True).load()
    pixels = scaled.train.inputs.double()
    np.testing.assert_allclose([float(pixels.mean()), float(pixels.std(correction=0))], [0.0, 1.0], atol=1e-6)  # rounded to float32
    assert torch.equal(scaled.test.labels, data.test.labels)
    assert fingerprint(scaled) != fingerprint(data)


def test_normalise_must_be_true_or_false():
    with pytest.raises(InputError, match=r"`dataset\.normalise` must be true or false, got 'yes'\."):
        Digits(normalise="yes")


def test_sizes_take_the_first_images_of_each_part(data):
    few = Digits(train_size=200, test_size=30).load()
    assert torch.equal(few.train.inputs, data.train.inputs[:200])
    assert torch.equal(few.train.labels, data.train.labels[:200])
    assert torch.equal(few.test.inputs, data.test.inputs[:30])


def test_digits_scaled_are_scaled_by_the_images_that_are_taken():
    pixels = Digits(train_size=100, normalise=True).load().train.inputs.double()
    np.testing.assert_allclose([float(pixels.mean()), float(pixels.std(correction=0))], [0.0, 1.0], atol=1e-6)


def test_more_images_than_there_are_and_none_are_refused():
    with pytest.raises(
        InputError, match=r"`dataset\.train_size` must be at most 1437, the examples in the training part of digits, got 1438\."
    ):
        Digits(train_size=1438).load()
    with pytest.raises(InputError, match=r"`dataset\.test_size` must be at most 360, the examples in the test part of digits, got 361\."):
        Digits(test_size=361).load()
    with pytest.raises(InputError, match=r"`dataset\.test_size` must be a positive integer, got 0\."):
        Digits(test_size=0)


def test_enlarged_digits_have_every_pixel_as_a_square(data):
    large = Digits(enlarge=3, train_size=50).load().train.inputs
    assert tuple(large.shape) == (50, 1, 24, 24)
    for row in range(3):
        for column in range(3):
            assert torch.equal(large[:, :, row::3, column::3], data.train.inputs[:50])
    with pytest.raises(InputError, match=r"`dataset\.enlarge` must be a positive integer, got 0\."):
        Digits(enlarge=0)
