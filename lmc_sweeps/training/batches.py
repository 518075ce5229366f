"""What each network of a stack sees in each step: the order of the examples, views of them, and the targets."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.training.augmentation import augmented, drawn_views
from lmc_sweeps.training.recipe import Recipe

MOST_GATHERED = 2**18  # values gathered at a time: 1 MiB, which stays near the cores


def data_orders(seed: int, network: int, examples: int) -> Iterator[np.ndarray]:
    """Yield the order in which a network sees the training set in epoch 0, 1, ..., permutations of (examples,)."""
    rng = generator(seed, "network", network, "data_order")
    while True:
        yield rng.permutation(examples)


def batches(
    recipes: Sequence[Recipe], split: Split, targets: Tensor, first: int, last: int, as_taken: Callable[[Tensor], Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the inputs (K, B, ...) and the targets (K, B, ..., classes) of each network in steps `first` to `last` - 1.

    Several batches are gathered at a time: for narrow networks a call costs more than what it does. They lie in memory that is used again:
    a batch is what it is until the next one is asked for.

    Parameters
    ----------
    recipes : sequence of Recipe, length K
        With equal batch sizes and augmentation.
    split : Split
        As networks take it, or images where they are augmented.
    targets : Tensor, shape (classes, classes)
        By label (`gradients.target_table`).
    first, last : int
    as_taken : callable
        From augmented images, (n, c, h, w), to inputs as networks take them.
    """
    training, examples, device = recipes[0].training, len(split), split.inputs.device
    size, n_values = training.batch_size, max(split.inputs[0].numel(), split.labels[0].numel() * len(targets))
    per_epoch = math.ceil(examples / size)
    at_once = max(1, MOST_GATHERED // (len(recipes) * size * n_values)) * size
    epochs = range(first // per_epoch, math.ceil(last / per_epoch))
    drawn = [islice(data_orders(recipe.seed, recipe.number, examples), epochs.start, None) for recipe in recipes]
    inputs_of, labels_of, targets_of = map(_Gathered, (split.inputs, split.labels, targets))
    for epoch in epochs:
        orders = torch.from_numpy(np.stack([next(order) for order in drawn]))
        here = orders[:, max(first - epoch * per_epoch, 0) * size : (last - epoch * per_epoch) * size].to(device)
        views = _views(recipes, epoch, examples, device)
        for rows in here.split(at_once, dim=1):
            inputs, labels = inputs_of(rows), labels_of(rows)
            if views is not None:
                inputs = _augmented(inputs, views.take_along_dim(rows.unsqueeze(-1), 1), recipes[0], as_taken)
            yield from zip(inputs.split(size, dim=1), targets_of(labels).split(size, dim=1), strict=True)


class _Gathered:
    """Rows of a table, gathered into memory that is used again: what was gathered before is gone."""

    def __init__(self, table: Tensor) -> None:
        self._table, self._memory = table, table.new_empty(0)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return rows in the shape of their numbers."""
        size = rows.numel() * self._table[0].numel()
        if len(self._memory) < size:
            self._memory = self._table.new_empty(size)
        out = self._memory[:size].view(-1, *self._table.shape[1:])
        return torch.index_select(self._table, 0, rows.reshape(-1), out=out).unflatten(0, rows.shape)


def _views(recipes: Sequence[Recipe], epoch: int, examples: int, device: torch.device) -> Tensor | None:
    """Return what each network sees of every example in an epoch, (K, examples, 3); None if examples are not augmented."""
    training = recipes[0].training
    if training.augmentation == "none":
        return None
    views = [drawn_views(recipe.seed, recipe.number, epoch, examples, training.crop_padding) for recipe in recipes]
    return torch.stack(views).to(device)


def _augmented(images: Tensor, views: Tensor, recipe: Recipe, as_taken: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the augmented images of each network as it takes them, (K, n, c, h, w) -> (K, n, ...)."""
    training = recipe.training
    views_of_all = augmented(images.flatten(0, 1), views.flatten(0, 1), training.augmentation, training.crop_padding)
    return as_taken(views_of_all).unflatten(0, images.shape[:2])
