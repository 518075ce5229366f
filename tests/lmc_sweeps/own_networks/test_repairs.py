"""Repairs by name."""

import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks.repairs import build_repairs
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.repair.reset import Reset


def test_repairs_are_made_by_name_each_once() -> None:
    assert build_repairs(("none", "reset", "none"), {}) == (NoRepair(), Reset())
    assert build_repairs("reset", {}) == (Reset(),)


def test_settings_reach_their_repair() -> None:
    settings = {"weights": {"biases": True}, "reset": {"examples": 7}}
    assert build_repairs(("none", "reset"), settings) == (NoRepair(), Reset(examples=7))
    with pytest.raises(InputError, match=r"^`repair.reset.example` is not a key; the keys at `repair.reset` are batch_size, examples"):
        build_repairs(("reset",), {"reset": {"example": 7}})
    with pytest.raises(InputError, match=r"^`repair.reset.examples` must be an integer of at least 2, got 1\.$"):
        build_repairs(("reset",), {"reset": {"examples": 1}})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("mend",), "^`repair` must be one of none, repair, repair_closed_form, rescale, reset, got 'mend'"),
        ((), "^`repair` must name at least one repair, got none.$"),
        ((1,), r"^`repair` must be a sequence of names of repairs, got \(1,\).$"),
        (None, "^`repair` must be a sequence of names of repairs, got None.$"),
    ],
)
def test_other_names_are_refused(names, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_repairs(names, {})
