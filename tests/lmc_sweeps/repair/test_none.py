"""`none`: networks come back as they are."""

from normalised_networks import architecture, convolutions, split, stack_of

from lmc_sweeps.repair.none import NoRepair


def test_networks_come_back_as_they_are() -> None:
    stack = stack_of(convolutions)
    repaired = NoRepair()(architecture(), stack, split(20))
    assert all(repaired[name] is tensor for name, tensor in stack.items())
    assert not NoRepair().applies(architecture())
    assert NoRepair().notes(architecture()) == ()
