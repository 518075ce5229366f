"""Blocks of test examples: their mean is the row's barrier, for every kind of line and criterion, whatever the batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_pairs import POINTS, TEST, TRAIN, Spy, examples, measured, network, perceptron, row_of

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.otfusion import OtFusion
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.barriers import barriers
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.measuring.blocks import BlockSums, block_excesses
from lmc_sweeps.measuring.evaluation import evaluate_line
from lmc_sweeps.measuring.pairs import compare_pair
from lmc_sweeps.models.criteria import CRITERIA, IGNORED, Criterion
from lmc_sweeps.repair.repair import LayerwiseRepair
from multirun_analysis.schema import BLOCK_MEASURES, MOST_BLOCKS, open_blocks

T = line_points(POINTS)
BIG = examples(123, 5)  # 50 blocks of two and three examples


def means(text: str | None) -> dict[str, float]:
    """Return the mean over the items of all blocks of a row, by measure."""
    assert text is not None
    items, *excesses = open_blocks(text).astype(float)
    return dict(zip(BLOCK_MEASURES, [float(items @ values / items.sum()) for values in excesses], strict=True))


@pytest.mark.parametrize("batch_size", [2000, 7])
@pytest.mark.parametrize("test", [TEST, BIG], ids=["40 examples", "123 examples"])
def test_the_mean_over_blocks_is_the_barrier_of_every_line_plain_repaired_or_to_a_coupling(test: Split, batch_size: int) -> None:
    methods = (Identity(), Weights(), OtFusion(transport="sinkhorn"))
    pair = perceptron(), network(0), network(1), TRAIN, test
    result = compare_pair(*pair, methods, POINTS, batch_size=batch_size, repairs=(LayerwiseRepair(),))
    rows = [row for row in result.runs if row.split == "test"]
    assert len(rows) == 6
    assert any(not np.isnan(row.loss_b_mapped) for row in rows)  # whose barriers count from B's own
    for row in rows:
        for measure, mean in means(row.test_blocks).items():
            assert mean == pytest.approx(getattr(row, measure), rel=1e-6, abs=1e-6)
    assert all(row.test_blocks is None for row in result.runs if row.split == "train")


@pytest.mark.parametrize("batch_size", [2000, 50, 33, 1])
def test_a_block_is_every_fiftieth_example_whatever_the_batches(batch_size: int) -> None:
    a, b = network(0), network(1)
    scores = evaluate_line(perceptron(), a, b, [{}], T, BIG, batch_size, in_blocks=True)
    assert scores.blocks.shape == (1, POINTS, 3, MOST_BLOCKS)
    for block in (0, 22, 23, 49):
        part = Split(BIG.inputs[block::MOST_BLOCKS], BIG.labels[block::MOST_BLOCKS])
        alone = evaluate_line(perceptron(), a, b, [{}], T, part)
        items, loss, error = scores.blocks[0, :, :, block].T
        assert (items == len(part)).all()
        np.testing.assert_allclose(loss / items, alone.loss[0], rtol=1e-5)
        np.testing.assert_allclose(error / items, alone.error[0])


def test_blocks_change_no_other_number() -> None:
    with_blocks, without = (
        evaluate_line(perceptron(), network(0), network(1), [{}], T, BIG, in_blocks=in_blocks) for in_blocks in (True, False)
    )
    assert without.blocks.shape == (1, POINTS, 3, 0)
    np.testing.assert_array_equal(with_blocks.loss, without.loss)
    np.testing.assert_array_equal(with_blocks.error, without.error)


def labels_of(criterion: str, n: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(0)
    if criterion == "cross_entropy":
        tokens = torch.randint(3, (n, 4), generator=rng)
        tokens[:5] = IGNORED  # the first examples count nothing
        return tokens
    values = torch.rand((n, 3), generator=rng)
    return values.round() if criterion == "binary_cross_entropy" else values


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA)
@pytest.mark.parametrize("n", [12, 123])
def test_of_several_items_an_example_the_mean_over_the_items_of_blocks_is_the_excess_of_the_mean(criterion: Criterion, n: int) -> None:
    labels, rng = labels_of(criterion.name, n), torch.Generator().manual_seed(1)
    outputs = torch.randn((POINTS, *labels.shape, *([3] if criterion.name == "cross_entropy" else [])), generator=rng)
    losses, misses, n_axes = criterion.loss(outputs, labels).double(), criterion.error(outputs, labels), len(criterion.items(labels))
    sums = BlockSums(criterion, labels)
    for batch in torch.arange(n).split(10):
        sums.add(losses[:, batch], None if misses is None else misses[:, batch].double(), n_axes)
    table, axes = sums.table(), tuple(range(1, 1 + n_axes))
    curves = [losses.sum(axes), torch.full((POINTS,), torch.nan) if misses is None else misses.double().sum(axes)]
    of_curves = [barriers(T, (curve / criterion.count(labels)).numpy()) for curve in curves]
    items, *excesses = block_excesses(T, table, table[[0, -1]], *of_curves)
    assert items.sum() == criterion.count(labels)
    expected = [value for each in of_curves for value in (each.barrier, each.midpoint_barrier)]
    counted = items > 0
    assert counted.all() != (criterion.name == "cross_entropy" and n == 12)
    for values, whole in zip(excesses, expected, strict=True):
        assert float(items[counted] @ values[counted] / items.sum()) == pytest.approx(whole, rel=1e-9, abs=1e-12, nan_ok=True)
    assert np.isnan(excesses[2]).all() == (misses is None)


def test_where_a_line_is_not_evaluated_or_is_broken_there_are_no_blocks_or_no_numbers_in_them() -> None:
    other = perceptron()
    other.spec = PermutationSpec({**other.spec.axes, "output.weight": (None, None)})
    assert row_of(measured(other, [Spy()]).runs, "spy", "test").test_blocks is None
    b = {**network(1), "output.bias": torch.full_like(network(1)["output.bias"], torch.nan)}
    scores = evaluate_line(perceptron(), network(0), b, [{}], T, TEST, in_blocks=True).part(0)
    curves = [barriers(T, curve) for curve in (scores.loss, scores.error)]
    assert np.isnan(block_excesses(T, scores.blocks, scores.blocks[[0, -1]], *curves)[1:]).all()


def test_ends_of_their_own_take_the_place_of_the_lines() -> None:
    scores = evaluate_line(perceptron(), network(0), network(1), [{}], T, TEST, in_blocks=True).part(0)
    raised = replace(scores, blocks=scores.blocks + np.array([0, 1, 0])[:, None])  # every block's sum of losses one more
    plain, shifted = (
        block_excesses(T, scores.blocks, each.blocks[[0, -1]], barriers(T, scores.loss), barriers(T, scores.error))
        for each in (scores, raised)
    )
    np.testing.assert_allclose(plain[1] - shifted[1], 1 / plain[0])
