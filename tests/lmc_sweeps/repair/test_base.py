"""The room of repairs: its choices by name, and what every one of them keeps."""

import pytest
import torch
from normalised_networks import architecture, convolutions, split, stack_of

from lmc_sweeps import repair


def test_choices_are_the_repairs_by_name() -> None:
    assert {"none", "reset"} <= set(repair.choices())
    assert all(kind.name == name for name, kind in repair.choices().items())


@pytest.mark.parametrize("name", ["none", "reset"])
def test_a_repair_keeps_names_shapes_and_types_and_changes_neither_the_stack_nor_the_weights(name: str) -> None:
    stack, train = stack_of(convolutions), split(20)
    before = {key: tensor.clone() for key, tensor in stack.items()}
    repaired = repair.choices()[name]()(architecture(), stack, train)
    assert {key: (tensor.shape, tensor.dtype) for key, tensor in repaired.items()} == {
        key: (tensor.shape, tensor.dtype) for key, tensor in stack.items()
    }
    assert all(torch.equal(stack[key], tensor) for key, tensor in before.items())
    assert all(torch.equal(repaired[key], tensor) for key, tensor in before.items() if "running" not in key)


def test_a_repair_applies_and_has_nothing_to_say_unless_it_says_otherwise() -> None:
    class Plain(repair.Repair):
        def __call__(self, architecture, stack, train):
            return dict(stack)

    assert Plain().applies(architecture())
    assert Plain().notes(architecture()) == ()
