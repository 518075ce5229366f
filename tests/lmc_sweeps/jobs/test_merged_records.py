"""Two records of one job: what both hold, and what cannot be held together."""

import pytest
from small_records import record

from lmc_sweeps.jobs.merged_records import joined_curves, merged, with_repairs
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights


def test_lines_of_several_numbers_of_points_are_not_merged_and_the_note_on_points_is_the_new_one():
    fine, coarse = record((Identity(), Weights()), points=5), record((Identity(), Activations()))
    with pytest.raises(ValueError, match="lines of 5 and of 3 points do not go into one record"):
        merged(fine, coarse)
    everything = record((Identity(), Weights(), Activations()), notes=["points: new"])
    assert merged(fine | {"notes": ["points: old", "dataset: x"]}, everything)["notes"] == ["dataset: x", "points: new"]


def test_merging_keeps_the_rows_of_both_and_takes_the_new_ones_where_both_have_some():
    old = record((Identity(), Weights()), value=1.0, notes=["first", "both"], seconds=1.0)
    new = record((Weights(), Weights(biases=True), Activations()), value=2.0, notes=["both", "second"], seconds=2.0)
    both = merged(old, new)
    methods = [Identity(), Weights(), Weights(biases=True), Activations()]
    for table, remaining in (("matching", methods), ("runs", methods), ("curves", methods), ("layers", methods[1:])):
        assert [(row["matching"], row["settings_hash"]) for row in both[table]] == [(m.name, m.settings_hash()) for m in remaining]
    assert [row["value"] for row in both["runs"]] == [1.0, 2.0, 2.0, 2.0]
    assert (both["notes"], both["seconds"]) == (["first", "both", "second"], 2.0)
    assert old == record((Identity(), Weights()), value=1.0, notes=["first", "both"], seconds=1.0)


def test_of_repairs_and_points_of_curves_that_both_have_there_is_one_each():
    one, other = {"repair": "none", "repair_hash": "n0"}, {"repair": "reset", "repair_hash": "r1"}
    assert with_repairs([one], [one, other]) == [one, other]
    old = [{"network": "a", "epoch": epoch, "split": "test", "loss": 1.0} for epoch in (0, 2)]
    new = [{"network": "a", "epoch": epoch, "split": "test", "loss": 2.0} for epoch in (2, 1)]
    assert [(row["epoch"], row["loss"]) for row in joined_curves(old, new)] == [(0, 1.0), (1, 2.0), (2, 2.0)]
