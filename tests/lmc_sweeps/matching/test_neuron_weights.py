"""The weights of neurons as rows: of linear layers and of convolutions, B's inputs in A's order, biases, and what leads to the outputs."""

import numpy as np

from lmc_sweeps.matching.neuron_weights import bias_column, incoming_rows, neuron_rows, outgoing_columns
from lmc_sweeps.matching.problem import MatchingProblem, NetworkView
from lmc_sweeps.symmetry.graph import Graph

AXES = {
    "first.weight": ("first", None, None, None),
    "second.weight": ("second", "first"),
    "second.bias": ("second",),
    "second.scale": ("second",),
    "output.weight": (None, "second"),
}
SHAPES = {"first.weight": (3, 2, 2, 2), "second.weight": (4, 3), "second.bias": (4,), "second.scale": (4,), "output.weight": (5, 4)}
WEIGHTS = {name: np.random.default_rng(k).standard_normal(shape) for k, (name, shape) in enumerate(SHAPES.items())}
PROBLEM = MatchingProblem(
    graph=Graph.by_hand(AXES, WEIGHTS),
    views=(NetworkView(weights=WEIGHTS), NetworkView()),
    reads={"first.weight": ("input",), "second.weight": ("first",)},
)
ORDER = np.array([2, 0, 1])


def test_a_convolution_has_rows_of_channels_for_every_position_of_its_kernel() -> None:
    ((source, kernel),) = incoming_rows(PROBLEM, WEIGHTS, "first", {})
    assert source == "input"
    np.testing.assert_array_equal(kernel, [WEIGHTS["first.weight"][:, :, i, j] for i in (0, 1) for j in (0, 1)])


def test_inputs_stand_in_the_order_of_the_layer_below() -> None:
    ((source, (rows,)),) = incoming_rows(PROBLEM, WEIGHTS, "second", {"first": ORDER})
    assert source == "first"
    np.testing.assert_array_equal(rows, WEIGHTS["second.weight"][:, ORDER])


def test_every_parameter_of_one_axis_is_a_column_of_biases() -> None:
    np.testing.assert_array_equal(bias_column(PROBLEM, WEIGHTS, "second").T, [WEIGHTS["second.bias"], WEIGHTS["second.scale"]])
    assert bias_column(PROBLEM, WEIGHTS, "first").shape == (3, 0)


def test_only_weights_that_lead_to_the_outputs_are_outgoing() -> None:
    (columns,) = outgoing_columns(PROBLEM, WEIGHTS, "second")
    np.testing.assert_array_equal(columns, WEIGHTS["output.weight"].T)
    assert outgoing_columns(PROBLEM, WEIGHTS, "first") == []


def test_a_row_is_what_leads_to_a_neuron_then_its_biases_and_what_leads_from_it() -> None:
    expected = [WEIGHTS["second.weight"][:, ORDER], bias_column(PROBLEM, WEIGHTS, "second"), WEIGHTS["output.weight"].T]
    rows = neuron_rows(PROBLEM, WEIGHTS, "second", {"first": ORDER}, biases=True, outgoing=True)
    np.testing.assert_array_equal(rows, np.concatenate(expected, axis=1))
    np.testing.assert_array_equal(neuron_rows(PROBLEM, WEIGHTS, "second", {}), WEIGHTS["second.weight"])
