"""The room of repairs: its choices by name, and what every one of them keeps."""

from dataclasses import dataclass

import pytest
import torch
from normalised_networks import architecture, convolutions, split, stack_of

from lmc_sweeps import repair
from lmc_sweeps.models.base import unstack
from lmc_sweeps.repair.none import NoRepair
from multirun_analysis import schema

T = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)


def test_choices_are_the_repairs_by_name() -> None:
    assert {"none", "reset", "repair", "rescale", "repair_closed_form"} <= set(repair.choices())
    assert all(kind.name == name for name, kind in repair.choices().items())


@pytest.mark.parametrize("name", sorted(repair.choices()))
def test_a_repair_keeps_names_shapes_and_types_and_changes_neither_the_stack_nor_what_it_does_not_repair(name: str) -> None:
    stack, train = stack_of(convolutions), split(20)
    before = {key: tensor.clone() for key, tensor in stack.items()}
    repaired = repair.choices()[name]().between(architecture(), unstack(stack, 0), unstack(stack, 2), train)(stack, T)
    assert {key: (tensor.shape, tensor.dtype) for key, tensor in repaired.items()} == {
        key: (tensor.shape, tensor.dtype) for key, tensor in stack.items()
    }
    assert all(torch.equal(stack[key], tensor) for key, tensor in before.items())
    changed = {key for key, tensor in before.items() if not torch.equal(repaired[key], tensor)}
    layers = {"0.weight", "3.weight", "3.bias"}
    assert changed <= ({key for key in before if "running" in key} if name == "reset" else layers)
    assert bool(changed) == (name != "none")


def test_a_repair_applies_and_has_nothing_to_say_unless_it_says_otherwise() -> None:
    class Plain(repair.Repair):
        def between(self, architecture, a, b, train):
            return lambda stack, t: dict(stack)

    assert Plain().applies(architecture())
    assert Plain().notes(architecture()) == ()


def test_settings_at_their_defaults_are_not_in_the_hash() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Grown(NoRepair):
        later: int = 3

    assert Grown().settings_hash() == NoRepair().settings_hash() == schema.WITHOUT_REPAIR["repair_hash"]
    assert Grown(later=4).settings_hash() != NoRepair().settings_hash()
    assert NoRepair().name == schema.WITHOUT_REPAIR["repair"]
