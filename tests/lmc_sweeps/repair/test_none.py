"""`none`: networks come back as they are."""

import torch
from normalised_networks import architecture, convolutions, split, stack_of

from lmc_sweeps.models.base import unstack
from lmc_sweeps.repair.none import NoRepair


def test_networks_come_back_as_they_are() -> None:
    stack = stack_of(convolutions)
    repaired = NoRepair().between(architecture(), unstack(stack, 0), unstack(stack, 1), split(20))(stack, torch.tensor([0.0, 0.5, 1.0]))
    assert all(repaired[name] is tensor for name, tensor in stack.items())
    assert not NoRepair().applies(architecture())
    assert NoRepair().notes(architecture()) == ()
