"""What is advised about outputs and labels that fit no criterion."""

import pytest
import torch
from torch import Size

from lmc_sweeps.models.criteria_advice import advice

FLOAT, LONG = torch.float32, torch.int64


@pytest.mark.parametrize(
    ("fitting", "outputs", "labels", "kind", "message"),
    [
        (["squared_error"], (2, 3), (9, 3), FLOAT, "; criterion='squared_error' would fit"),
        ([], (2, 3), (9, 4), FLOAT, ""),
        ([], (2, 3), (9, 4), LONG, ""),
        ([], (2, 5, 7, 7), (9, 7, 7), LONG, "; the classes must be on the last axis of the outputs: `outputs.movedim(1, -1)`"),
        ([], (2, 5), (9, 1), LONG, "; a column becomes labels by `labels.flatten()`"),
    ],
)
def test_the_advice_follows_from_the_shapes(fitting: list[str], outputs: Size, labels: Size, kind: torch.dtype, message: str) -> None:
    assert advice(fitting, torch.zeros(outputs), torch.zeros(labels, dtype=kind)) == message


def test_one_hot_labels_are_classes_even_if_they_could_be_bits() -> None:
    units = torch.eye(3, dtype=LONG)
    for labels in (units, units.bool()):
        message = "; one-hot labels become classes by `labels.argmax(-1)`, with criterion='cross_entropy'"
        assert advice(["binary_cross_entropy"], torch.zeros(2, 3), labels) == message
    assert advice(["binary_cross_entropy"], torch.zeros(2, 3), 1 - units) == "; criterion='binary_cross_entropy' would fit"
