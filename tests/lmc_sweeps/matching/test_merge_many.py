"""Several networks in one frame: cycles close, f is that of all pairs, it never falls, and no network can be improved where it ends."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from small_chains import Axes, Weight, apart, chain, moved, residual

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.merge_many import merge_many, sum_of_products
from lmc_sweeps.matching.problem import LOCAL, NOT_CONVERGED, MatchingProblem, NetworkView
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.symmetry.graph import Graph

SIZES = (6, 12, 12, 12, 4)


def problem_of(axes: Axes, networks: Sequence[Weight], seed: int = 0) -> MatchingProblem:
    views = tuple(NetworkView(weights=network) for network in networks)
    return MatchingProblem(graph=Graph.by_hand(axes, networks[0]), views=views, generator=np.random.default_rng(seed))


def chains(count: int, sizes: tuple[int, ...] = SIZES, seed: int = 0) -> tuple[Axes, list[dict[str, np.ndarray]]]:
    """Return several networks of independent random weights."""
    return chain(sizes, seed)[0], [chain(sizes, 100 * seed + k)[1] for k in range(count)]


def by_pairs(networks: Sequence[Weight]) -> float:
    """Return the sum of the inner products of all pairs, pair by pair."""
    return sum(float(np.vdot(a[name], b[name])) for a, b in itertools.combinations(networks, 2) for name in a)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_permutations_round_any_cycle_compose_to_the_identity(count: int) -> None:
    matched = merge_many(problem_of(*chains(count)), starts=2)
    networks = range(count)
    for length in range(1, count + 1):
        for cycle in itertools.permutations(networks, length):
            for group in matched.permutations[0]:
                order = np.arange(12)
                for i, j in itertools.pairwise((*cycle, cycle[0])):
                    order = matched.between(i, j)[group][order]
                np.testing.assert_array_equal(order, np.arange(12))


def test_between_puts_one_network_into_the_order_of_another_and_the_first_one_has_its_own() -> None:
    axes, networks = chains(3)
    matched = merge_many(problem_of(axes, networks), starts=2)
    for i, j in itertools.permutations(range(3), 2):
        beside = apart(networks[i], moved(axes, networks[j], matched.between(i, j)))
        in_frame = apart(*(moved(axes, networks[k], matched.permutations[k]) for k in (i, j)))
        np.testing.assert_allclose(beside, in_frame, rtol=1e-12)
        assert beside < apart(networks[i], networks[j])
    for group, order in matched.permutations[0].items():
        np.testing.assert_array_equal(order, np.arange(12))
        np.testing.assert_array_equal(matched.between(0, 2)[group], matched.permutations[2][group])


@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_objective_is_the_sum_over_pairs_and_tells_their_squared_distances(count: int) -> None:
    axes, networks = chains(count)
    matched = merge_many(problem_of(axes, networks), starts=2)
    aligned = [moved(axes, network, orders) for network, orders in zip(networks, matched.permutations, strict=True)]
    assert matched.objective[-1] == max(matched.ends) == pytest.approx(by_pairs(aligned), rel=1e-10)
    assert sum_of_products(networks) == pytest.approx(by_pairs(networks), rel=1e-10)
    squares = sum(float((tensor**2).sum()) for network in networks for tensor in network.values())
    distances = sum(apart(a, b) for a, b in itertools.combinations(aligned, 2))
    assert distances == pytest.approx((count - 1) * squares - 2 * matched.objective[-1], rel=1e-10)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_the_objective_never_falls_from_round_to_round_nor_below_that_of_the_networks_as_they_are(count: int, seed: int) -> None:
    axes, networks = chains(count, seed=seed)
    matched = merge_many(problem_of(axes, networks, seed), starts=1)
    trace = [by_pairs(networks), *matched.objective]
    assert trace == sorted(trace)
    assert trace[-1] > trace[0]
    assert matched.objective[-1] == matched.objective[-2]  # the last round changes nothing
    assert (matched.status, matched.converged, matched.rounds) == (LOCAL, True, len(matched.objective))


@pytest.mark.parametrize("count", [2, 4])
def test_a_further_round_changes_nothing(count: int) -> None:
    axes, networks = chains(count)
    matched = merge_many(problem_of(axes, networks))
    aligned = [moved(axes, network, orders) for network, orders in zip(networks, matched.permutations, strict=True)]
    again = merge_many(problem_of(axes, aligned, seed=1), starts=1)
    assert again.rounds == 1
    for order in (order for orders in again.permutations for order in orders.values()):
        np.testing.assert_array_equal(order, np.arange(12))


@pytest.mark.parametrize("count", [2, 3])
def test_no_group_of_any_network_can_be_improved_alone(count: int) -> None:
    axes, networks = chains(count)
    matched = merge_many(problem_of(axes, networks), starts=2)
    aligned = [moved(axes, network, orders) for network, orders in zip(networks, matched.permutations, strict=True)]
    for k, own in enumerate(aligned):
        others = {name: sum(network[name] for j, network in enumerate(aligned) if j != k) for name in own}
        for layer in (1, 2, 3):
            gains = others[f"w{layer}"] @ own[f"w{layer}"].T + np.outer(others[f"b{layer}"], own[f"b{layer}"])
            gains += others[f"w{layer + 1}"].T @ own[f"w{layer + 1}"]
            best = linear_sum_assignment(gains, maximize=True)[1]
            np.testing.assert_array_equal(best, np.arange(12))  # the order that it has: f stays the same


@pytest.mark.parametrize("seed", range(3))
def test_of_two_networks_it_stops_where_weight_matching_stops(seed: int) -> None:
    problem = problem_of(*chains(2, seed=seed), seed=seed)
    end = merge_many(problem, starts=1).between(0, 1)
    search = Rebasin().search(problem, end)
    assert (search.steps, search.is_done) == (1, True)
    for group, order in search.state.items():
        np.testing.assert_array_equal(order, end[group])


@pytest.mark.parametrize("seed", range(3))
def test_of_two_networks_with_one_hidden_layer_it_is_weight_matching(seed: int) -> None:
    problem = problem_of(*chains(2, (5, 9, 3), seed))
    matched, rebasin = merge_many(problem, starts=1), Rebasin(starts=1)(problem)
    np.testing.assert_array_equal(matched.between(0, 1)["h1"], rebasin.permutations["h1"])


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("sizes", [(20, 32, 10), (20, 16, 16, 10)])
@pytest.mark.parametrize("seed", range(3))
def test_relabelled_copies_of_one_network_are_brought_back_to_the_first(count: int, sizes: tuple[int, ...], seed: int) -> None:
    axes, network = chain(sizes, seed)
    rng = np.random.default_rng(seed)
    planted = [{f"h{k}": rng.permutation(sizes[k]) for k in range(1, len(sizes) - 1)} for _ in range(count)]
    copies = [moved(axes, network, orders) for orders in planted]
    matched = merge_many(problem_of(axes, copies), starts=1)
    for copy, orders in zip(copies, matched.permutations, strict=True):
        assert apart(copies[0], moved(axes, copy, orders)) == 0
    for k, orders in enumerate(matched.permutations):
        for group, order in orders.items():
            np.testing.assert_array_equal(planted[k][group][order], planted[0][group])


def test_a_chain_keeps_its_function() -> None:
    axes, networks = chains(3)
    matched = merge_many(problem_of(axes, networks), starts=1)
    inputs = np.random.default_rng(0).standard_normal((50, 6))
    for network, orders in zip(networks, matched.permutations, strict=True):
        np.testing.assert_allclose(_outputs(moved(axes, network, orders), inputs), _outputs(network, inputs), rtol=0, atol=1e-9)


def _outputs(network: Weight, inputs: np.ndarray) -> np.ndarray:
    for layer in (1, 2, 3):
        inputs = np.tanh(inputs @ network[f"w{layer}"].T + network[f"b{layer}"])
    return inputs @ network["w4"].T + network["b4"]


def test_the_same_generator_gives_the_same_result_and_the_problem_stays_as_it_is() -> None:
    axes, networks = residual(8, 12, 2, 6, 0)[0], [residual(8, 12, 2, 6, seed)[1] for seed in range(3)]
    before = [{name: tensor.copy() for name, tensor in network.items()} for network in networks]
    one, other = (merge_many(problem_of(axes, networks, seed=5)) for _ in range(2))
    assert (one.ends, one.objective, one.sentence) == (other.ends, other.objective, other.sentence)
    for orders, same in zip(one.permutations, other.permutations, strict=True):
        for group, order in orders.items():
            np.testing.assert_array_equal(order, same[group])
    for network, copy in zip(networks, before, strict=True):
        for name, tensor in network.items():
            np.testing.assert_array_equal(tensor, copy[name])


def test_the_best_of_all_starts_counts() -> None:
    problem = problem_of(*chains(3))
    matched = merge_many(problem, starts=4)
    assert len(matched.ends) == 4
    assert len(set(matched.ends)) > 1
    assert matched.objective[-1] == max(matched.ends)
    assert matched.sentence == f"the best of 4 starts, after {matched.rounds} rounds"


def test_a_group_on_both_axes_of_one_tensor_never_makes_it_worse() -> None:
    rng = np.random.default_rng(0)
    axes: Axes = {"u": ("h", None), "square": ("h", "h"), "v": (None, "h")}
    shapes = {"u": (6, 1), "square": (6, 6), "v": (1, 6)}
    networks = [{name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(3)]
    matched = merge_many(problem_of(axes, networks), starts=1)
    trace = [by_pairs(networks), *matched.objective]
    assert trace == sorted(trace)
    aligned = [moved(axes, network, orders) for network, orders in zip(networks, matched.permutations, strict=True)]
    assert trace[-1] == pytest.approx(by_pairs(aligned), rel=1e-10)


def test_statistics_counts_and_second_names_in_a_state_dict_are_no_weights() -> None:
    axes, networks = chains(3, (4, 9, 3))
    plain = merge_many(problem_of(axes, networks))
    rng = np.random.default_rng(0)
    networks = [{**network, "mean": 100 * rng.standard_normal(9)} for network in networks]
    problem = problem_of(axes | {"mean": ("h1",)}, networks)
    graph = replace(problem.graph, buffers=frozenset({"mean"}), tied={"second name": "w2"})
    more = [{**network, "batches": np.array(1e6), "second name": network["w2"]} for network in networks]
    matched = merge_many(replace(problem, graph=graph, views=tuple(NetworkView(weights=network) for network in more)))
    assert matched.objective == plain.objective
    for orders, same in zip(matched.permutations, plain.permutations, strict=True):
        np.testing.assert_array_equal(orders["h1"], same["h1"])


def test_a_search_that_was_cut_short_says_so() -> None:
    matched = merge_many(problem_of(*chains(3)), starts=2, most_rounds=1)
    assert (matched.status, matched.converged, matched.rounds) == (NOT_CONVERGED, False, 1)
    assert matched.sentence == "the best of 2 starts, after 1 rounds; 2 of them still changed after 1 rounds"


def test_what_it_cannot_take_is_refused_with_a_sentence() -> None:
    problem = problem_of(*chains(2))
    with pytest.raises(InputError, match=r"`problem` must have at least 2 networks, got 1\."):
        merge_many(replace(problem, views=problem.views[:1]))
    with pytest.raises(InputError, match=r"must show `weights` and `generator`, got no weights and no generator\."):
        merge_many(problem.shown_to(()))
    with pytest.raises(InputError, match=r"must show `weights` and `generator`, got no generator\."):
        merge_many(replace(problem, generator=None))
    with pytest.raises(InputError, match=r"`starts` must be a positive integer, got 0\."):
        merge_many(problem, starts=0)
    with pytest.raises(InputError, match=r"`most_rounds` must be a positive integer, got 0\."):
        merge_many(problem, most_rounds=0)
