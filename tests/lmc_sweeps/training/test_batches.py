"""What networks see: orders of the examples, and views of images that depend on nothing but the network, the epoch and the example."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.training.batches import batches, data_orders
from lmc_sweeps.training.gradients import target_table
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Recipe, Training

SEED, EXAMPLES, CLASSES = 5, 13, 3
PER_EPOCH = 4  # of 4, 4, 4 and 1 example
IMAGES = Split(torch.arange(1.0, EXAMPLES * 2 * 5 * 4 + 1).view(EXAMPLES, 2, 5, 4), torch.arange(EXAMPLES) % CLASSES)
TOKENS = Split(torch.arange(EXAMPLES * 6).view(EXAMPLES, 6), torch.arange(EXAMPLES * 6).view(EXAMPLES, 6) % CLASSES)
TABLE = target_table(CLASSES, 0.0, torch.zeros(1))


def drawn(
    numbers: list[int], first: int = 0, last: int = 3 * PER_EPOCH, split: Split = IMAGES, **changes: object
) -> list[tuple[Tensor, Tensor]]:
    training = replace(Training(epochs=3, batch_size=4, augmentation="crop_flip", crop_padding=2), **changes)
    recipes = [Recipe(seed=SEED, number=number, optimizer=Sgd(), training=training) for number in numbers]
    return copied(batches(recipes, split, TABLE, first, last, lambda images: images))


def copied(drawn_batches: Iterator[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Return batches that stay as they are: each is what it is until the next one is asked for."""
    return [(inputs.clone(), targets.clone()) for inputs, targets in drawn_batches]


def assert_equal_batches(left: list[tuple[Tensor, Tensor]], right: list[tuple[Tensor, Tensor]]) -> None:
    assert len(left) == len(right)
    for pair in zip(left, right, strict=True):
        for a, b in zip(*pair, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("examples", [1, 2, 97])
def test_a_data_order_is_a_permutation_of_the_examples(examples):
    for order in islice(data_orders(3, 0, examples), 3):
        np.testing.assert_array_equal(np.sort(order), np.arange(examples))


def test_data_orders_are_the_same_for_the_same_words_and_differ_by_seed_network_and_epoch():
    words = [(3, 0), (4, 0), (3, 1)]
    orders = [tuple(order) for word in words for order in islice(data_orders(*word, 50), 2)]
    assert orders == [tuple(order) for word in words for order in islice(data_orders(*word, 50), 2)]
    assert len(set(orders)) == len(orders) == 6


@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
def test_a_network_sees_the_same_in_every_stack(augmentation):
    together = drawn([2, 0, 1], augmentation=augmentation)
    for k, number in enumerate((2, 0, 1)):
        assert_equal_batches(
            [(inputs[k : k + 1], targets[k : k + 1]) for inputs, targets in together], drawn([number], augmentation=augmentation)
        )


@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
@pytest.mark.parametrize("step", [1, PER_EPOCH - 1, PER_EPOCH, 2 * PER_EPOCH + 1])
def test_what_is_seen_does_not_depend_on_where_training_was_cut(step, augmentation):
    parts = drawn([0, 1], 0, step, augmentation=augmentation) + drawn([0, 1], step, augmentation=augmentation)
    assert_equal_batches(parts, drawn([0, 1], augmentation=augmentation))


def test_views_differ_by_network_and_epoch_and_keep_the_order_and_the_targets():
    plain, changed = drawn([0, 1], augmentation="none"), drawn([0, 1])
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(plain, changed, strict=True))
    of_networks = [torch.cat([inputs[k] for inputs, _ in changed]) for k in (0, 1)]
    shared = {tuple(view.flatten().tolist()) for view in of_networks[0]} & {tuple(view.flatten().tolist()) for view in of_networks[1]}
    assert len(shared) < EXAMPLES
    for (images, _), (views, _) in zip(plain, changed, strict=True):
        for image, view in zip(images.flatten(0, 1), views.flatten(0, 1), strict=True):
            # No number stands twice in the data, so those of a view tell of which image it is.
            assert set(view.unique().tolist()) - {0.0} <= set(image.unique().tolist())


def test_augmented_images_are_handed_on_as_networks_take_them():
    recipe = Recipe(seed=SEED, number=0, optimizer=Sgd(), training=Training(epochs=1, batch_size=4, augmentation="flip"))
    flat = copied(batches([recipe], IMAGES, TABLE, 0, PER_EPOCH, lambda images: images.flatten(1)))
    whole = copied(batches([recipe], IMAGES, TABLE, 0, PER_EPOCH, lambda images: images))
    assert_equal_batches(flat, [(inputs.flatten(2), targets) for inputs, targets in whole])


def test_tokens_keep_their_type_and_have_a_target_each():
    order = next(data_orders(SEED, 0, EXAMPLES))
    inputs, targets = drawn([0], 0, 1, TOKENS, augmentation="none")[0]
    assert torch.equal(inputs[0], TOKENS.inputs[order[:4]])
    assert torch.equal(targets[0].argmax(-1), TOKENS.labels[order[:4]])
    assert targets.shape == (1, 4, 6, CLASSES)
