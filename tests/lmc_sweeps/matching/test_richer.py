"""The search over permutations and orthogonal maps: each unit's maps against all others, and what sweeps do to the distance."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from linear_pairs import pair_of, planted, problem_of

from lmc_sweeps.matching.richer import Search, Unit
from lmc_sweeps.maths.orthogonal import random_orthogonal
from lmc_sweeps.symmetry.maps import Permutation

TRANSFORMERS = ["vit", "gpt"]


def random_values(search: Search, seed: int) -> dict[str, np.ndarray]:
    """Return maps of every kind, drawn."""
    rng, linear, values = np.random.default_rng(seed), search.problem.linear, {}
    for group, size in search.problem.sizes.items():
        if group not in linear:
            values[group] = rng.permutation(size)
        elif linear[group].heads is None:
            values[group] = random_orthogonal(size, rng, keeps_ones=linear[group].keeps_ones)
        else:
            values[group] = np.stack([random_orthogonal(size, rng) for _ in range(linear[group].n_heads)])
    return values


@pytest.mark.parametrize("name", [*TRANSFORMERS, "mlp"])
def test_the_distance_is_that_of_networks_whose_b_was_mapped(name: str) -> None:
    pair = pair_of(name)
    search, ends = Search(problem_of(pair, name)), pair.folded
    values = random_values(search, 0)
    moved = ends.graph.apply(ends.b, search.maps(values))
    expected = sum(float((ends.a[key] - moved[key]).square().sum()) for key in moved)
    assert search.distance(values) == pytest.approx(expected, rel=1e-12)
    for key, array in search.moved(values).b.weights.items():
        np.testing.assert_allclose(array, moved[key], atol=1e-12)


@pytest.mark.parametrize("name", [*TRANSFORMERS, "mlp"])
def test_sweeps_never_make_the_distance_larger(name: str) -> None:
    search = Search(problem_of(pair_of(name), name))
    for start in (search.first(), random_values(search, 1)):
        distances, values = [search.distance(start)], start
        for _ in range(4):
            values = search.sweep(values)
            distances.append(search.distance(values))
        assert distances == sorted(distances, reverse=True)
        assert distances[-1] < distances[0]


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_unit_is_given_the_best_maps_that_there_are(name: str) -> None:
    """Heads: against all of their orders, each with the best coordinates, which no random ones beat; a stream against random rotations."""
    search = Search(problem_of(pair_of(name), name))
    values, names = random_values(search, 2), list(search.problem.a.weights)
    for unit in search.units:
        best = {**values, **search.best(unit, values)}
        others = [
            {**values, **{group: drawn[group] for group in unit.groups}} for drawn in (random_values(search, seed) for seed in range(60))
        ]
        assert search.distance(best) <= min(search.distance(other) for other in others) + 1e-9
        if unit.inside:
            orders = itertools.permutations(range(search.problem.sizes[unit.group]))
            by_order = []
            for order in orders:
                placed = {**values, unit.group: np.array(order)}
                for group in unit.inside:
                    placed |= _best_inside(search, group, placed, names)
                by_order.append(search.distance(placed))
            assert search.distance(best) == pytest.approx(min(by_order), rel=1e-9)


def _best_inside(search: Search, group: str, values: dict[str, np.ndarray], names: list[str]) -> dict[str, np.ndarray]:
    """Return the best coordinates inside of heads that stay in their order, one head after the other, by the sums of squares alone."""
    problem = search.problem
    b = {name: torch.as_tensor(problem.b.weights[name]) for name in names}
    moved = problem.graph.apply(b, {g: m for g, m in search.maps(values).items() if g != group})
    matrices = []
    for head in range(problem.linear[group].n_heads):
        products = 0.0
        for name, axes in problem.graph.axes.items():
            for k, axis in enumerate(axes):
                if group in axis.groups:
                    size, heads = problem.sizes[group], problem.linear[group].n_heads
                    a, other = (
                        np.moveaxis(np.asarray(array), k, 0).reshape(heads, size, -1)[head]
                        for array in (problem.a.weights[name], moved[name])
                    )
                    products = products + a @ other.T
        left, _, right = np.linalg.svd(products)
        matrices.append(left @ right)
    return {group: np.stack(matrices)}


@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("seed", range(3))
def test_a_network_in_other_coordinates_is_found_at_once_from_what_is_known(name: str, seed: int) -> None:
    pair = planted(pair_of(name), seed)
    search = Search(problem_of(pair, name))
    assert search.distance(search.first()) < 1e-18 < search.distance(search.identity())


def test_units_are_heads_with_their_coordinates_and_every_other_group_alone() -> None:
    search = Search(problem_of(pair_of("vit"), "vit"))
    layer = "blocks.0.attention"
    assert search.units == [
        Unit("patches"), Unit(f"{layer}.query[0]", (f"{layer}.query[1]", f"{layer}.value[1]")), Unit("blocks.0.hidden"),
    ]  # fmt: skip


def test_maps_are_of_the_kind_of_their_group() -> None:
    search = Search(problem_of(pair_of("vit"), "vit"))
    kinds = {group: type(mapping).__name__ for group, mapping in search.maps(search.first()).items()}
    layer = "blocks.0.attention"
    assert kinds == {
        "patches": "Orthogonal", f"{layer}.query[0]": "Permutation", f"{layer}.query[1]": "InHeads", f"{layer}.value[1]": "InHeads",
        "blocks.0.hidden": "Permutation",
    }  # fmt: skip


def test_a_group_on_both_axes_of_a_tensor_never_makes_the_distance_larger() -> None:
    """There the distance is quadratic in the map, and the best map of its derivative may be worse: it is then not taken."""
    pair = pair_of("mlp")
    problem = problem_of(pair, "mlp")
    one, two = problem.groups
    joined = replace(problem.graph, axes={
        name: tuple(replace(axis, segments=tuple(tuple(replace(f, group=one if f.group == two else f.group) for f in s) for s in axis.segments))
                    for axis in axes)
        for name, axes in problem.graph.axes.items()
    }, sizes={one: problem.sizes[one]})  # fmt: skip
    search = Search(replace(problem, graph=joined))
    for seed in range(5):
        values = {one: np.random.default_rng(seed).permutation(problem.sizes[one])}
        assert search.distance(search.sweep(values)) <= search.distance(values)
    assert isinstance(search.maps(values)[one], Permutation)
