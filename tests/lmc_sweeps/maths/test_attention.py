"""Distances of attention heads against the products formed, and what of a head's weights makes no difference."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.attention import Heads, head_distances, product_distances

H, D_HEAD, D = 5, 3, 11
rng = np.random.default_rng(0)


def heads(h: int = H, d: int = D_HEAD, width: int = D, biases: bool = True) -> Heads:
    """Return random heads, queries and values with their biases."""
    more = 1 if biases else 0
    shapes = ((h, d, width + more), (h, d, width), (h, d + 1, width + more), (h, width, d + 1))
    return Heads(*(rng.standard_normal(shape) for shape in shapes))


def maps(h: int = H, d: int = D_HEAD) -> tuple[np.ndarray, np.ndarray]:
    """Return invertible matrices for the inside of heads: singular values from 1/2 to 2, so that rounding stays rounding."""
    return tuple(
        np.stack([np.linalg.qr(rng.standard_normal((n, n)))[0] * rng.uniform(0.5, 2, n) for _ in range(h)])
        @ np.stack([np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(h)])
        for n in (d, d + 1)
    )


def formed(a: Heads, b: Heads) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances by the products that the functions do not form."""
    attend = [
        [np.sum((qa.T @ ka - qb.T @ kb) ** 2) for qb, kb in zip(b.queries, b.keys, strict=True)]
        for qa, ka in zip(a.queries, a.keys, strict=True)
    ]
    pass_on = [
        [np.sum((oa @ va - ob @ vb) ** 2) for ob, vb in zip(b.outputs, b.values, strict=True)]
        for oa, va in zip(a.outputs, a.values, strict=True)
    ]
    return np.array(attend), np.array(pass_on)


@pytest.mark.parametrize("biases", [True, False])
def test_distances_are_those_of_the_products_formed_also_of_heads_of_unlike_number_and_size(biases: bool) -> None:
    a, b = heads(biases=biases), heads(h=4, d=2, biases=biases)
    for distances, expected in zip(head_distances(a, b), formed(a, b), strict=True):
        np.testing.assert_allclose(distances, expected, rtol=1e-12)


def test_coordinates_inside_of_heads_make_no_difference() -> None:
    a, b = heads(), heads()
    for distances, expected in zip(head_distances(a.reparametrised(*maps()), b), head_distances(a, b), strict=True):
        np.testing.assert_allclose(distances, expected, rtol=1e-12)


def test_a_head_is_at_no_distance_from_itself_in_other_coordinates_and_far_from_the_others() -> None:
    a = heads()
    for distances in head_distances(a, a.reparametrised(*maps())):
        assert distances.diagonal().max() < 1e-12 * distances.mean()  # sums of squares cancel
        assert distances[~np.eye(H, dtype=bool)].min() > 0.1 * distances.mean()
    for distances in head_distances(a, a):
        np.testing.assert_array_equal(distances.diagonal(), 0)


@pytest.mark.parametrize("seed", range(5))
def test_heads_that_were_shuffled_and_given_other_coordinates_are_found(seed: int) -> None:
    a, order = heads(), np.random.default_rng(seed).permutation(H)
    b = a.in_order(np.argsort(order)).reparametrised(*maps())
    np.testing.assert_array_equal(linear_sum_assignment(sum(head_distances(a, b)))[1], order)


def test_the_stream_of_b_is_brought_to_a_before_heads_are_compared() -> None:
    a, rotation = heads(), np.linalg.qr(rng.standard_normal((D, D)))[0]
    moved = heads()
    b = moved.with_stream(rotation.T)
    for distances, expected in zip(head_distances(a, b.with_stream(rotation)), formed(a, moved), strict=True):
        np.testing.assert_allclose(distances, expected, rtol=1e-12)
    for distances, without in zip(head_distances(a, b), formed(a, moved), strict=True):
        assert np.abs(distances - without).min() > 1e-3


def attention(x: torch.Tensor, layers: dict[str, tuple[torch.Tensor, torch.Tensor]], n: int) -> torch.Tensor:
    """Return what n heads add to a stream x, (batch, length, width), by layers of a weight and a bias each."""
    q, k, v = (F.linear(x, *layers[name]).unflatten(-1, (n, -1)).transpose(1, 2) for name in ("query", "key", "value"))
    return F.linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2), *layers["output"])


def layers(n: int = 4, d: int = 3, width: int = 10) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    shapes = dict.fromkeys(("query", "key", "value"), (n * d, width)) | {"output": (width, n * d)}
    return {
        name: (torch.from_numpy(rng.standard_normal(shape)), torch.from_numpy(rng.standard_normal(shape[0])))
        for name, shape in shapes.items()
    }


X = torch.from_numpy(rng.standard_normal((2, 6, 10)))


def test_the_bias_of_the_keys_has_no_effect_and_that_of_the_values_is_one_of_the_outputs() -> None:
    own = layers()
    expected = attention(X, own, 4)
    without = {
        name: (weight, torch.zeros_like(bias)) if name in ("key", "value") else (weight, bias) for name, (weight, bias) in own.items()
    }
    weight, bias = own["output"]
    moved = {**without, "output": (weight, bias + weight @ own["value"][1])}
    torch.testing.assert_close(attention(X, moved, 4), expected, rtol=0, atol=1e-13)
    assert (attention(X, without, 4) - expected).abs().max() > 0.1  # the bias of the values is seen until it is moved
    no_query = {**moved, "query": (own["query"][0], torch.zeros(12, dtype=torch.float64))}
    assert (attention(X, no_query, 4) - expected).abs().max() > 0.01  # and that of the queries


def test_a_layer_of_heads_in_another_order_and_other_coordinates_is_the_same_function() -> None:
    """In coordinates of each head its own; those of queries and keys are not those of values and outputs."""
    own = layers()
    columns = {name: torch.cat([weight, bias[:, None]], 1).numpy() for name, (weight, bias) in own.items()}
    parts = Heads.of_layers(columns["query"], columns["key"], columns["value"], own["output"][0].numpy(), 4)
    matrices = [np.stack([np.linalg.qr(rng.standard_normal((3, 3)))[0] @ np.diag([0.5, 1, 2]) for _ in range(4)]) for _ in range(2)]
    moved = parts.reparametrised(*matrices).in_order(rng.permutation(4))
    read = {"query": moved.queries, "key": moved.keys, "value": moved.values}
    rows = {name: torch.from_numpy(part.reshape(12, -1)) for name, part in read.items()}
    weights = {name: (part[:, :-1], part[:, -1]) for name, part in rows.items()}
    output = torch.from_numpy(moved.outputs.swapaxes(0, 1).reshape(10, 12))
    torch.testing.assert_close(attention(X, {**weights, "output": (output, own["output"][1])}, 4), attention(X, own, 4), rtol=0, atol=1e-12)


def test_an_order_of_queries_and_keys_across_heads_breaks_the_function() -> None:
    own = layers()
    order = torch.arange(12).roll(1)  # the first coordinate of each head is the last one of the head before
    mixed = {name: (weight[order], bias[order]) if name in ("query", "key") else (weight, bias) for name, (weight, bias) in own.items()}
    assert (attention(X, mixed, 4) - attention(X, own, 4)).abs().max() > 0.1


def test_heads_that_do_not_fit_are_refused() -> None:
    one = np.ones((2, 3, 4))
    with pytest.raises(InputError, match=r"^heads must be queries .*, got \(2, 3, 4\), \(2, 3, 4\), \(2, 3, 4\) and \(2, 4, 5\)\.$"):
        Heads(one, one, one, np.ones((2, 4, 5)))
    with pytest.raises(
        InputError, match=r"^coordinates must be a multiple of 4 heads, got \{'query': 6, 'key': 6, 'value': 6, 'output': 6\}\.$"
    ):
        Heads.of_layers(np.ones((6, 2)), np.ones((6, 2)), np.ones((6, 2)), np.ones((2, 6)), 4)


def test_products_of_one_pair_are_those_of_matrices() -> None:
    left, right = rng.standard_normal((1, 2, 7)), rng.standard_normal((1, 2, 6))
    other = np.zeros((1, 2, 7)), np.zeros((1, 2, 6))
    np.testing.assert_allclose(product_distances(left, right, *other), [[np.sum((left[0].T @ right[0]) ** 2)]], rtol=1e-12)
