"""Norms of channels, convolutions and chains of them: against their formulas."""

import pytest
import torch
from torch import nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.models.convolutional import NORMS, ChannelNorm, ConvolutionalChain, least_pixels, pooled
from lmc_sweeps.models.resnet import Resnet
from lmc_sweeps.models.vgg import Vgg


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_layer_norm_is_over_the_channels_of_every_position_by_itself():
    norm, x = ChannelNorm(4).double(), normal(2, 4, 3, 5)
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    mean, variance = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
    expected = (x - mean) / (variance + norm.eps).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_a_convolution_has_its_norm_and_a_bias_unless_a_batch_norm_takes_it_away(norm):
    convolution, x = Cnn(norm=norm, norm_groups=2).convolution(3, 6).double(), normal(5, 3, 8, 8)
    assert (convolution.layer.bias is None) == (norm == "batch")
    y = convolution.layer(x)
    assert y.shape == (5, 6, 8, 8)
    axes = {"batch": (0, 2, 3), "layer": (1,), "none": ()}.get(norm)
    if norm == "group":
        y, axes = y.view(5, 2, 3, 8, 8), (2, 3, 4)
    if axes:
        y = (y - y.mean(axes, keepdim=True)) / (y.var(axes, keepdim=True, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(convolution(x), y.view(5, 6, 8, 8), rtol=1e-10, atol=1e-10)


def test_weights_begin_with_variance_2_over_fan_in():
    torch.manual_seed(0)
    layer = Cnn(norm="none").convolution(50, 100, kernel=3).layer
    scaled = layer.weight.detach().double() * (9 * 50 / 2) ** 0.5
    assert abs(float(scaled.square().mean()) - 1) < 5 * (2 / scaled.numel()) ** 0.5
    assert float(layer.bias.detach().abs().max()) == 0


def test_a_chain_reads_all_positions_or_their_mean():
    layers, x = [[nn.Conv2d(1, 2, 3, padding=1)], [nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 3, 1)]], normal(2, 1, 7, 6).float()
    y = torch.relu(layers[0][0](x))
    y = torch.nn.functional.max_pool2d(nn.functional.pad(y, (0, 0, 0, 1)), 2)  # relu's values are not below the padding
    y = torch.nn.functional.max_pool2d(torch.relu(layers[1][1](torch.relu(layers[1][0](y)))), 2, ceil_mode=True)
    assert y.shape[2:] == (pooled(7, 2), pooled(6, 2)) == (2, 2)
    for head, is_flat, read in ((nn.Linear(12, 4), True, y.flatten(1)), (nn.Linear(3, 4), False, y.mean((2, 3)))):
        torch.testing.assert_close(ConvolutionalChain(layers, head, is_flat)(x), head(read))


@pytest.mark.parametrize("poolings", [1, 2, 3, 5])
def test_the_least_side_is_the_smallest_of_which_every_pooling_takes_two_pixels(poolings):
    def sides(pixels: int) -> list[int]:
        before = [pixels]
        for _ in range(poolings):
            before.append(nn.functional.max_pool2d(torch.zeros(1, 1, before[-1], 2), 2, ceil_mode=True).shape[2])
        assert before[-1] == pooled(pixels, poolings)
        return before[:-1]  # what each pooling takes

    assert min(sides(least_pixels(poolings))) > 1
    assert min(sides(least_pixels(poolings) - 1)) == 1
    assert pooled(28, 5) == pooled(32, 5) == 1


@pytest.mark.parametrize("kind", [Cnn, Vgg, Resnet])
def test_what_does_not_fit_is_refused(kind):
    with pytest.raises(InputError, match=r"^`model\.norm` must be one of batch, group, layer, none, got 'bach'\. Did you mean 'batch'\?$"):
        kind(norm="bach")
    with pytest.raises(InputError, match=r"^`model\.norm_groups` must be a positive integer, got 0\.$"):
        kind(norm_groups=0)
    with pytest.raises(InputError, match=r"^`width` must be a multiple of `model\.norm_groups` \(4\) for model\.norm=group, got 6\.$"):
        kind(norm="group").check_shape(Shape((3, 32, 32), 6, 1, 10))
    kind(norm="layer").check_shape(Shape((3, 32, 32), 6, 1, 10))
