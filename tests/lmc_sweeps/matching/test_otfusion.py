"""`otfusion`: permutations where they are exact, couplings that keep what they must, and what blurring does to weights."""

from collections.abc import Callable

import numpy as np
import ot
import pytest
import torch
from small_problems import DEPTH, GROUPS, WIDTH, explicit, inputs, networks
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.base import LOCAL, OPTIMAL, MatchingProblem, NetworkView
from lmc_sweeps.matching.otfusion import OtFusion
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.ground_costs import squared_distances
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.models.base import stacked
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.maps import Coupling

ProblemOf = Callable[..., MatchingProblem]
EXACT = ("emd", "assignment")
METRICS = {"weights": Weights, "activations": lambda **keywords: Activations(centred=False, **keywords)}
by_cost = pytest.mark.parametrize("cost", METRICS)


@by_cost
@pytest.mark.parametrize("transport", EXACT)
def test_exact_couplings_are_the_permutations_of_the_method_of_the_same_cost(cost: str, transport: str, problem: MatchingProblem) -> None:
    result, expected = OtFusion(cost=cost, transport=transport)(problem), METRICS[cost](transport=transport)(problem)
    assert (result.is_permutation, result.status) == (True, OPTIMAL)
    for group in GROUPS:
        np.testing.assert_array_equal(result.permutations[group], expected.permutations[group])
    for layer, other in zip(result.layers, expected.layers, strict=True):
        assert (layer.matching_cost, layer.identity_cost) == pytest.approx((other.matching_cost, other.identity_cost), rel=1e-12)
        assert layer.approximate_dimension == other.approximate_dimension


@by_cost
@pytest.mark.parametrize("transport", EXACT)
def test_a_planted_permutation_is_recovered(cost: str, transport: str, problem_of: ProblemOf) -> None:
    architecture, a, _ = networks()
    planted = {group: np.random.default_rng(k).permutation(WIDTH) for k, group in enumerate(GROUPS)}
    result = OtFusion(cost=cost, transport=transport)(
        problem_of(architecture, a, apply_permutations(a, architecture.spec, planted), inputs())
    )
    for group in GROUPS:
        np.testing.assert_array_equal(planted[group][result.permutations[group]], np.arange(WIDTH))


def couplings(problem: MatchingProblem, **settings: object) -> dict[str, Coupling]:
    """Return the maps of `otfusion`, none of which is a permutation."""
    maps = OtFusion(**{"transport": "sinkhorn", "epsilon": 0.05, **settings})(problem).maps
    assert all(isinstance(mapping, Coupling) and not mapping.is_permutation for mapping in maps.values())
    return maps


@by_cost
@pytest.mark.parametrize("epsilon", [0.01, 0.1, 10.0])
def test_rows_and_columns_of_soft_couplings_sum_to_one(cost: str, epsilon: float, problem: MatchingProblem) -> None:
    for mapping in couplings(problem, cost=cost, epsilon=epsilon).values():
        np.testing.assert_allclose(mapping.rows.sum(1), 1.0, rtol=0, atol=1e-12)
        np.testing.assert_allclose(mapping.columns.sum(0), 1.0, rtol=0, atol=1e-12)
        np.testing.assert_allclose(mapping.plan.sum(), 1.0, rtol=0, atol=1e-9)
        np.testing.assert_allclose(mapping.plan.sum(0) * WIDTH, 1.0, rtol=0, atol=1e-6)
        np.testing.assert_allclose(mapping.plan.sum(1) * WIDTH, 1.0, rtol=0, atol=1e-6)


def test_costs_are_taken_on_columns_that_are_mapped_by_the_coupling_below(problem: MatchingProblem) -> None:
    result = OtFusion(transport="sinkhorn", epsilon=0.05)(problem)
    for k in range(2, DEPTH + 1):
        below, own = (result.maps[f"hidden_{j}"] for j in (k - 1, k))
        a, b = (view.weights[f"hidden_{k}.weight"] for view in (problem.a, problem.b))
        cost = explicit(a, b @ below.columns.T, np.eye(WIDTH))
        # At the optimum the plan's logarithm is the cost, by what is scaled, but for a number of each row and one of each column.
        potential = cost / (0.05 * np.median(cost - cost.min())) + np.log(own.plan)
        np.testing.assert_allclose(potential - potential[:1] - potential[:, :1] + potential[0, 0], 0.0, atol=1e-3)
        np.testing.assert_allclose(result.layers[k - 1].matching_cost, np.sum(own.plan * cost), rtol=1e-6)


def test_costs_of_activations_do_not_depend_on_the_couplings_below(problem_of: ProblemOf) -> None:
    architecture, a, b = networks()
    before = couplings(problem_of(architecture, a, b, inputs()), cost="activations")
    moved = apply_permutations(b, architecture.spec, {"hidden_1": np.arange(WIDTH)[::-1].copy()})
    after = couplings(problem_of(architecture, a, moved, inputs()), cost="activations")
    np.testing.assert_allclose(after["hidden_1"].plan[:, ::-1], before["hidden_1"].plan, atol=1e-6)
    np.testing.assert_allclose(after["hidden_2"].plan, before["hidden_2"].plan, atol=1e-9)


def plan_of(rows_a: np.ndarray, rows_b: np.ndarray) -> np.ndarray:
    """Return POT's exact plan of two uniform measures on n_a and n_b neurons."""
    uniform = (np.full(len(rows), 1 / len(rows)) for rows in (rows_a, rows_b))
    return ot.emd(*uniform, squared_distances(rows_a, rows_b))


def fused(a: list[np.ndarray], b: list[np.ndarray]) -> tuple[list[Tensor], list[Coupling]]:
    """Return weights of a bias-free B mapped to A's widths in one pass, and its couplings."""
    mapped, maps, columns = [torch.from_numpy(w) for w in b], [], b[0]
    for layer in range(len(b) - 1):
        maps.append(Coupling(plan_of(a[layer], columns)))
        mapped[layer] = maps[-1].apply(mapped[layer], 0)
        mapped[layer + 1] = maps[-1].apply(mapped[layer + 1], 1, reads=True)
        columns = mapped[layer + 1].numpy()
    return mapped, maps


def outputs(weights: list[Tensor], x: Tensor) -> Tensor:
    for weight in weights[:-1]:
        x = torch.relu(x @ weight.T)
    return x @ weights[-1].T


def chain(sizes: list[int], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((fan_out, fan_in)) / np.sqrt(fan_in) for fan_in, fan_out in zip(sizes[:-1], sizes[1:], strict=True)]


@pytest.mark.parametrize("copies", [2, 3])
def test_a_network_mapped_into_a_frame_of_several_times_its_width_is_the_same_function(copies: int) -> None:
    b = chain([5, 4, 6, 3], 0)
    mapped, maps = fused(chain([5, 4 * copies, 6 * copies, 3], 1), b)
    x = torch.from_numpy(np.random.default_rng(2).standard_normal((50, 5)))
    expected = outputs([torch.from_numpy(w) for w in b], x)
    torch.testing.assert_close(outputs(mapped, x), expected, rtol=0, atol=1e-12)
    assert [(each.n_a, each.n_b) for each in maps] == [(4 * copies, 4), (6 * copies, 6)]
    for each in maps:
        np.testing.assert_allclose(each.rows.sum(1), 1.0, rtol=0, atol=1e-12)
        np.testing.assert_allclose(each.columns.sum(0), 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize("copies", [2, 3])
def test_a_network_of_duplicates_narrowed_to_one_of_each_is_the_same_function(copies: int) -> None:
    b = chain([5, 4, 6, 3], 0)
    wide = [np.repeat(b[0], copies, 0), np.repeat(np.repeat(b[1], copies, 0), copies, 1) / copies, np.repeat(b[2], copies, 1) / copies]
    mapped, _ = fused(b, wide)
    x = torch.from_numpy(np.random.default_rng(2).standard_normal((50, 5)))
    torch.testing.assert_close(outputs(mapped, x), outputs([torch.from_numpy(w) for w in b], x), rtol=0, atol=1e-12)
    for weight, own in zip(mapped, b, strict=True):
        np.testing.assert_allclose(weight.numpy(), own, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_a", "n_b"), [(7, 7), (8, 5), (5, 8), (12, 9)])
def test_exact_plans_have_mass_one_and_few_entries(n_a: int, n_b: int) -> None:
    plan = Coupling(plan_of(chain([6, n_a], 0)[0], chain([6, n_b], 1)[0])).plan
    np.testing.assert_allclose(plan.sum(), 1.0, rtol=0, atol=1e-9)
    assert (plan > 1e-9).sum() <= n_a + n_b - 1


def test_the_larger_epsilon_the_smaller_are_mapped_rows_and_the_more_partners_has_a_neuron(problem: MatchingProblem) -> None:
    norms, partners = [], []
    for epsilon in (1e-3, 0.01, 0.1, 1.0, 10.0, 1e6):
        result = OtFusion(transport="sinkhorn", epsilon=epsilon)(problem)
        mapped = result.maps["hidden_1"].apply(torch.from_numpy(problem.b.weights["hidden_1.weight"]), 0)
        norms.append(float(mapped.norm(dim=1).mean()))
        partners.append(result.statistics["partners"][0])
    assert (np.diff(norms) <= 1e-6).all()
    assert norms[0] > 1.5 * norms[-1]
    assert (np.diff(partners) >= -1e-6).all()
    assert partners[0] == pytest.approx(1.0, abs=0.2)
    assert partners[-1] == pytest.approx(WIDTH, rel=1e-4)


def test_mapped_biases_are_means_and_mapped_b_is_another_function_which_vanishing_epsilon_takes_back(problem_of: ProblemOf) -> None:
    architecture, a, b = networks()
    problem, x = problem_of(architecture, a, b, inputs()), inputs()
    graph = architecture.graph(b)
    gaps = []
    for epsilon in (0.1, 1e-6):
        maps = OtFusion(transport="sinkhorn", epsilon=epsilon)(problem).maps
        mapped = graph.apply(b, maps)
        logits = [architecture.forward(stacked([network]), x) for network in (b, mapped)]
        gaps.append(float((logits[0] - logits[1]).abs().max() / logits[0].abs().max()))
        if isinstance(maps["hidden_2"], Coupling):
            np.testing.assert_allclose(mapped["hidden_2.bias"], maps["hidden_2"].rows @ b["hidden_2.bias"].numpy(), rtol=1e-12)
    assert gaps[0] > 0.05 > 1e-5 > gaps[1]


def residual(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"u": (16, 5), "up": (12, 16), "down": (16, 12), "v": (3, 16)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("transport", ["emd", "sinkhorn"])
def test_writers_of_a_stream_share_one_map_and_one_pass_is_not_called_optimal(transport: str) -> None:
    axes = {"u": ("h", None), "up": ("g", "h"), "down": ("h", "g"), "v": (None, "h")}
    views = tuple(NetworkView(weights=residual(seed)) for seed in (0, 1))
    result = OtFusion(transport=transport)(MatchingProblem(graph=Graph.by_hand(axes, residual(0)), views=views))
    assert (result.status, set(result.maps)) == (LOCAL, {"h", "g"})
    assert result.sentence.startswith("one pass over groups that depend on one another")
    assert [layer.layer_name for layer in result.layers] == ["h", "g"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cost": "weight"}, "`matching.otfusion.cost` must be one of activations, weights, got 'weight'"),
        ({"transport": "auction"}, "`matching.otfusion.transport` must be one of assignment, emd, sinkhorn, got 'auction'"),
        ({"epsilon": 0.0}, "`matching.otfusion.epsilon` must be a finite number above 0, got 0.0"),
    ],
)
def test_settings_that_are_none_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        OtFusion(**settings)


def test_only_costs_of_activations_need_moments() -> None:
    assert OtFusion().needs == Weights().needs
    assert OtFusion(cost="activations").needs == Activations().needs
