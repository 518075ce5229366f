"""The loss at the end of training against the measured one."""

import pytest
import torch
from small_pairs import measured, perceptron, row_of

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.measuring.final_losses import check_final_losses
from lmc_sweeps.measuring.rows import PairResult


@pytest.fixture(scope="module")
def result() -> PairResult:
    return measured(perceptron())


@pytest.mark.parametrize(("change", "device"), [(3e-4, "cpu"), (-3e-4, "cpu"), (3e-2, "cuda"), (float("nan"), "cpu")])
def test_a_loss_at_the_end_of_training_that_is_not_the_measured_one_is_refused(result, change, device):
    row = row_of(result.runs, "identity", "train")
    losses = [row.loss_a, row.loss_b]
    check_final_losses(result, ("a", "b"), [loss * (1 + 1e-5) for loss in losses], torch.device(device))
    scale = max(1.0, losses[1])
    with pytest.raises(
        InputError, match=rf"^network b ended its training at a loss of .* measures {losses[1]:.6g} there: what was trained"
    ):
        check_final_losses(result, ("a", "b"), [losses[0], losses[1] + change * scale], torch.device(device))
