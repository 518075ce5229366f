"""Rows: their columns, those of a pair that cannot be measured, and what theory says beside the costs."""

import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from small_pairs import CLASSES, INPUTS, METHODS, POINTS, TEST, TRAIN, measured, perceptron

from lmc_sweeps.maths.width_recursions import widths_sufficient
from lmc_sweeps.measuring.pairs import compare_pair
from lmc_sweeps.measuring.rows import CurveRow, LayerRow, PairResult, RunRow, undefined_rows
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.repair.none import NoRepair
from multirun_analysis import schema


@pytest.fixture(scope="module")
def architecture() -> FeedForward:
    return perceptron()


@pytest.fixture(scope="module")
def result() -> PairResult:
    return measured(perceptron())


TRAINING = {"seconds_train", "relative_movement"}  # which jobs add


@pytest.mark.parametrize(
    ("row", "tail", "missing"),
    [(RunRow, schema.RUNS_TAIL, TRAINING), (CurveRow, schema.CURVES_TAIL, set()), (LayerRow, schema.LAYERS_TAIL, set())],
)
def test_a_row_has_the_columns_of_its_table(row, tail, missing):
    columns = {field.name for field in fields(row)} - {schema.TEST_BLOCKS}  # which stand in no table
    hashes = columns & {"settings_hash", "repair_hash"}  # which tables write beside the method and the repair where they must
    assert columns - hashes == {*schema.names(tail)} - missing


def test_tables_hold_the_rows_column_by_column(result):
    tables = result.tables()
    for name, rows in (("runs", result.runs), ("curves", result.curves), ("layers", result.layers)):
        assert [list(columns.items()) for columns in tables[name]] == [
            [(f.name, getattr(row, f.name)) for f in fields(row)] for row in rows
        ]
    assert [next(iter(tables[name][0])) for name in tables] == ["matching"] * 3


def test_the_rows_of_a_pair_that_cannot_be_measured_have_the_same_keys_and_no_numbers(result):
    undefined = undefined_rows(METHODS, [NoRepair()], POINTS)
    assert [list(row) for row in undefined.tables()["runs"]] == [list(row) for row in result.tables()["runs"]]
    assert [row.matching for row in undefined.runs] == [row.matching for row in result.runs]
    for row in undefined.runs:
        words = ("matching", "settings_hash", "repair", "repair_hash", "split", "matching_status")
        values = {column: value for column, value in asdict(row).items() if column not in words}
        assert row.matching_status == ""
        assert values.pop("certificate_status") == "none"
        assert values.pop("seconds_match") == values.pop("seconds_evaluate") == 0.0
        assert values.pop("points") == POINTS
        assert values.pop(schema.TEST_BLOCKS) is None
        assert np.isnan(list(values.values())).all()
    assert replace(undefined, runs=[]) == PairResult([], [], [], {}, [])


def test_what_theory_says_stands_beside_the_costs(result):
    for row in result.layers:
        if row.matching != "activations":
            assert 0 < row.cost_lower_bound < row.identity_cost
        assert 1 <= row.effective_dimension <= 7  # the spectrum of 8 neurons about their mean
        assert row.expected_slope == pytest.approx(-2 / max(row.effective_dimension, 2))
        tolerance = row.recursion_tolerance
        assert widths_sufficient(tolerance, INPUTS, row.layer)[-1] == pytest.approx(8)


@pytest.mark.parametrize(("initialisation", "share"), [("gaussian", 1.0), ("pytorch", 6 / (math.pi * math.e))])
def test_the_bound_stands_below_the_mean_cost_of_initial_weights_and_where_it_would_not_there_is_none(architecture, initialisation, share):
    costs: dict[str, list[tuple[float, float]]] = {}
    model = Mlp(initialisation=initialisation)
    for number in range(0, 40, 2):
        a, b = (model.initial(Shape((INPUTS,), 8, 2, CLASSES), np.random.default_rng(k)) for k in (number, number + 1))
        for layer in compare_pair(architecture, a, b, TRAIN, TEST, METHODS, 3).layers:
            if layer.layer == 1:
                costs.setdefault(layer.matching, []).append((layer.matching_cost, layer.cost_lower_bound))
    for method in ("weights", "covariance"):
        cost, bound = np.mean(costs[method], axis=0)
        assert share * bound < cost
    assert np.isnan(np.array(costs["activations"])[:, 1]).all()  # functions of Gaussian weights are not Gaussian
