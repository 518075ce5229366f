"""Pairs measured with repairs: their rows beside those of the networks as they are, against networks repaired by hand."""

from dataclasses import replace

import numpy as np
import pytest
from normalised_networks import SPEC, architecture, by_hand, convolutions, drawn, split, tensors
from small_pairs import METHODS, Spy, measured, perceptron

from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.measuring.pairs import compare_pair, method_key, with_none
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.models.base import stacked
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.repair.reset import Reset

A, B = (tensors(drawn(convolutions, seed)) for seed in (0, 1))
TRAIN, TEST, POINTS = split(40), split(30, seed=7), 5
TWO = (Identity(), Activations())


def without_seconds(rows: list) -> list[str]:
    return [repr(replace(row, repair="", repair_hash="", seconds_match=0.0, seconds_evaluate=0.0)) for row in rows]  # NaN is unlike itself


def without_repair(rows: list) -> list[str]:
    return [repr(replace(row, repair="", repair_hash="")) for row in rows]


def under(repair: str, rows: list) -> list:
    return [row for row in rows if row.repair == repair]


@pytest.fixture(scope="module")
def result() -> PairResult:
    return compare_pair(architecture(), A, B, TRAIN, TEST, TWO, POINTS, repairs=(Reset(batch_size=20),))


def test_no_repair_stands_before_the_repairs_once() -> None:
    assert with_none([Reset(), NoRepair()]) == (NoRepair(), Reset())
    assert with_none([]) == (NoRepair(),)


def test_the_rows_of_networks_as_they_are_do_not_change_beside_a_repair(result) -> None:
    plain = compare_pair(architecture(), A, B, TRAIN, TEST, TWO, POINTS)
    assert without_seconds(under("none", result.runs)) == without_seconds(plain.runs)
    assert without_repair(under("none", result.curves)) == without_repair(plain.curves)
    assert {row.repair for row in plain.runs} == {"none"}
    assert {row.repair for row in result.runs} == {"none", "reset"}


def test_the_curve_of_a_repair_is_that_of_networks_repaired_at_every_t_the_ends_too(result) -> None:
    t = line_points(POINTS)
    curves = under("reset", result.curves)
    assert [(curve.matching, curve.split) for curve in curves] == [(m.name, name) for name in ("train", "test") for m in TWO]
    for curve in curves:
        method = next(method for method in TWO if method.name == curve.matching)
        aligned = architecture().graph(B).apply(B, result.maps[method_key(method)])
        for k, point in enumerate(t):
            network = {name: (1 - point) * A[name] + point * aligned[name] for name in A}
            repaired = Reset(batch_size=20).reset(architecture(), stacked([network]), TRAIN)
            scores = evaluate(architecture(), repaired, TRAIN if curve.split == "train" else TEST)
            np.testing.assert_allclose([curve.loss[k], curve.error[k]], [scores.loss[0], scores.error[0]], rtol=1e-10)


def test_the_row_of_a_repair_has_the_measures_of_its_curve_and_those_of_the_map(result) -> None:
    for row, curve, plain in zip(*(under("reset", rows) for rows in (result.runs, result.curves)), under("none", result.runs), strict=True):
        assert (row.matching, row.split) == (curve.matching, curve.split) == (plain.matching, plain.split)
        assert (row.loss_a, row.loss_b, row.loss_midpoint) == (curve.loss[0], curve.loss[-1], curve.loss[POINTS // 2])
        assert row.loss_a != plain.loss_a
        assert (row.function_gap, row.distance) == (plain.function_gap, plain.distance)
        assert np.isnan(row.output_gap)  # of the midpoint as it is
        assert row.certificate_status == "none"


def test_a_repair_that_does_not_apply_gives_the_same_rows_and_a_note() -> None:
    result = measured(perceptron(), repairs=(Reset(),))
    assert without_seconds(under("reset", result.runs)) == without_seconds(under("none", result.runs))
    assert without_repair(under("reset", result.curves)) == without_repair(under("none", result.curves))
    assert len(result.curves) == 2 * 2 * len(METHODS)
    assert result.notes == ["reset: there is no batch norm with running statistics, so nothing was computed again."]


def test_a_map_that_does_not_keep_the_function_has_no_repaired_line_but_repaired_ends() -> None:
    code = by_hand(convolutions().double(), {**SPEC.axes, "3.bias": (None,)})
    result = compare_pair(code, A, B, TRAIN, TEST, (Identity(), Spy()), POINTS, repairs=(Reset(batch_size=20),))
    assert {curve.matching for curve in under("reset", result.curves)} == {"identity"}
    identity, spy = (row for row in under("reset", result.runs) if row.split == "test")
    np.testing.assert_allclose([spy.loss_a, spy.loss_b], [identity.loss_a, identity.loss_b], rtol=1e-10)
    assert np.isnan(spy.loss_barrier)
    assert np.isfinite(identity.loss_barrier)
