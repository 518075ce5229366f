"""The lines of a pair under one repair: couplings, controls along the line, and what is left where no map keeps B's function."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_pairs import POINTS, TEST, TRAIN, Spy, measured, network, perceptron, row_of

from lmc_sweeps.matching.base import OPTIMAL, Matching, MatchingProblem, MatchingResult
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.barriers import barriers
from lmc_sweeps.maths.calibration import calibrated_losses
from lmc_sweeps.maths.interpolation import interpolate, line_points
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.models.base import stacked
from lmc_sweeps.repair.repair import LayerwiseRepair
from lmc_sweeps.symmetry.maps import Coupling

T = line_points(POINTS)


@dataclass(frozen=True, kw_only=True)
class Coupled(Matching):
    """Couples each neuron of A with its own of B, and a share of it with all."""

    name = "coupled"
    needs = frozenset()
    blur: float = 0.0
    problems: list[MatchingProblem] = field(default_factory=list)

    def settings(self):
        return {"blur": self.blur}

    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        maps = {group: Coupling(((1 - self.blur) * np.eye(n) + self.blur / n) / n) for group, n in problem.sizes.items()}
        return MatchingResult(maps=maps, is_permutation=True, layers=(), status=OPTIMAL, sentence="coupled")


@pytest.fixture(scope="module")
def coupled() -> PairResult:
    return measured(perceptron(), [Identity(), Coupled(blur=0.3)])


def test_a_coupling_that_is_a_permutation_has_that_permutations_line() -> None:
    result = measured(perceptron(), [Identity(), Coupled()])
    for split in ("train", "test"):
        own, same = (row_of(result.curves, name, split) for name in ("identity", "coupled"))
        np.testing.assert_allclose(same.loss, own.loss, rtol=1e-6)
        row = row_of(result.runs, "coupled", split)
        assert np.isnan(row.loss_b_mapped)
        assert row.loss_barrier == pytest.approx(row_of(result.runs, "identity", split).loss_barrier, abs=1e-6)


@pytest.mark.parametrize("split", ["train", "test"])
def test_barriers_of_a_coupling_count_from_the_losses_of_b_itself(coupled: PairResult, split: str) -> None:
    row, curve, identity = (
        row_of(coupled.runs, "coupled", split),
        row_of(coupled.curves, "coupled", split),
        row_of(coupled.runs, "identity", split),
    )
    assert (row.loss_a, row.loss_b) == pytest.approx((identity.loss_a, identity.loss_b), rel=1e-6)
    assert row.loss_b_mapped == curve.loss[-1] != pytest.approx(row.loss_b, rel=1e-3)
    assert row.error_b_mapped == curve.error[-1]
    expected = barriers(T, np.array(curve.loss), np.array([row.loss_a, row.loss_b]))
    assert (row.loss_barrier, row.loss_midpoint) == (expected.barrier, expected.midpoint)
    assert np.isnan(row.output_gap)  # of a permuted B only
    assert sum(note.startswith("coupled: B is mapped by couplings") for note in coupled.notes) == 1


def test_the_ensemble_mixes_logits_and_the_calibrated_loss_is_that_of_each_network_on_the_line(coupled: PairResult) -> None:
    architecture, a, b = perceptron(), network(0), network(1)
    ends = architecture.forward(stacked([a, b]), TEST.inputs)
    curve = row_of(coupled.curves, "identity", "test")
    for k, t in enumerate(T):
        mixed = (1 - t) * ends[0] + t * ends[1]
        assert curve.loss_ensemble[k] == pytest.approx(float(F.cross_entropy(mixed, TEST.labels)), rel=1e-5)
        assert curve.error_ensemble[k] == pytest.approx(float((mixed.argmax(-1) != TEST.labels).double().mean()))
        logits = architecture.forward(interpolate(a, b, torch.tensor([t])), TEST.inputs)
        loss, temperature = calibrated_losses(logits, TEST.labels)
        assert curve.loss_calibrated[k] == pytest.approx(float(loss), rel=1e-4)
        if k == POINTS // 2:
            assert row_of(coupled.runs, "identity", "test").temperature_midpoint == pytest.approx(float(temperature), rel=1e-3)
    row = row_of(coupled.runs, "identity", "test")
    assert (row.loss_ensemble, row.error_ensemble) == (curve.loss_ensemble[POINTS // 2], curve.error_ensemble[POINTS // 2])
    assert row.barrier_over_loss == pytest.approx(row.loss_barrier / ((row.loss_a + row.loss_b) / 2))
    assert row.loss_barrier_calibrated == barriers(T, np.array(curve.loss_calibrated)).barrier


def test_training_data_are_not_calibrated(coupled: PairResult) -> None:
    assert np.isnan(row_of(coupled.curves, "identity", "train").loss_calibrated).all()
    assert np.isnan(row_of(coupled.runs, "identity", "train").loss_barrier_calibrated)


def test_where_no_map_keeps_the_function_there_are_ends_alone() -> None:
    broken = perceptron()
    broken.spec = PermutationSpec({**broken.spec.axes, "output.weight": (None, None)})
    result = measured(broken, [Spy()], repairs=(LayerwiseRepair(),))
    assert result.curves == []
    ends = evaluate(perceptron(), stacked([network(0), network(1)]), TRAIN)
    for row in (row for row in result.runs if row.split == "train"):
        np.testing.assert_allclose([row.loss_a, row.loss_b], ends.loss, rtol=1e-6)
        assert np.isnan(row.loss_barrier)


def test_a_split_that_is_not_evaluated_has_no_rows_and_the_other_one_the_same() -> None:
    both, test = (measured(perceptron(), [Identity(), Weights()], evaluated=splits) for splits in (("train", "test"), ("test",)))
    assert {row.split for row in test.runs} == {row.split for row in test.curves} == {"test"}
    assert [curve.loss for curve in test.curves] == [curve.loss for curve in both.curves if curve.split == "test"]
