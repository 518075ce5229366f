"""`compare` with repairs: rows and curves of every repair, beside those of the networks as they are."""

import numpy as np
import pandas as pd
import pytest
import torch
from normalised_networks import architecture, convolutions, drawn, split, tensors

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.compare import Comparison, compare
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.models.base import stacked
from lmc_sweeps.repair.reset import Reset

A, B, TRAIN, TEST = drawn(convolutions, 0), drawn(convolutions, 1), split(40), split(30, seed=7)


def compared(**changes) -> Comparison:
    data = {name: (each.inputs, each.labels) for name, each in (("train", TRAIN), ("test", TEST))}
    return compare(A, B, **data, **{"matching": ["activations"], "points": 5, **changes})


@pytest.fixture(scope="module")
def result() -> Comparison:
    return compared(repair=["reset"])


def test_every_method_has_rows_and_curves_for_every_repair(result) -> None:
    keys = ["repair", "split", "matching"]
    expected = [
        [repair, split, method] for repair in ("none", "reset") for split in ("train", "test") for method in ("identity", "activations")
    ]
    assert result.to_frame()[keys].to_numpy().tolist() == expected
    assert result.curves.groupby(keys, sort=False).size().tolist() == [5] * 8
    assert result.curves[keys].drop_duplicates().to_numpy().tolist() == expected


def test_rows_without_repair_are_those_that_there_are_without_asking_for_one(result) -> None:
    plain = compared()
    for table in ("runs", "curves"):
        mine, other = (
            getattr(each, table).drop(columns=["seconds_match", "seconds_evaluate"], errors="ignore") for each in (result, plain)
        )
        assert set(other["repair"]) == {"none"}
        pd.testing.assert_frame_equal(mine[mine["repair"] == "none"].reset_index(drop=True), other)


def test_the_ends_of_a_reset_line_are_the_networks_reset(result) -> None:
    ends = evaluate(architecture(), Reset().reset(architecture(), stacked([tensors(A), tensors(B)]), TRAIN), TEST)
    rows = result.to_frame().query("repair == 'reset' and split == 'test'")
    np.testing.assert_allclose(rows["loss_a"], ends.loss[0], rtol=1e-10)
    np.testing.assert_allclose(rows["loss_b"], ends.loss[1], rtol=1e-10)


def test_the_networks_are_not_changed_by_a_repair(result) -> None:
    for network, seed in ((A, 0), (B, 1)):
        for name, tensor in drawn(convolutions, seed).state_dict().items():
            assert torch.equal(network.state_dict()[name], tensor)


def test_a_repair_that_there_is_not_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="^`repair` must be one of none, repair, repair_closed_form, rescale, reset, got 'mend'"):
        compared(repair=["mend"])
