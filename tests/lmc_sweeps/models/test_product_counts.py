"""Operations and results of products: against their formulas."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.models.product_counts import counted_products
from lmc_sweeps.models.transformer import Attention


def counts(module: nn.Module, *inputs: int) -> tuple[int, int]:
    products = counted_products(module, inputs)
    return products.operations, products.results


def test_a_linear_layer_is_a_product_at_every_position():
    assert counts(nn.Linear(5, 7), 5) == (2 * 5 * 7, 7)
    assert counts(nn.Linear(5, 7, bias=False), 4, 5) == (4 * 2 * 5 * 7, 4 * 7)
    assert counts(nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7), nn.ReLU(), nn.Linear(7, 2)), 5) == (2 * 5 * 7 + 2 * 7 * 2, 9)


def test_outputs_are_what_the_module_returns_for_one_example():
    assert counted_products(nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 2)), (5,)).outputs == 2
    assert counted_products(nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9)), (6,)).outputs == 6 * 9


@pytest.mark.parametrize(("groups", "stride"), [(1, 1), (2, 1), (1, 2)])
def test_a_convolution_sums_over_its_kernel_and_channels_for_every_result(groups, stride):
    results = 6 * (8 // stride) * (10 // stride)
    layer = nn.Conv2d(4, 6, (3, 5), stride, (1, 2), groups=groups)
    assert counts(layer, 4, 8, 10) == (2 * 3 * 5 * 4 // groups * results, results)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_two_products_of_every_pair_of_positions_in_every_head(causal):
    length, width, heads = 6, 8, 2
    operations, results = counts(Attention(width, heads, causal), length, width)
    assert operations == 4 * 2 * length * width**2 + 2 * 2 * length**2 * width
    assert results == 4 * length * width + heads * length**2 + length * width


def test_what_is_no_product_counts_nothing_and_tokens_are_taken_too():
    assert counts(nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.ReLU(), nn.Linear(12, 3)), 3) == (2 * 12 * 3, 3)
    assert counts(nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(2)), 2, 4, 4) == (0, 0)


def test_a_module_that_asks_for_values_is_not_counted_and_none_is_changed():
    class Choosing(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.sum() > 0 else x

    assert counted_products(Choosing(3, 3), (3,)) is None
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    counted_products(module, (1, 6, 6))
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_size_costs_nothing():
    class Large(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(2**20, 2**20, device="meta"))

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, self.weight)

    assert counts(Large(), 2**20) == (2 * 2**40, 2**20)
