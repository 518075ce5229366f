"""Products of rounded factors: what is rounded, once, and in whose type the results are."""

import pytest
import torch

from lmc_sweeps.models.products import Products


def drawn(*size):
    return torch.randn(*size, generator=torch.Generator().manual_seed(0))


def test_without_a_type_factors_and_products_are_those_of_the_numbers_themselves():
    left, right = drawn(2, 3, 4), drawn(2, 4, 5)
    assert Products().factor(left) is left
    assert torch.equal(Products().product(left, right), left @ right)


@pytest.mark.parametrize("rounds_results", [True, False])
def test_a_factor_of_a_factor_is_itself_and_a_result_is_rounded_if_asked_for(rounds_results):
    products = Products(torch.bfloat16, rounds_results)
    left, right = (products.factor(drawn(*size)) for size in ((2, 3, 4), (2, 4, 5)))
    assert torch.equal(products.factor(left), left)
    exact = left.double() @ right.double()
    expected = exact.to(torch.bfloat16 if rounds_results else torch.float32)
    torch.testing.assert_close(products.product(left, right), expected, rtol=2**-8 if rounds_results else 1e-6, atol=0)
    wide = torch.empty(2, 3, 5)
    assert products.product(left, right, out=wide) is wide
    assert torch.equal(wide, products.product(left, right).float())


@pytest.mark.parametrize("rounds_results", [True, False])
def test_factors_and_products_are_the_same_in_memory_that_is_given(rounds_results):
    products, left, right = Products(torch.bfloat16, rounds_results), drawn(2, 3, 4), drawn(2, 4, 5)
    factors = [products.factor(values, products.room(values)) for values in (left, right)]
    assert all(torch.equal(factor, products.factor(values)) for factor, values in zip(factors, (left, right), strict=True))
    out = torch.empty(2, 3, 5)
    products.product(*factors, out=out, room=products.room(out))
    assert torch.equal(out, products.product(*factors).float())
    assert left.equal(drawn(2, 3, 4))  # they stay what they were
    assert Products().room(left) is left
    rounded = left.bfloat16()
    assert Products(torch.bfloat16).room(rounded) is rounded
