"""The plain convolutional network: its tensors, counted by hand, and what it refuses."""

import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.cnn import Cnn


@pytest.mark.parametrize(("pooling", "read"), [("flatten", 6 * 4 * 4), ("mean", 6)])
def test_depth_counts_convolutions_and_width_their_channels(pooling, read):
    sizes = Cnn(norm="none", pooling=pooling, kernel=5).tensor_sizes(Shape((1, 28, 28), 6, 3, 10))
    weights = {name: size for name, size in sizes.items() if name.endswith("weight")}
    assert list(weights.values()) == [(6, 1, 5, 5), (6, 6, 5, 5), (6, 6, 5, 5), (10, read)]  # 28 -> 14 -> 7 -> 4 pixels


def test_an_image_that_is_too_small_for_so_many_poolings_is_refused():
    Cnn().check_shape(Shape((1, 28, 28), 8, 5, 10))
    with pytest.raises(InputError, match=r"^`dataset` must have images of at least 33 x 33 pixels for model=cnn, got 28 x 28\.$"):
        Cnn().check_shape(Shape((1, 28, 28), 8, 6, 10))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kernel": 4}, r"`model\.kernel` must be odd, so that images keep their size, got 4\."),
        ({"kernel": 0}, r"`model\.kernel` must be a positive integer, got 0\."),
        ({"pooling": "max"}, r"`model\.pooling` must be one of flatten, mean, got 'max'\."),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        Cnn(**settings)
