"""What was trained is what is measured: the loss at the end of training, against the measured one."""

from collections.abc import Sequence

import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.repair.none import NoRepair

# Of a loss, or of 1: the same network and examples in other batches (measured on the CPU in float32: below 1e-6). The convolutions of a
# CUDA device round their factors to TensorFloat-32, 10 bits.
LOSS_ROUNDING, LOSS_ROUNDING_CUDA = 1e-4, 1e-2


def check_final_losses(result: PairResult, names: Sequence[str], losses: Sequence[float], device: torch.device) -> None:
    """Raise `InputError` if A or B measures another loss on the training set than it had at the end of its training.

    Parameters
    ----------
    result : PairResult
    names, losses : sequence, length 2
        Of A and B: their names in the store, and their training losses at the end of training.
    device : torch.device
        On which they were measured.
    """
    rounding = LOSS_ROUNDING_CUDA if device.type == "cuda" else LOSS_ROUNDING
    for row in (row for row in result.runs if row.split == "train" and row.repair == NoRepair.name):
        for name, final, measured in zip(names, losses, (row.loss_a, row.loss_b), strict=True):
            if not abs(measured - final) <= rounding * max(1.0, abs(final)):
                raise InputError(
                    f"network {name} ended its training at a loss of {final:.6g} on the training set, and measures {measured:.6g} there: "
                    "what was trained is not what is measured. Either its model's `forward`, `line_logits` and `padded` differ, or an "
                    "earlier version or another code trained it; then remove it from the store and run the job again."
                )
