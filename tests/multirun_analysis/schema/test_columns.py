"""The columns that several tables have: names, units and meanings."""

import pytest

from multirun_analysis.schema import columns
from multirun_analysis.schema.keys import CELL, PAIR, SCOPE_KEYS

GROUPS = {
    name: group for name, group in vars(columns).items() if isinstance(group, tuple) and all(isinstance(c, columns.Column) for c in group)
}


@pytest.mark.parametrize("name", GROUPS)
def test_every_column_has_a_name_of_its_own_a_kind_and_a_meaning(name):
    assert len(set(columns.names(GROUPS[name]))) == len(GROUPS[name])
    for column in GROUPS[name]:
        assert column.kind in ("string", "integer", "number")
        assert column.meaning
        assert column.kind != "string" or column.unit == ""


def test_the_keys_of_jobs_and_pairs_are_those_of_the_schema():
    assert columns.names(columns.RUN_KEYS) == ["run_id", "status", *SCOPE_KEYS]
    assert columns.names(columns.PAIR_KEYS) == list(PAIR)
    assert set(CELL) <= set(SCOPE_KEYS)


def test_loss_and_error_have_the_same_barriers_in_their_own_units():
    for loss, error in zip(columns.LOSS, columns.ERROR, strict=True):
        assert error.name == loss.name.replace("loss", "error")
        assert (error.kind, error.meaning) == (loss.kind, loss.meaning)
        assert (loss.unit, error.unit) in (("nats", "fraction"), ("", ""))


def test_what_records_of_earlier_versions_lack_are_measures():
    assert set(columns.LATER) < set(columns.names((columns.POINTS, *columns.MEASURES, *columns.LAYER_MEASURES, *columns.CURVE_MEASURES)))
