"""Augmentation of images: crops and mirror images as written out pixel by pixel, their draws, and what is no image."""

import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.training.augmentation import augmented, check_images, drawn_views

IMAGES = torch.randn(20, 3, 5, 4, generator=torch.Generator().manual_seed(0))
VIEWS = drawn_views(1, 0, 0, 20, 2)


def written_out(image, view, padding, crops, flips):
    """Return the view of one image, pixel by pixel."""
    channels, height, width = image.shape
    down, right, mirrored = (int(value) for value in view)
    down, right = (down - padding, right - padding) if crops else (0, 0)
    result = torch.zeros_like(image)
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                row, column = i + down, (width - 1 - j if flips and mirrored else j) + right
                if 0 <= row < height and 0 <= column < width:
                    result[c, i, j] = image[c, row, column]
    return result


@pytest.mark.parametrize(("augmentation", "crops", "flips"), [("none", 0, 0), ("crop", 1, 0), ("flip", 0, 1), ("crop_flip", 1, 1)])
def test_views_are_those_that_are_written_out_pixel_by_pixel(augmentation, crops, flips):
    expected = torch.stack([written_out(image, view, 2, crops, flips) for image, view in zip(IMAGES, VIEWS, strict=True)])
    assert torch.equal(augmented(IMAGES, VIEWS, augmentation, 2), expected)


def test_a_crop_from_the_middle_that_is_not_mirrored_is_the_image():
    assert torch.equal(augmented(IMAGES, torch.tensor([[3, 3, 0]]).expand(20, 3), "crop_flip", 3), IMAGES)


def test_draws_are_the_same_for_the_same_words_and_differ_by_seed_network_and_epoch():
    words = [(3, 0, 0), (4, 0, 0), (3, 1, 0), (3, 0, 1)]
    drawn = [tuple(drawn_views(*word, 30, 4).flatten().tolist()) for word in words]
    assert drawn == [tuple(drawn_views(*word, 30, 4).flatten().tolist()) for word in words]
    assert len(set(drawn)) == 4


def test_every_place_of_the_frame_and_both_mirror_images_are_drawn():
    places, mirrored = drawn_views(0, 0, 0, 2000, 4).split([2, 1], 1)
    assert places.unique().tolist() == list(range(9))
    assert mirrored.unique().tolist() == [0, 1]


def test_only_images_of_real_numbers_are_augmented():
    for inputs in (IMAGES, torch.zeros(2, 64), torch.zeros(2, 6, dtype=torch.int64)):
        check_images("none", inputs)
    check_images("crop", IMAGES)
    sentence = (
        r"`training\.augmentation` must be none for examples that are no images \(channels, height, width\), got 'flip' for examples of "
    )
    with pytest.raises(InputError, match=sentence + r"shape \(64,\) of real numbers\.$"):
        check_images("flip", torch.zeros(2, 64))
    with pytest.raises(InputError, match=sentence + r"shape \(1, 2, 2\) of integers\.$"):
        check_images("flip", torch.zeros(2, 1, 2, 2, dtype=torch.int64))
