"""The choice of an interval."""

import re

import pytest

from multirun_analysis.checks import InputError
from multirun_analysis.stats.interval_choice import IntervalChoice


@pytest.mark.parametrize("wrong", [{"kind": "z"}, {"level": 1.0}, {"level": 95}, {"resamples": 1}, {"seed": -1}])
def test_a_wrong_interval_is_refused_with_its_key_and_value(wrong):
    with pytest.raises(InputError, match=r"^`--[a-z-]+` must .*, got "):
        IntervalChoice(**wrong)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"level": 0.0}, "`--level` must lie between 0.01 and 0.999999, got 0.0."),
        ({"level": 1.0}, "`--level` must lie between 0.01 and 0.999999, got 1.0."),
        ({"level": float("nan")}, "`--level` must lie between 0.01 and 0.999999, got nan."),
        ({"level": 1 - 1e-15}, "`--level` must lie between 0.01 and 0.999999, got 0.999999999999999."),
        ({"level": 95.0}, "`--level` must lie between 0.01 and 0.999999, got 95.0."),
        ({"resamples": 10**9}, "`--resamples` must be an integer from 100 to 1,000,000, got 1000000000."),
        ({"resamples": 99}, "`--resamples` must be an integer from 100 to 1,000,000, got 99."),
        (
            {"kind": "bootstrap", "level": 0.9999, "resamples": 9999},
            "`--resamples` must be at least 20,000 for `--level` 0.9999, one beyond each end, got 9999.",
        ),
        ({"kind": "jackknife"}, "`--interval` must be one of log, t, bootstrap, bca, got 'jackknife'."),
    ],
)
def test_extremes_of_an_interval_are_refused_with_the_rule_and_the_value(choice, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        IntervalChoice(**choice)


@pytest.mark.parametrize(
    ("choice", "name"),
    [({"level": 0.999999}, "x, 99.9999%"), ({"level": 0.9999}, "x, 99.99%"), ({"level": 0.01}, "x, 1%"), ({}, "x, 95%"), ({"level": 0.9}, "x, 90%")],
)  # fmt: skip
def test_a_level_is_named_as_it_is(choice, name):
    assert IntervalChoice(**choice).named("x") == name
