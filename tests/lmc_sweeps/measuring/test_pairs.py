"""What is measured on one pair: rows that agree with one another, and notes on what went wrong."""

import itertools
from dataclasses import asdict

import numpy as np
import pytest
import torch
from small_pairs import CLASSES, INPUTS, METHODS, POINTS, TEST, TRAIN, Spy, measured, network, perceptron, row_of

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.base import NOT_CONVERGED
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.measuring.gaps import distance, midpoint_gap
from lmc_sweeps.measuring.pairs import compare_pair, method_key, with_identity
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.models.base import Shape, stacked
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mean_field import MeanField


@pytest.fixture(scope="module")
def architecture() -> FeedForward:
    return perceptron()


@pytest.fixture(scope="module")
def result() -> PairResult:
    return measured(perceptron())


def test_the_identity_stands_before_the_methods_once():
    assert with_identity([Weights(), Activations()]) == (Identity(), Weights(), Activations())
    assert with_identity([Weights(), Identity(), Identity()]) == (Identity(), Weights())


def test_every_method_has_one_row_and_one_curve_on_each_split(result):
    keys = [(method.name, method.settings_hash(), split) for split in ("train", "test") for method in METHODS]
    for table in (result.runs, result.curves):
        assert [(row.matching, row.settings_hash, row.split) for row in table] == keys
    assert sorted(result.maps) == sorted(method_key(method) for method in METHODS)
    assert [(row.matching, row.layer) for row in result.layers] == list(itertools.product([m.name for m in METHODS[1:]], [1, 2]))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_measures_of_a_row_are_those_of_its_curve(result, method, split):
    curve, row = row_of(result.curves, method.name, split), asdict(row_of(result.runs, method.name, split))
    t = np.array(curve.t)
    np.testing.assert_array_equal(t, np.arange(POINTS) / (POINTS - 1))
    for metric, values in (("loss", np.array(curve.loss)), ("error", np.array(curve.error))):
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
    b = architecture.graph(network(1)).apply(network(1), result.maps[method_key(method)])
    for split_name, split in (("train", TRAIN), ("test", TEST)):
        curve = row_of(result.curves, method.name, split_name)
        for t, loss, error in zip(curve.t, curve.loss, curve.error, strict=True):
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
                row = asdict(row_of(result.runs, method.name, split_name))
                np.testing.assert_allclose(row[f"loss_{letter}"], alone.loss[0], rtol=1e-6)  # a permutation changes the order of sums
                assert row[f"error_{letter}"] == alone.error[0]


@pytest.mark.parametrize("batch_size", [7, 60])
def test_the_batch_size_changes_nothing_but_rounding(architecture, result, batch_size):
    other = measured(architecture, batch_size=batch_size)
    for curve, other_curve in zip(result.curves, other.curves, strict=True):
        np.testing.assert_allclose(curve.loss, other_curve.loss, rtol=1e-6)
    for key, permutations in result.maps.items():
        for group, permutation in permutations.items():
            np.testing.assert_array_equal(other.maps[key][group].order, permutation.order)


def test_a_part_of_the_training_set_can_be_evaluated_while_the_statistics_are_those_of_all(architecture, result):
    few = Split(TRAIN.inputs[::3], TRAIN.labels[::3])
    stages = []
    part = measured(architecture, path_train=few, enter=lambda stage, detail: stages.append(stage))
    for key, groups in result.maps.items():
        for group, permutation in groups.items():
            np.testing.assert_array_equal(part.maps[key][group].order, permutation.order)
    ends = evaluate(architecture, stacked([network(0), network(1)]), few)
    for row in part.runs:
        whole = row_of(result.runs, row.matching, row.split)
        losses = ends.loss if row.split == "train" else [whole.loss_a, whole.loss_b]
        np.testing.assert_allclose([row.loss_a, row.loss_b], losses, rtol=1e-6)
    assert stages == sorted(stages, key=["matching", "evaluating"].index)


def test_the_networks_are_not_changed(architecture):
    a, b = network(0), network(1)
    compare_pair(architecture, a, b, TRAIN, TEST, METHODS, POINTS)
    for net, number in ((a, 0), (b, 1)):
        for name, tensor in network(number).items():
            assert torch.equal(net[name], tensor)


def test_nothing_is_noted_where_nothing_went_wrong(result):
    assert result.notes == []


def test_a_solver_that_did_not_converge_and_a_coupling_that_is_no_permutation_are_noted(architecture):
    notes = measured(architecture, [Spy(status=NOT_CONVERGED, is_permutation=False)]).notes
    assert notes == [
        "spy: not converged: out of steps.",
        "spy: the coupling is not a permutation; it was rounded to the nearest one.",
    ]


def test_a_permuted_network_that_is_not_the_same_function_is_noted():
    broken = perceptron()
    # A specification that forgets the outgoing weights of the second layer.
    broken.spec = PermutationSpec({**broken.spec.axes, "output.weight": (None, None)})
    broken_result = measured(broken, [Spy()])
    gap = row_of(broken_result.runs, "spy", "test").function_gap
    assert gap > 0.1
    sentence = f"spy: permuted B is not the same function as B (function_gap {gap:.1e}, rounding is below 0.0001), so it has no barrier."
    assert broken_result.notes == [sentence]


def test_no_barrier_where_the_function_is_not_kept(result):
    broken = perceptron()
    broken.spec = PermutationSpec({**broken.spec.axes, "output.weight": (None, None)})
    broken_result = measured(broken, [Identity(), Spy()])
    assert {curve.matching for curve in broken_result.curves} == {"identity"}
    for split in ("train", "test"):
        rows = (
            row_of(table, name, split)
            for table, name in ((broken_result.runs, "spy"), (broken_result.runs, "identity"), (result.runs, "identity"))
        )
        spy, identity, right = map(asdict, rows)
        for key in ("loss_a", "loss_b", "error_a", "error_b"):  # B's own, not the mapped network's
            assert spy[key] == pytest.approx(right[key], rel=1e-6)
        measures = [key for key in spy if "barrier" in key or "midpoint" in key or key.startswith(("output_", "certificate"))]
        assert len(measures) == 18
        for key in measures:
            assert spy[key] == "none" if key == "certificate_status" else np.isnan(spy[key])
            np.testing.assert_equal(identity[key], right[key])  # the control has what it has, NaN where nothing is calibrated


def test_a_logit_that_is_not_finite_leaves_no_barrier_and_is_said(architecture):
    b = network(1)
    b["output.weight"] = torch.full_like(b["output.weight"], 3e38)
    pair_result = compare_pair(architecture, network(0), b, TRAIN, TEST, [Identity(), Weights()], POINTS)
    sentence = "a logit of B, or of permuted B, is not finite on the test split, so it has no barrier."
    assert pair_result.notes == [f"identity: {sentence}", f"weights: {sentence}"]
    assert all(np.isnan(row.loss_barrier) and np.isfinite(row.loss_a) for row in pair_result.runs)


def test_the_middle_is_measured_on_the_test_split_and_stands_in_both_rows(architecture, result):
    for method in METHODS:
        aligned = architecture.graph(network(1)).apply(network(1), result.maps[method_key(method)])
        expected = midpoint_gap(architecture, network(0), aligned, architecture.certifier(network(0), network(1), TEST.inputs), TEST.inputs)
        for split in ("train", "test"):
            row = row_of(result.runs, method.name, split)
            assert row.output_gap == pytest.approx(expected.output_gap, rel=1e-5)
            assert row.certificate == pytest.approx(expected.certificate, rel=1e-5)
            assert row.certificate_status == expected.certificate_status != "violated"
            assert row.distance == pytest.approx(distance(network(0), aligned))
    apart = [row_of(result.runs, method.name, "test").distance for method in METHODS]
    assert max(apart) == apart[0]  # here, identity's


def test_matching_the_whole_of_the_neurons_brings_two_layer_networks_nearest():
    model = MeanField()
    architecture = model.architecture(Shape((INPUTS,), 8, 1, CLASSES))
    a, b = (model.initial(Shape((INPUTS,), 8, 1, CLASSES), np.random.default_rng(number)) for number in (0, 1))
    pair_result = compare_pair(architecture, a, b, TRAIN, TEST, (*METHODS, Weights(biases=True, outgoing=True)), POINTS)
    apart = [row.distance for row in pair_result.runs if row.split == "test"]
    assert min(apart) == apart[-1]
    (cost,) = [
        layer.matching_cost for layer in pair_result.layers if layer.settings_hash == Weights(biases=True, outgoing=True).settings_hash()
    ]
    assert apart[-1] == pytest.approx(np.sqrt(8 * cost))  # all parameters are in the rows
