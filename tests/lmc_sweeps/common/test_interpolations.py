"""Interpolations in a record: looked up again on this machine, or refused where they cannot be."""

import pytest

from lmc_sweeps.common.interpolations import resolved


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${oc.env:A}/x", "/a/x"),
        ("${oc.env:NONE,'~/x'}", "~/x"),
        ("${oc.env:NONE,${oc.env:A}}", "/a"),
        ("${dataset.root}/${seed}", "/a/3"),
        ("plain", "plain"),
    ],
)
def test_interpolations_of_a_record_are_looked_up(monkeypatch, text, value):
    monkeypatch.setenv("A", "/a")
    monkeypatch.delenv("NONE", raising=False)
    assert resolved(text, {"dataset": {"root": "${oc.env:A}"}, "seed": 3}) == value


@pytest.mark.parametrize("text", ["${oc.env:NONE}", "${dataset.root}", "${hydra:runtime.cwd}", "${.dir}", "${a}", "${"])
def test_what_cannot_be_looked_up_is_refused(monkeypatch, text):
    monkeypatch.delenv("NONE", raising=False)
    with pytest.raises(LookupError):
        resolved(text, {"a": "${a}", "dataset": {}})
