"""Residual networks: as many parameters as in the paper, and a block against its formula."""

import math

import pytest
import torch
from small_models import INNER, STREAMS

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.resnet import Block, Resnet


@pytest.mark.parametrize(("depth", "blocks"), [(1, 3), (2, 3), (1, 5)])
def test_layers_and_parameters_are_the_papers(depth, blocks):
    """A stage of k blocks of c channels has 2 k convolutions of 9 c^2 weights, but for the first, whose inputs have half as many channels."""
    k, w = depth * blocks, 16
    sizes = Resnet(blocks=blocks).tensor_sizes(Shape((3, 32, 32), w, depth, 10))
    layers = [name for name, size in sizes.items() if len(size) == 4 and "shortcut" not in name]
    assert len(layers) + 1 == 6 * k + 2
    stages = sum(2 * k * 9 * c**2 - (9 * c * c // 2 if c > w else 0) for c in (w, 2 * w, 4 * w))
    shortcuts = w * 2 * w + 2 * w * 4 * w
    norms = 4 * (w + 2 * k * (w + 2 * w + 4 * w) + 2 * w + 4 * w)  # scale, shift, mean and variance of every convolution's channels
    assert sum(map(math.prod, sizes.values())) == 27 * w + stages + shortcuts + norms + 10 * 4 * w + 10


def test_resnet_20_has_one_group_for_the_sums_of_a_stage_and_one_inside_of_every_block():
    shape = Shape((1, 8, 8), 4, 1, 3)
    graph = Resnet().architecture(shape).graph({})
    assert sorted(graph.sizes.values()) == sorted((*STREAMS, *INNER * 3))
    assert graph.axes["stages.1.0.shortcut.layer.weight"][0] == graph.axes["stages.1.2.two.layer.weight"][0]


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_is_its_formula(stride):
    block, x = Block(Resnet(norm="layer"), 4, 4 * stride, stride), torch.randn(2, 4, 8, 8)
    shortcut = block.shortcut.norm(block.shortcut.layer(x)) if stride == 2 else x
    inner = torch.relu(block.one.norm(torch.nn.functional.conv2d(x, block.one.layer.weight, block.one.layer.bias, stride, padding=1)))
    expected = torch.relu(
        block.two.norm(torch.nn.functional.conv2d(inner, block.two.layer.weight, block.two.layer.bias, padding=1)) + shortcut
    )
    assert block(x).shape == (2, 4 * stride, 8 // stride, 8 // stride)
    torch.testing.assert_close(block(x), expected)


def test_without_norms_a_block_begins_as_its_shortcut():
    x = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(Block(Resnet(norm="none"), 4, 4, 1)(x), torch.relu(x))
    assert not torch.equal(Block(Resnet(), 4, 4, 1)(x), torch.relu(x))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"^`dataset` must have images of at least 4 x 4 pixels for model=resnet, got 2 x 8\.$"):
        Resnet().check_shape(Shape((1, 2, 8), 8, 1, 10))
    with pytest.raises(InputError, match=r"^`model\.blocks` must be a positive integer, got 0\.$"):
        Resnet(blocks=0)
