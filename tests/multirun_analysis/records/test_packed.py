"""Records in columns: every number and word is where its record has it, and what is none of its kind is refused."""

import numpy as np
import pytest
from analysis_sweeps import REPAIRS, make_record, with_training

from multirun_analysis import schema
from multirun_analysis.records.packed import CURVES, LAYERS, LAYOUTS, ROW_KEY, RUNS, TRAINING_CURVES, pack


def column(packed, layout, name):
    return packed.rows[layout.name].numbers[:, layout.all_numbers.index(name)]


@pytest.fixture
def record():
    record = with_training(make_record("a", networks=3, repairs=REPAIRS))
    for k, row in enumerate(record["runs"]):
        row["loss_a"] = 0.1 * k
    for k, curve in enumerate(record["curves"]):
        curve["loss"] = [0.1 * k, None, 7]
    return record


def test_the_rows_stand_in_the_order_of_the_record(record):
    packed = pack(record)
    assert packed.head["scope"] == record["scope"]
    of_layers = (*schema.PAIR, *schema.METHOD, "layer")
    of_lines = (*of_layers[:-1], *schema.REPAIR, "split")
    for layout, names in ((RUNS, of_lines), (CURVES, of_lines), (LAYERS, of_layers), (TRAINING_CURVES, ("network", "split", "epoch"))):
        rows = record[schema.TRAINING if layout is TRAINING_CURVES else layout.name]
        keys = [tuple(row[name] for name in names) for row in rows]
        assert packed.rows[layout.name].keys(layout, names) == keys
        assert packed.rows[layout.name].keys(layout, ROW_KEY) == keys  # those columns of the key that it has
    np.testing.assert_array_equal(column(packed, RUNS, "loss_a"), [row["loss_a"] for row in record["runs"]])
    np.testing.assert_array_equal(column(packed, CURVES, "t"), [0.0, 0.5, 1.0] * len(record["curves"]))
    np.testing.assert_array_equal(column(packed, CURVES, "loss"), [v for k in range(len(record["curves"])) for v in (0.1 * k, np.nan, 7)])
    assert packed.rows["curves"].lengths.tolist() == [3] * len(record["curves"])


def test_measures_of_later_versions_are_absent_and_points_are_those_of_the_record(record):
    packed = pack(record)
    assert np.isnan(column(packed, RUNS, "output_gap")).all()
    assert set(column(packed, RUNS, "points")) == {3}
    earlier = pack({key: value for key, value in record.items() if key != "points"})
    assert np.isnan(column(earlier, RUNS, "points")).all()


def test_every_layout_has_the_columns_of_the_schema():
    tails = (schema.RUNS_TAIL, schema.CURVES_TAIL, schema.LAYERS_TAIL, schema.TRAINING_TAIL)
    for layout, columns in zip(LAYOUTS, tails, strict=True):
        keys = {*schema.PAIR, *schema.METHOD, *schema.REPAIR, "split", schema.TEST_BLOCKS}  # no columns of their own
        assert set(schema.names(columns)) - keys == {*layout.all_words, *layout.all_numbers} - keys


def test_a_record_without_repairs_is_the_same_as_one_whose_networks_are_as_they_are():
    earlier, later = (pack(make_record("a", repairs=repairs)) for repairs in (None, {"none": REPAIRS["none"]}))
    for layout in LAYOUTS:
        assert earlier.rows[layout.name].equal_to(later.rows[layout.name], np.ones(len(layout.all_numbers), dtype=bool))


def test_measures_of_a_curve_that_it_does_not_have_are_absent(record):
    record["curves"][0]["loss_ensemble"] = [0.1, None, 0.3]
    measured = column(pack(record), CURVES, "loss_ensemble")
    np.testing.assert_array_equal(measured, [0.1, np.nan, 0.3] + [np.nan] * (3 * len(record["curves"]) - 3))
    assert np.isnan(column(pack(record), CURVES, "loss_calibrated")).all()


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_rows_are_the_chosen_ones_and_the_rest_joined(record, layout):
    rows = pack(record).rows[layout.name]
    every, n = np.ones(len(layout.all_numbers), dtype=bool), len(rows.words)
    assert rows.chosen(range(1)).joined(rows.chosen(range(1, n))).equal_to(rows, every)
    assert rows.chosen([]).joined(rows).equal_to(rows, every)
    assert not rows.chosen(range(n)[::-1]).equal_to(rows, every)


def test_rows_are_equal_in_the_columns_that_are_looked_at(record):
    rows = pack(record).rows["runs"]
    record["runs"][2]["seconds_train"] = 99.0
    other = pack(record).rows["runs"]
    looked_at = np.array([name != "seconds_train" for name in RUNS.all_numbers])
    assert rows.equal_to(other, looked_at)
    assert not rows.equal_to(other, ~looked_at)


@pytest.mark.parametrize(
    ("kind", "changes", "error", "message"),
    [
        ("runs", {"loss_barrier": "high"}, TypeError, "`loss_barrier` is no number"),
        ("runs", {"loss_barrier": True}, TypeError, "`loss_barrier` is no number"),
        ("runs", {"split": None}, TypeError, "`split` in `runs` is no text"),
        ("runs", {"certificate_status": 1}, TypeError, r"\('certificate_status', .*\) in `runs`: not all are text"),
        ("runs", {schema.TEST_BLOCKS: [1.0]}, TypeError, r"\(.*'test_blocks'\) in `runs`: not all are text"),
        ("runs", {"loss_barrier": 10**400}, OverflowError, "too large"),
        ("runs", {"points": 4}, ValueError, "not all of its lines have the 3 points that it says"),
        ("layers", {"matching_cost": []}, TypeError, "`matching_cost` is no number"),
        ("curves", {"t": ["x", 0.5, 1.0]}, TypeError, "something in `t` of a curve is no number"),
        ("curves", {"t": None}, TypeError, "something in `t` of a curve is no number"),
        ("curves", {"loss_ensemble": [1.0]}, ValueError, "a curve whose columns differ in length"),
        ("curves", {"repair": None}, TypeError, "`repair` in `curves` is no text"),
        ("curves", {"loss": [1.0]}, ValueError, "a curve whose columns differ in length"),
        ("curves", {"t": [0.0], "loss": [0.0], "error": [0.0]}, ValueError, "not all of its lines have the 3 points that it says"),
    ],
)
def test_what_is_none_of_its_kind_is_refused(record, kind, changes, error, message):
    record[kind][0] |= changes
    with pytest.raises(error, match=message):
        pack(record)


def test_a_column_that_is_missing_is_named(record):
    del record["runs"][0]["loss_barrier"]
    with pytest.raises(KeyError, match="^'loss_barrier'$"):
        pack(record)
