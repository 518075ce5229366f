"""The decoder: its tensors by hand, that no position sees a later one, and what it refuses."""

import math

import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.gpt import Gpt

SHAPE = Shape((6,), 8, 2, 11)


def test_parameters_are_those_counted_by_hand():
    d, block = 8, 4 * (8 * 8 + 8) + (4 * 8 * 8 + 4 * 8) + (4 * 8 * 8 + 8) + 4 * 8
    assert sum(map(math.prod, Gpt().tensor_sizes(SHAPE).values())) == 11 * d + 6 * d + 2 * block + 2 * d + 11 * d + 11


def test_a_token_changes_its_own_logits_and_those_of_later_positions_alone():
    module, tokens = Gpt().module(SHAPE), torch.arange(12).view(2, 6) % 11
    changed = tokens.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 11
    with torch.no_grad():
        before, after = module(tokens), module(changed)
    assert before.shape == (2, 6, 11)
    torch.testing.assert_close(before[:, :3], after[:, :3], rtol=0, atol=1e-6)
    assert bool(((before[:, 3:] - after[:, 3:]).abs().amax((0, 2)) > 1e-4).all())


def test_images_are_no_sequences():
    with pytest.raises(
        InputError, match=r"^`dataset` must have sequences of token ids for model=gpt; an example has the shape \(1, 8, 8\)\.$"
    ):
        Gpt().check_shape(Shape((1, 8, 8), 8, 1, 10))
    assert Gpt.takes == ("tokens",)
