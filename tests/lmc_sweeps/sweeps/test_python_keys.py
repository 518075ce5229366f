"""Settings given in Python mean what the same command line means."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.python_keys import overrides_of


@pytest.mark.parametrize(
    ("keys", "overrides"),
    [
        ({"width": 8}, ["width=8"]),
        ({"width": [8, 16], "seed": range(3)}, ["width=8,16", "seed=range(0,3,1)"]),
        ({"width": np.array(8), "seed": range(1, 2)}, ["width=8", "seed=1"]),
        ({"width": np.array([8, 16]), "seed": pd.Series([1])}, ["width=8,16", "seed=1"]),
        ({"optimizer": "adam", "training": {"epochs": 5, "batch_size": [16, 32]}}, ["optimizer=adam", "training.epochs=5", "training.batch_size=16,32"]),
        ({"optimizer.lr": 1e-3, "plane": True, "time_limit": None}, ["optimizer.lr=0.001", "plane=true", "time_limit=null"]),
        ({"matching": ["weights", "activations"], "repair": "reset"}, ["matching=[weights,activations]", "repair=reset"]),
        ({"dataset": {"root": Path("my data")}, "store": {"dir": "a,b"}}, ["dataset.root='my data'", "store.dir='a,b'"]),
        ({"model": {"name": "true"}, "depth": np.int64(2)}, ["model.name='true'", "depth=2"]),
        ({"key": [[1, 2], [3]]}, ["key=[1,2],[3]"]),
    ],
)  # fmt: skip
def test_keys_become_the_overrides_of_a_command_line(keys, overrides):
    assert overrides_of(keys) == overrides


value = st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=False), st.booleans(), st.none(), st.text(min_size=1, max_size=12))


@given(value)
def test_hydra_reads_every_value_back(given_value):
    override = OverridesParser.create().parse_override(overrides_of({"key": given_value})[0])
    read = override.value()
    assert read == given_value
    assert type(read) is type(given_value)


@given(st.lists(value, min_size=2, max_size=5))
def test_hydra_reads_several_values_back(values):
    override = OverridesParser.create().parse_override(overrides_of({"key": values})[0])
    assert override.is_sweep_override()
    assert list(override.sweep_iterator(transformer=lambda each: getattr(each, "text", each))) == values


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"width": []}, r"^`width` must have a value, got \[\]\.$"),
        ({"training": {"epochs": object}}, r"^`training\.epochs` must be a number, a text, true, false, null or a list of these, got <class 'object'>\.$"),
    ],
)  # fmt: skip
def test_what_no_key_can_take_is_refused(keys, message):
    with pytest.raises(InputError, match=message):
        overrides_of(keys)


def test_a_job_has_one_value_of_each_key():
    assert overrides_of({"width": [8], "matching": ["weights", "activations"]}, of_job=True) == [
        "width=8",
        "matching=[weights,activations]",
    ]
    with pytest.raises(InputError, match=r"^`width` must have one value in a job, got \[8, 16\]; `sweep` takes several\.$"):
        overrides_of({"width": [8, 16]}, of_job=True)
