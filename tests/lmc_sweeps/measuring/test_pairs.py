"""What is measured on one pair: rows that agree with one another, methods that see what they need, and notes on what went wrong."""

import dataclasses
import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.base import NEEDS, Matching, MatchingProblem, MatchingResult
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations
from lmc_sweeps.maths.theory import widths_sufficient
from lmc_sweeps.measuring.evaluation import evaluate, evaluate_line
from lmc_sweeps.measuring.gaps import distance, midpoint_gap
from lmc_sweeps.measuring.pairs import PairResult, check_final_losses, compare_pair, method_key, undefined_rows, with_identity
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mean_field import MeanField
from lmc_sweeps.models.mlp import Mlp

METHODS = (Identity(), Weights(), Covariance(), Activations())
INPUTS, CLASSES, POINTS = 6, 3, 7


@dataclass(frozen=True, kw_only=True)
class Spy(Matching):
    """Matches by reversal, keeps the problem that it was shown, and says what it is told to say."""

    name = "spy"
    needs = frozenset(NEEDS)
    wants: tuple[str, ...] = NEEDS
    converged: bool = True
    is_permutation: bool = True
    seen: list[MatchingProblem] = field(default_factory=list)

    def settings(self):
        return {"wants": self.wants}

    def __post_init__(self):
        object.__setattr__(self, "needs", frozenset(self.wants))

    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        self.seen.append(problem)
        reversal = {group: np.arange(size)[::-1].copy() for group, size in problem.sizes.items()}
        return MatchingResult(
            permutations=reversal,
            is_permutation=self.is_permutation,
            layers=(),
            objective=(),
            converged=self.converged,
            sentence="out of steps",
        )


@pytest.fixture(scope="module")
def architecture() -> FeedForward:
    return Mlp().architecture(INPUTS, 8, 2, CLASSES)


def network(number: int) -> dict[str, Tensor]:
    return Mlp(initialisation="he").initial(INPUTS, 8, 2, CLASSES, np.random.default_rng(number))


def examples(n: int, seed: int) -> Split:
    rng = torch.Generator().manual_seed(seed)
    return Split(torch.randn(n, INPUTS, generator=rng), torch.randint(CLASSES, (n,), generator=rng))


TRAIN, TEST = examples(60, 1), examples(40, 2)


def measured(architecture: FeedForward, methods=METHODS, **changes) -> PairResult:
    return compare_pair(architecture, network(0), network(1), TRAIN, TEST, methods, **{"points": POINTS, **changes})


@pytest.fixture(scope="module")
def result(architecture) -> PairResult:
    return measured(architecture)


def rows(table: list[dict], matching: str, split: str) -> dict:
    (found,) = [row for row in table if (row["matching"], row["split"]) == (matching, split)]
    return found


def test_the_identity_stands_before_the_methods_once():
    assert with_identity([Weights(), Activations()]) == (Identity(), Weights(), Activations())
    assert with_identity([Weights(), Identity(), Identity()]) == (Identity(), Weights())


def test_every_method_has_one_row_and_one_curve_on_each_split(result):
    keys = [(method.name, method.settings_hash(), split) for split in ("train", "test") for method in METHODS]
    for table in (result.runs, result.curves):
        assert [(row["matching"], row["settings_hash"], row["split"]) for row in table] == keys
    assert sorted(result.permutations) == sorted(method_key(method) for method in METHODS)
    assert [(row["matching"], row["layer"]) for row in result.layers] == list(itertools.product([m.name for m in METHODS[1:]], [1, 2]))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_measures_of_a_row_are_those_of_its_curve(result, method, split):
    curve, row = rows(result.curves, method.name, split), rows(result.runs, method.name, split)
    t = np.array(curve["t"])
    np.testing.assert_array_equal(t, np.arange(POINTS) / (POINTS - 1))
    for metric in ("loss", "error"):
        values = np.array(curve[metric])
        assert (row[f"{metric}_a"], row[f"{metric}_b"]) == (values[0], values[-1])
        assert row[f"{metric}_midpoint"] == values[POINTS // 2]
        above = values - ((1 - t) * values[0] + t * values[-1])
        np.testing.assert_allclose(row[f"{metric}_barrier"], max(0.0, *above[1:-1]), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(row[f"{metric}_midpoint_barrier"], values[3] - (values[0] + values[-1]) / 2, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(row[f"{metric}_barrier_mean"], values.max() - (values[0] + values[-1]) / 2, rtol=1e-12, atol=1e-12)
    assert row["function_gap"] < 1e-5  # float32


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_curves_are_the_losses_of_the_averaged_modules(architecture, result, method):
    a = network(0)
    b = apply_permutations(network(1), architecture.spec, result.permutations[method_key(method)])
    for split_name, split in (("train", TRAIN), ("test", TEST)):
        for t, loss, error in zip(*(rows(result.curves, method.name, split_name)[key] for key in ("t", "loss", "error")), strict=True):
            module = architecture.module({name: (1 - t) * a[name] + t * b[name] for name in a})
            with torch.no_grad():
                logits = module(split.inputs)
            np.testing.assert_allclose(loss, float(torch.nn.functional.cross_entropy(logits, split.labels)), rtol=1e-5)  # float32
            np.testing.assert_allclose(error, float((logits.argmax(1) != split.labels).double().mean()), rtol=1e-12)


def test_end_points_do_not_depend_on_the_method(architecture, result):
    for split_name, split in (("train", TRAIN), ("test", TEST)):
        for k, letter in ((0, "a"), (1, "b")):
            alone = evaluate(architecture, {name: tensor.unsqueeze(0) for name, tensor in network(k).items()}, split)
            for method in METHODS:
                row = rows(result.runs, method.name, split_name)
                np.testing.assert_allclose(row[f"loss_{letter}"], alone.loss[0], rtol=1e-6)  # a permutation changes the order of sums
                assert row[f"error_{letter}"] == alone.error[0]


@pytest.mark.parametrize("batch_size", [7, 60])
def test_the_batch_size_changes_nothing_but_rounding(architecture, result, batch_size):
    other = measured(architecture, batch_size=batch_size)
    for here, there in zip(result.curves, other.curves, strict=True):
        np.testing.assert_allclose(here["loss"], there["loss"], rtol=1e-6)
    for key, found in result.permutations.items():
        for group in found:
            np.testing.assert_array_equal(other.permutations[key][group], found[group])


@pytest.mark.parametrize("wants", [(), *((need,) for need in NEEDS), ("weights", "moments"), NEEDS])
def test_a_method_is_shown_what_it_needs_and_nothing_more(architecture, wants):
    spy = Spy(wants=wants)
    measured(architecture, [spy])
    (problem,) = spy.seen
    filled = {
        "weights": bool(problem.weights_a) and bool(problem.weights_b),
        "moments": bool(problem.moments_a) and bool(problem.moments_b),
        "cross_moments": bool(problem.cross_moments),
        "objective": problem.objective is not None,
        "generator": problem.generator is not None,
    }
    assert {need for need, there in filled.items() if there} == set(wants)
    assert (bool(problem.weights_a) or bool(problem.weights_b)) is filled["weights"]
    assert (bool(problem.moments_a) or bool(problem.moments_b)) is filled["moments"]
    assert problem.sizes == {"hidden_1": 8, "hidden_2": 8}
    assert problem.sources == {"hidden_1": ("input",), "hidden_2": ("hidden_1",)}


def test_the_problem_holds_the_weights_in_float64_and_the_moments_of_the_training_set(architecture):
    spy = Spy()
    measured(architecture, [spy])
    (problem,) = spy.seen
    for held, own in ((problem.weights_a, network(0)), (problem.weights_b, network(1))):
        for name, tensor in own.items():
            assert held[name].dtype == np.float64
            np.testing.assert_array_equal(held[name], tensor.double().numpy())
    inputs = TRAIN.inputs.double().numpy()
    np.testing.assert_allclose(problem.moments_a["input"].second, inputs.T @ inputs / 60, atol=1e-5)  # products in float32
    hidden = [
        np.maximum(inputs @ net["hidden_1.weight"].double().numpy().T + net["hidden_1.bias"].numpy(), 0) for net in map(network, (0, 1))
    ]
    np.testing.assert_allclose(problem.cross_moments["hidden_1"], hidden[0].T @ hidden[1] / 60, atol=1e-5)


def test_the_objective_is_the_training_loss_halfway_to_a_permuted_b(architecture):
    spy = Spy()
    result = measured(architecture, [spy])
    reversal = result.permutations[method_key(spy)]
    line = evaluate_line(architecture, network(0), network(1), [reversal], line_points(3), TRAIN)
    np.testing.assert_allclose(spy.seen[0].objective(reversal), line.loss[0, 1], rtol=1e-12)
    assert rows(result.runs, "spy", "train")["loss_midpoint"] == pytest.approx(line.loss[0, 1], rel=1e-6)


def test_the_generator_comes_from_the_seed_and_the_method(architecture):
    draws = []
    for seed in (0, 0, 1):
        spy = Spy()
        measured(architecture, [Weights(), spy], seed=seed)
        draws.append(spy.seen[0].generator.random(4).tolist())
    assert draws[0] == draws[1] == generator(0, "matching", "spy").random(4).tolist()
    assert draws[2] != draws[0]


def test_the_networks_are_not_changed(architecture):
    a, b = network(0), network(1)
    compare_pair(architecture, a, b, TRAIN, TEST, METHODS, POINTS)
    for net, number in ((a, 0), (b, 1)):
        for name, tensor in network(number).items():
            assert torch.equal(net[name], tensor)


def test_nothing_is_noted_where_nothing_went_wrong(result):
    assert result.notes == []


def test_a_solver_that_did_not_converge_and_a_coupling_that_is_no_permutation_are_noted(architecture):
    notes = measured(architecture, [Spy(converged=False, is_permutation=False)]).notes
    assert notes == [
        "spy: the solver did not converge (out of steps).",
        "spy: the coupling is no permutation; it was rounded to the nearest one.",
    ]


def test_a_permuted_network_that_is_not_the_same_function_is_noted():
    broken = Mlp().architecture(INPUTS, 8, 2, CLASSES)
    # A specification that forgets the outgoing weights of the second layer.
    broken.spec = PermutationSpec({**broken.spec.axes, "output.weight": (None, None)})
    found = measured(broken, [Spy()])
    gap = rows(found.runs, "spy", "test")["function_gap"]
    assert gap > 0.1
    words = f"spy: permuted B is not the same function as B (function_gap {gap:.1e}, rounding is below 0.0001), so it has no barrier."
    assert found.notes == [words]


def test_no_barrier_where_the_function_is_not_kept(result):
    broken = Mlp().architecture(INPUTS, 8, 2, CLASSES)
    broken.spec = PermutationSpec({**broken.spec.axes, "output.weight": (None, None)})
    found = measured(broken, [Identity(), Spy()])
    assert {curve["matching"] for curve in found.curves} == {"identity"}
    for split in ("train", "test"):
        spy, identity, right = rows(found.runs, "spy", split), rows(found.runs, "identity", split), rows(result.runs, "identity", split)
        for key in ("loss_a", "loss_b", "error_a", "error_b"):  # B's own, not the mapped network's
            assert spy[key] == pytest.approx(right[key], rel=1e-6)
        measures = [key for key in spy if "barrier" in key or "midpoint" in key or key.startswith(("output_", "certificate"))]
        assert len(measures) == 15
        for key in measures:
            assert spy[key] == "none" if key == "certificate_status" else np.isnan(spy[key])
            assert identity[key] == right[key]  # the control has what it has


def test_a_logit_that_is_not_finite_leaves_no_barrier_and_is_said(architecture):
    b = network(1)
    b["output.weight"] = torch.full_like(b["output.weight"], 3e38)
    found = compare_pair(architecture, network(0), b, TRAIN, TEST, [Identity(), Weights()], POINTS)
    sentence = "a logit of B, or of permuted B, is not finite on the test split, so it has no barrier."
    assert found.notes == [f"identity: {sentence}", f"weights: {sentence}"]
    assert all(np.isnan(row["loss_barrier"]) and np.isfinite(row["loss_a"]) for row in found.runs)


@pytest.mark.parametrize(("change", "device"), [(3e-4, "cpu"), (-3e-4, "cpu"), (3e-2, "cuda"), (float("nan"), "cpu")])
def test_a_loss_at_the_end_of_training_that_is_not_the_measured_one_is_refused(result, change, device):
    row = rows(result.runs, "identity", "train")
    losses = [row["loss_a"], row["loss_b"]]
    check_final_losses(result, ("a", "b"), [loss * (1 + 1e-5) for loss in losses], torch.device(device))
    scale = max(1.0, losses[1])
    with pytest.raises(
        InputError, match=rf"^network b ended its training at a loss of .* measures {losses[1]:.6g} there: what was trained"
    ):
        check_final_losses(result, ("a", "b"), [losses[0], losses[1] + change * scale], torch.device(device))


def test_the_rows_of_a_pair_that_cannot_be_measured_have_the_same_keys_and_no_numbers(result):
    undefined = undefined_rows(METHODS, POINTS)
    assert [set(row) for row in undefined.runs] == [set(row) for row in result.runs]
    assert [row["matching"] for row in undefined.runs] == [row["matching"] for row in result.runs]
    for row in undefined.runs:
        values = {key: row[key] for key in row if key not in ("matching", "settings_hash", "split")}
        assert values.pop("certificate_status") == "none"
        assert values.pop("seconds_match") == values.pop("seconds_evaluate") == 0.0
        assert values.pop("points") == POINTS
        assert np.isnan(list(values.values())).all()
    rest = dataclasses.replace(undefined, runs=[])
    assert (rest.curves, rest.layers, rest.permutations, rest.notes) == ([], [], {}, [])


def test_what_theory_says_stands_beside_the_costs(result):
    for row in result.layers:
        if row["matching"] != "activations":
            assert 0 < row["cost_lower_bound"] < row["identity_cost"]
        assert 1 <= row["effective_dimension"] <= 7  # the spectrum of 8 neurons about their mean
        assert row["expected_slope"] == pytest.approx(-2 / max(row["effective_dimension"], 2))
        tolerance = row["recursion_tolerance"]
        assert widths_sufficient(tolerance, INPUTS, row["layer"])[-1] == pytest.approx(8)


def test_the_middle_is_measured_on_the_test_split_and_stands_in_both_rows(architecture, result):
    for method in METHODS:
        aligned = apply_permutations(network(1), architecture.spec, result.permutations[method_key(method)])
        expected = midpoint_gap(architecture, network(0), aligned, architecture.certifier(network(0), network(1), TEST.inputs), TEST.inputs)
        for split in ("train", "test"):
            row = rows(result.runs, method.name, split)
            assert row["output_gap"] == pytest.approx(expected.output_gap, rel=1e-5)
            assert row["certificate"] == pytest.approx(expected.certificate, rel=1e-5)
            assert row["certificate_status"] == expected.certificate_status != "violated"
            assert row["distance"] == pytest.approx(distance(network(0), aligned))
    apart = [rows(result.runs, method.name, "test")["distance"] for method in METHODS]
    assert max(apart) == apart[0]  # here, identity's


def test_matching_the_whole_of_the_neurons_brings_two_layer_networks_nearest():
    model = MeanField()
    architecture = model.architecture(INPUTS, 8, 1, CLASSES)
    a, b = (model.initial(INPUTS, 8, 1, CLASSES, np.random.default_rng(number)) for number in (0, 1))
    found = compare_pair(architecture, a, b, TRAIN, TEST, (*METHODS, Weights(biases=True, outgoing=True)), POINTS)
    apart = [row["distance"] for row in found.runs if row["split"] == "test"]
    assert min(apart) == apart[-1]
    (cost,) = [
        layer["matching_cost"] for layer in found.layers if layer["settings_hash"] == Weights(biases=True, outgoing=True).settings_hash()
    ]
    assert apart[-1] == pytest.approx(np.sqrt(8 * cost))  # all parameters are in the rows


def test_the_bound_stands_below_the_mean_cost_of_gaussian_weights_and_where_it_would_not_there_is_none(architecture):
    costs: dict[str, list[tuple[float, float]]] = {}
    model = Mlp(initialisation="gaussian")
    for number in range(0, 40, 2):
        a, b = (model.initial(INPUTS, 8, 2, CLASSES, np.random.default_rng(k)) for k in (number, number + 1))
        for layer in compare_pair(architecture, a, b, TRAIN, TEST, METHODS, 3).layers:
            if layer["layer"] == 1:
                costs.setdefault(layer["matching"], []).append((layer["matching_cost"], layer["cost_lower_bound"]))
    for method in ("weights", "covariance"):
        cost, bound = np.mean(costs[method], axis=0)
        assert bound < cost
    assert np.isnan(np.array(costs["activations"])[:, 1]).all()  # functions of Gaussian weights are not Gaussian
