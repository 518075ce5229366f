"""`gaussian_mixture`: dimension, isometry, balance and law of the synthetic classes."""

import numpy as np
import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.datasets.gaussian_mixture import GaussianMixture


def small(**changes) -> GaussianMixture:
    return GaussianMixture(**{"ambient_dimension": 20, "classes": 3, "train_size": 200, "test_size": 100, **changes})


def points(dataset: GaussianMixture) -> np.ndarray:
    return dataset.load().train.inputs.double().numpy()


@pytest.mark.parametrize("k", [1, 3, 20])
def test_the_rank_of_the_inputs_is_the_intrinsic_dimension(k):
    data = small(intrinsic_dimension=k).load()
    both = np.concatenate([data.train.inputs.numpy(), data.test.inputs.numpy()]).astype(np.float64)
    values = np.linalg.svd(both, compute_uv=False)
    assert values[k - 1] > 1.0
    # Train and test lie on one subspace, up to rounding to float32: 6e-8 of the largest entry, times sqrt(entries).
    assert (values[k:] < 1e-6 * values[0]).all()


@pytest.mark.parametrize("d", [5, 17, 60])
def test_the_embedding_is_an_isometry(d):
    # Without separation the points are U z with the same z for every ambient dimension: all inner products must agree.
    plain, embedded = (points(small(ambient_dimension=n, intrinsic_dimension=4, separation=0.0)) for n in (4, d))
    assert plain.shape[1] == 4
    np.testing.assert_allclose(embedded @ embedded.T, plain @ plain.T, atol=1e-5)  # inner products of size 10, rounded to float32


def test_within_a_class_the_points_are_standard_normal_on_the_subspace():
    data = small(intrinsic_dimension=4, train_size=6000, separation=5.0).load()
    inputs, labels = data.train.inputs.double().numpy(), data.train.labels.numpy()
    centred = np.concatenate([inputs[labels == c] - inputs[labels == c].mean(0) for c in range(3)])
    values = np.sort(np.linalg.eigvalsh(centred.T @ centred / 6000))[::-1]
    # A sample eigenvalue is 1 +- 2 sqrt(k / n) = 1 +- 0.05; twice that leaves room, and a factor of 1.1 in the scale would show.
    np.testing.assert_allclose(values[:4], 1.0, atol=0.1)
    np.testing.assert_allclose(values[4:], 0.0, atol=1e-6)


def test_train_and_test_are_different_draws_around_the_same_centres():
    data = small(intrinsic_dimension=4, train_size=3000, test_size=3000).load()
    assert not torch.equal(data.train.inputs, data.test.inputs)
    for c in range(3):
        means = [part.inputs[part.labels == c].double().mean(0) for part in (data.train, data.test)]
        # Each coordinate of the difference has standard deviation sqrt(2 / 1000) on 4 dimensions: norm 0.09 expected, 4 sd is 0.25.
        assert float(torch.linalg.vector_norm(means[0] - means[1])) < 0.25


def test_separation_scales_the_centres():
    near, far = (points(small(separation=s)) for s in (1.0, 3.0))
    still = points(small(separation=0.0))
    np.testing.assert_allclose(far - still, 3 * (near - still), atol=1e-5)  # x = U (s c + z): linear in s, rounded to float32


def test_classes_are_equally_frequent():
    data = small(classes=3, train_size=200, test_size=100).load()
    assert np.bincount(data.train.labels.numpy()).tolist() == [67, 67, 66]
    assert np.bincount(data.test.labels.numpy()).tolist() == [34, 33, 33]
    assert data.n_classes == 3


def test_the_law_has_a_seed_of_its_own():
    assert fingerprint(small(seed=7).load()) == fingerprint(small(seed=7).load())
    assert fingerprint(small(seed=7).load()) != fingerprint(small(seed=8).load())


def test_a_smaller_training_set_is_the_beginning_of_a_larger_one():
    np.testing.assert_array_equal(points(small(train_size=50)), points(small(train_size=200))[:50])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ambient_dimension": 0}, r"`dataset\.ambient_dimension` must be a positive integer, got 0\."),
        ({"intrinsic_dimension": 1.5}, r"`dataset\.intrinsic_dimension` must be a positive integer, got 1\.5\."),
        ({"intrinsic_dimension": 21}, r"`dataset\.intrinsic_dimension` must be at most `dataset\.ambient_dimension` \(20\), got 21\."),
        ({"classes": 1}, r"`dataset\.classes` must be an integer of at least 2, got 1\."),
        ({"train_size": -4}, r"`dataset\.train_size` must be a positive integer, got -4\."),
        ({"test_size": True}, r"`dataset\.test_size` must be a positive integer, got True\."),
        ({"train_size": 2}, r"`dataset\.train_size` and `dataset\.test_size` must be at least `dataset\.classes` \(3\), got 2 and 100\."),
        ({"separation": -1.0}, r"`dataset\.separation` must be a finite number at least 0, got -1\.0\."),
        ({"separation": float("nan")}, r"`dataset\.separation` must be a finite number at least 0, got nan\."),
        ({"separation": "wide"}, r"`dataset\.separation` must be a finite number at least 0, got 'wide'\."),
        ({"seed": -1}, r"`dataset\.seed` must be a non-negative integer below 18446744073709551616, got -1\."),
        ({"seed": 2**64}, r"`dataset\.seed` must be a non-negative integer below 18446744073709551616, got 18446744073709551616\."),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        small(**changes)
