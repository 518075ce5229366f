"""What the data are, and every message of a damaged file."""

import numpy as np
import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.arrays import NAMES, Arrays
from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.datasets.checking import check_data

ARRAYS = {
    "train_inputs": np.arange(24.0).reshape(6, 2, 2),
    "train_labels": np.array([0, 1, 2, 0, 1, 2]),
    "test_inputs": np.ones((3, 2, 2)),
    "test_labels": np.array([2, 1, 0]),
}


@pytest.fixture
def file(tmp_path):
    np.savez(tmp_path / "arrays.npz", **ARRAYS)
    return tmp_path / "arrays.npz"


def test_the_data_are_those_of_the_file(file):
    data = check_data("arrays", Arrays(file=str(file)).load())
    assert (data.n_classes, data.inputs) == (3, (1, 2, 2))
    np.testing.assert_array_equal(data.train.inputs, ARRAYS["train_inputs"].reshape(6, 1, 2, 2))
    np.testing.assert_array_equal(data.test.labels, ARRAYS["test_labels"])


def test_vectors_and_images_with_channels_are_taken_as_they_are(tmp_path):
    for shape in ((4,), (2, 1, 2)):
        inputs = {name: array.reshape(-1, *shape) for name, array in ARRAYS.items() if array.ndim > 1}
        np.savez(tmp_path / "arrays.npz", **ARRAYS | inputs)
        assert check_data("arrays", Arrays(file=str(tmp_path / "arrays.npz")).load()).inputs == shape


def test_the_contents_decide_and_not_the_place(file, tmp_path):
    np.savez(tmp_path / "same.npz", **ARRAYS)
    np.savez(tmp_path / "other.npz", **ARRAYS | {"test_labels": np.array([0, 1, 0])})
    one, same, other = (fingerprint(Arrays(file=str(tmp_path / name)).load()) for name in ("arrays.npz", "same.npz", "other.npz"))
    assert one == same != other


def test_normalised_inputs_have_mean_0_and_standard_deviation_1(file):
    inputs = Arrays(file=str(file), normalise=True).load().train.inputs.numpy()
    np.testing.assert_allclose([inputs.mean(), inputs.std()], [0, 1], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_lacks_an_array_is_refused(tmp_path, name):
    np.savez(tmp_path / "some.npz", **{key: array for key, array in ARRAYS.items() if key != name})
    with pytest.raises(InputError, match=f"`dataset.file` must hold the arrays train_inputs, .*{name} is not a file in the archive"):
        Arrays(file=str(tmp_path / "some.npz")).load()


@pytest.mark.parametrize("contents", [None, b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_refused(tmp_path, contents):
    if contents is not None:
        (tmp_path / "bad.npz").write_bytes(contents)
    with pytest.raises(InputError, match=r"`dataset.file` must be a file that np.savez wrote, got .*bad.npz"):
        Arrays(file=str(tmp_path / "bad.npz")).load()


def test_a_file_of_one_array_is_refused(tmp_path):
    np.save(tmp_path / "one.npy", ARRAYS["train_inputs"])
    with pytest.raises(InputError, match="`dataset.file` must be a file that np.savez wrote"):
        Arrays(file=str(tmp_path / "one.npy")).load()


def test_an_empty_array_is_refused(tmp_path):
    np.savez(tmp_path / "empty.npz", **ARRAYS | {"test_inputs": np.ones((0, 2))})
    with pytest.raises(InputError, match="has no examples in test_inputs"):
        Arrays(file=str(tmp_path / "empty.npz")).load()


def test_settings_are_checked():
    with pytest.raises(InputError, match="`dataset.file` must be the path of an .npz file, got null"):
        Arrays().load()
    with pytest.raises(InputError, match="`dataset.file` must be the path of an .npz file, got 3"):
        Arrays(file=3)
    with pytest.raises(InputError, match="`dataset.normalise` must be true or false, got 'yes'"):
        Arrays(normalise="yes")
