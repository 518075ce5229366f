"""Bounds of numbers are given by name: by their place, a lower bound could be taken for an upper one."""

import inspect

import pytest

from lmc_sweeps.common import checks


@pytest.mark.parametrize("check", [checks.integer, checks.number])
def test_no_bound_can_be_given_by_its_place(check):
    kinds = {name: parameter.kind for name, parameter in inspect.signature(check).parameters.items()}
    assert {kinds.pop("key"), kinds.pop("value")} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert set(kinds.values()) == {inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(TypeError, match="positional argument"):
        check("width", 3, 1)
