"""The mathematics of two networks of a caller's: one where activations say the same, and refused where the functions differ."""

import pytest
from callers_networks import compared
from torch import nn

from lmc_sweeps.common.checks import InputError


def test_activations_of_one_sequential_that_say_the_same_are_the_same():
    def chain(*after: nn.Module) -> nn.Sequential:
        return nn.Sequential(nn.Linear(8, 6), *after, nn.Linear(6, 3))

    pairs = [
        (chain(nn.ReLU(inplace=True)), chain(nn.ReLU())),
        (chain(nn.ReLU(), nn.Dropout(0.1)), chain(nn.ReLU(), nn.Dropout(0.9))),
    ]
    for a, b in pairs:
        assert compared(a, b).notes == ()
    with pytest.raises(InputError, match=r"^network A and network B differ: Layer\(.*negative_slope=0.1\)"):
        compared(chain(nn.LeakyReLU(0.1)), chain(nn.LeakyReLU(0.2)))
