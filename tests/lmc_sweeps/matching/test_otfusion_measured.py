"""`otfusion` in a comparison of two networks: a line to mapped B, whose loss is that of the network which the couplings make."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_problems import inputs, networks
from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.otfusion import OtFusion
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.pairs import compare_pair, method_key
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.models.base import stacked

ARCHITECTURE, A, B = networks()
DATA = Split(inputs(), torch.from_numpy(np.random.default_rng(0).integers(0, 4, 300)))
POINTS = 5


def compared(method: OtFusion) -> PairResult:
    return compare_pair(ARCHITECTURE, A, B, DATA, DATA, [Weights(), method], POINTS, batch_size=100)


def logits(network: dict[str, Tensor]) -> Tensor:
    return ARCHITECTURE.forward(stacked([network]), DATA.inputs)[0]


def loss(network: dict[str, Tensor]) -> float:
    return float(F.cross_entropy(logits(network), DATA.labels))


@pytest.mark.parametrize("cost", ["weights", "activations"])
def test_the_line_of_soft_couplings_ends_at_mapped_b_and_its_barrier_counts_from_b(cost: str) -> None:
    method = OtFusion(cost=cost, transport="sinkhorn", epsilon=0.1)
    result = compared(method)
    mapped = ARCHITECTURE.graph(B).apply(B, result.maps[method_key(method)])
    gap = float((logits(B) - logits(mapped)).abs().max() / logits(B).abs().max())
    for row, curve in ((row, curve) for row, curve in zip(result.runs, result.curves, strict=True) if row.matching == "otfusion"):
        assert row.function_gap == pytest.approx(gap, rel=1e-9)
        assert row.function_gap > 0.01
        assert (row.loss_a, row.loss_b) == pytest.approx((loss(A), loss(B)), rel=1e-9)
        assert row.loss_b_mapped == pytest.approx(loss(mapped), rel=1e-9)
        assert curve.loss[-1] == pytest.approx(loss(mapped), rel=1e-9)
        middle = {name: (tensor + mapped[name]) / 2 for name, tensor in A.items()}
        assert row.loss_midpoint == pytest.approx(loss(middle), rel=1e-9)
        assert row.loss_midpoint_barrier == pytest.approx(loss(middle) - (loss(A) + loss(B)) / 2, abs=1e-9)
    assert [note for note in result.notes if note.startswith("otfusion: B is mapped by couplings that are no permutations")]


@pytest.mark.parametrize("transport", ["emd", "assignment"])
def test_exact_couplings_are_measured_as_the_permutations_that_they_are(transport: str) -> None:
    result = compared(OtFusion(transport=transport))
    rows = {method: [row for row in result.runs if row.matching == method] for method in ("weights", "otfusion")}
    for row, other in zip(rows["otfusion"], rows["weights"], strict=True):
        assert (row.loss_barrier, row.error_barrier, row.loss_midpoint) == (other.loss_barrier, other.error_barrier, other.loss_midpoint)
        assert row.function_gap < 1e-9
        assert np.isnan(row.loss_b_mapped)
    assert result.notes == []


def test_couplings_that_keep_the_function_to_rounding_are_not_called_rounded() -> None:
    assert not [note for note in compared(OtFusion(transport="sinkhorn", epsilon=1e-5)).notes if "rounded" in note]
