"""Records that nobody should write: none stops the analysis, and none loses its neighbours."""

import copy
import math

import numpy as np
import pytest
from analysis_sweeps import expect, make_record, record_bytes, resealed, with_blocks, with_training, write_record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.tidy import runs_frame
from multirun_analysis.report.report import write_report
from multirun_analysis.schema import sealed_line
from multirun_analysis.tables.sweep import sweep_frames


def good():
    return [make_record(f"good{seed}", seed=seed, barrier=0.1 * (seed + 1)) for seed in (0, 1)]


def sweep_with(write_sweep, bad: str | dict):
    """Return the folder of two good records and a bad one, given as a record or as the text of its file."""
    folder = write_sweep(good())
    (folder / "bad0").mkdir()
    (folder / "bad0" / "record.json").write_bytes(resealed(bad) if isinstance(bad, str) else record_bytes(bad))
    return folder


def assert_good_ones_count(sweep) -> None:
    table = sweep_frames(sweep, ["barrier_vs_width"])["barrier_vs_width"]
    row = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["matching"] == "weights") & (table["width"] == 8)]
    assert row["n_pairs"].tolist() == [2]
    assert row["mean"].tolist() == [pytest.approx(0.15)]


def changed(**changes):
    record = make_record("bad", seed=7, width=99)
    for path, value in changes.items():
        *parts, last = path.split("__")
        at = record
        for part in parts:
            at = at[int(part)] if part.isdigit() else at[part]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return record


DEEP = "[" * 100_000 + "]" * 100_000
BAD = {  # and more in frames/test_discovery.py, with what is said of each
    "no JSON": "{",
    "null": "null",
    "deep": DEEP,
    "bytes": "\x00\x01\x02",
    "a truth for a number": changed(runs__0__loss_barrier=True),
    "a huge integer": changed(runs__0__loss_barrier=10**400),
    "no run_id": changed(run_id=...),
    "no runs": changed(runs=...),
    "no width": changed(scope__width=...),
    "a missing measure": changed(runs__0__loss_a=...),
    "an unknown split": changed(runs__0__split="validation"),
    "curves of two lengths": changed(curves__0__loss=[1.0]),
    "rows of text": changed(runs="none"),
    "half a letter": changed(scope__dataset="\ud800"),
    "a row twice": changed(runs=make_record("bad")["runs"][:1] * 2),
    "a curve twice": changed(curves=make_record("bad")["curves"][:1] * 2),
    "a row under another method's name": changed(runs__0__matching="weights"),
    "a truth for a width": changed(scope__width=True),
    "a truth for a seed": changed(scope__seed=False),
    "a width beyond every number": changed(scope__width=10**400),
    "a setting with the name of a column": changed(scope__mean=1),
    "a setting with the name of a measure of its own": changed(scope__loss_endpoint=1),
    "a failure that is no sentence": changed(failure=[1]),
    "points that are no number": changed(points="25"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_said_and_costs_no_other(write_sweep, name):
    folder = sweep_with(write_sweep, BAD[name])
    sweep = find_sweep(folder)
    assert_good_ones_count(sweep)
    assert sweep.failures["status"].tolist() == ["unreadable"]
    assert "bad0" in sweep.failures["sentence"][0]


NONE = [float("nan"), float("inf"), -float("inf"), 1e308, None]


@pytest.mark.parametrize("value", NONE)
def test_numbers_that_are_none_stay_in_their_own_cell(write_sweep, value):
    record = make_record("odd", seed=0, width=16)
    for row in record["runs"]:
        row["loss_barrier"] = value
    folder = sweep_with(write_sweep, record)
    sweep = find_sweep(folder)
    assert_good_ones_count(sweep)
    runs = runs_frame(sweep)
    odd = runs.loc[runs["width"] == 16, "loss_barrier"]
    assert all(np.isnan(v) if value is None or math.isnan(value) else v == value for v in odd)


@pytest.mark.usefixtures("no_figures")
def test_a_record_of_five_megabytes_is_read_or_said(write_sweep):
    record = make_record("long", seed=0, width=16)
    record["notes"] = ["x" * 1_000_000 + str(k) for k in range(5)]
    folder = sweep_with(write_sweep, record)
    assert_good_ones_count(find_sweep(folder))
    report = write_report([folder])
    assert (report.folder / "report.html").stat().st_size < 500_000  # a note is a sentence, not a megabyte
    assert len(report.text) < 50_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_anywhere_in_a_record_is_read_or_said(tmp_path_factory, data):
    record = copy.deepcopy(make_record("bad", seed=3, width=32))
    at = record
    for _ in range(data.draw(st.integers(1, 4))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
        if not keys:
            break
        holder, key = at, data.draw(st.sampled_from(keys))
        at = at[key]
    holder[key] = data.draw(JSON)
    folder = tmp_path_factory.mktemp("fuzz")
    for number, entry in enumerate([*good(), record]):
        write_record(folder / str(number), entry)
    sweep = find_sweep([folder])
    assert {"good0", "good1"} <= {entry["run_id"] for entry in sweep.records}
    runs = runs_frame(sweep)
    assert (runs["run_id"].isin(["good0", "good1"])).sum() >= 8


def change_anywhere(data, holder):
    """Put any JSON value in place of one in a record or a line, or take that away."""
    for _ in range(data.draw(st.integers(0, 4))):
        inner = [part for part in (holder.values() if isinstance(holder, dict) else holder) if isinstance(part, dict | list) and part]
        if not inner:
            break
        holder = data.draw(st.sampled_from(inner))
    key = data.draw(st.sampled_from(sorted(holder))) if isinstance(holder, dict) else data.draw(st.integers(0, len(holder) - 1))
    if data.draw(st.booleans()):
        holder[key] = data.draw(JSON)
    else:
        del holder[key]


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_stands_in_a_record_and_its_line_no_other_mean_changes(tmp_path_factory, data):
    record, folder = make_record("bad", seed=3, width=32), tmp_path_factory.mktemp("fuzz")
    line = expect(record, "seed=3") | {"computed": {"optimizer.lr": {"expression": "${seed}", "keys": ["seed"]}}}
    record, line = copy.deepcopy(record), copy.deepcopy(line)
    change_anywhere(data, record)
    change_anywhere(data, line)
    for number, entry in enumerate([*good(), record]):
        write_record(folder / str(number), entry)
    (folder / "expected.jsonl").write_text("".join(map(sealed_line, [*map(expect, good()), line])))
    table = sweep_frames(find_sweep(folder), ("barrier_vs_width", "failures"))["barrier_vs_width"]
    rows = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["width"] == 8) & (table["n_pairs"] == 2)]
    # a line that gives the method another hash gives it another label
    assert rows.loc[rows["matching"].str.startswith("weights"), "mean"].tolist() == [pytest.approx(0.15)]
    assert rows.loc[rows["matching"].str.startswith("identity"), "mean"].tolist() == [pytest.approx(1.5)]


def test_a_record_whose_test_blocks_are_damaged_is_unreadable_and_one_without_any_is_not(tmp_path):
    for number, record in enumerate([*good(), with_blocks(make_record("whole", seed=2)), with_blocks(make_record("bad", seed=3))]):
        if record["run_id"] == "bad":
            record["runs"][1]["test_blocks"] = record["runs"][1]["test_blocks"][:-4]
        write_record(tmp_path / str(number), record)
    sweep = find_sweep(tmp_path)
    assert [record["run_id"] for record in sweep.records] == ["good0", "good1", "whole"]
    assert sweep.failures["run_id"].tolist() == ["x3"]  # the folder's name
    assert "`test_blocks` is not a table of 5 rows" in sweep.failures["sentence"].iloc[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": "b-0"}, "a training curve of a network that the record has no pair of"),
        ({"epoch": 0.5}, "`epoch` is no number of epochs: 0.5"),
        ({"epoch": -1}, "`epoch` is no number of epochs: -1"),
        ({"epoch": None}, "`epoch` is no number of epochs: nan"),
        ({"split": "both"}, "unknown split 'both'"),
        ({"epoch": 1, "split": "test"}, "two rows of one pair, method, repair and split in `training_curves`"),
        ({"loss": "low"}, "`loss` is no number"),
        ({"network": 1}, "`network` in `training_curves` is no text"),
    ],
)
def test_a_record_whose_training_curves_are_none_is_unreadable(tmp_path, change, sentence):
    record = with_training(make_record("a"))
    record["training"][0] |= change
    write_record(tmp_path / "a", record)
    assert sentence in find_sweep(tmp_path).failures["sentence"].item()
