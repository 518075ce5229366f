"""Two settings are never averaged: what differs between jobs has a column, unless all their configs compute it from what has one."""

import json

import pandas as pd
import pytest
from analysis_sweeps import BASE, expect, make_record, write_record
from hypothesis import given, settings
from hypothesis import strategies as st

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.records.labels import matching_labels
from multirun_analysis.report.report import write_report
from multirun_analysis.tables.pivots import pivot, pivot_text
from multirun_analysis.tables.sweep import sweep_frames

OTHERS = ("connected_share", "matching_costs", "method_differences", "slopes")  # tables with a row for each cell


def records_of(*scopes):
    records = [make_record(f"r{k}", barrier=0.1 * (k + 1), **{"networks": 2, **scope} | {"networks": 2}) for k, scope in enumerate(scopes)]
    for record, scope in zip(records, scopes, strict=True):
        record["scope"] = BASE | scope
    return records


def pairs_per_cell(folder):
    """Return the numbers of pairs in the means of the test loss barrier of one method."""
    return pairs_of(sweep_frames(find_sweep(folder), ["barrier_vs_width"])["barrier_vs_width"])


def pairs_of(table):
    rows = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["matching"] == "weights")]
    return rows["n_pairs"].tolist(), rows["n_expected"].tolist()


TYPED_BESIDE_SEEDS = [{"width": w, "seed": s, "optimizer.lr": 0.05 if s < 2 else 0.5} for w in (8, 16) for s in range(4)]
TYPED_BESIDE_WIDTHS = [{"width": w, "seed": s, "optimizer.lr": 1 / w} for w in (8, 16) for s in range(2)]
NOT_FINITE = [{"seed": s, "optimizer.lr": lr} for s in range(2) for lr in (None, float("nan"), float("inf"), float("-inf"), 0.1)]
OTHER_NETWORKS = [{"seed": s, "networks": 2 if s < 2 else 4} for s in range(4)]
OTHER_CODE = [{"seed": s, "code_version": 1 + s // 2} for s in range(4)]
OTHER_DATA = [{"seed": s, "dataset.fingerprint": "aa" if s < 2 else "bb"} for s in range(4)]
PAIRED = [{"seed": s, "optimizer.lr": 0.1 + s, "training.epochs": 10 * s} for s in range(3)]
LATER_KEY = [{"seed": s} | ({"training.warmup": 0} if s else {}) for s in range(2)]


@pytest.mark.parametrize(
    ("scopes", "varying", "pairs"),
    [
        (TYPED_BESIDE_SEEDS, ["optimizer.lr"], [2, 2, 2, 2]),
        (TYPED_BESIDE_WIDTHS, ["optimizer.lr"], [2, 2]),
        (NOT_FINITE, ["optimizer.lr"], [2, 2, 2, 2, 2]),
        (OTHER_NETWORKS, ["networks"], [2, 2]),
        (OTHER_CODE, ["code_version"], [2, 2]),
        (OTHER_DATA, ["dataset.fingerprint"], [2, 2]),
        (PAIRED, ["optimizer.lr", "training.epochs"], [1, 1, 1]),
        (LATER_KEY, ["training.warmup"], [1, 1]),
    ],
)
@pytest.mark.parametrize("folders", [1, 2])
def test_settings_typed_beside_seeds_or_widths_are_averaged_in_no_table(write_sweep, scopes, varying, pairs, folders):
    records = records_of(*scopes)
    parts = [records] if folders == 1 else [records[: len(records) // 2], records[len(records) // 2 :]]
    places = [write_sweep(part, [expect(record) for record in part], name=f"part{k}") for k, part in enumerate(parts)]
    sweep = find_sweep(places)
    assert sweep.varying == varying
    frames = sweep_frames(sweep, ["runs", "barrier_vs_width", *OTHERS])
    assert pairs_of(frames["barrier_vs_width"]) == (pairs, pairs)
    for name in OTHERS:
        assert set(varying) <= set(frames[name].columns), name
    text = pivot_text(pivot(frames["barrier_vs_width"], frames["runs"]))
    assert all(f"{name}=" in text for name in varying)


def test_two_folders_of_which_each_has_its_own_setting_give_two_means(write_sweep):
    first = write_sweep(records_of({"seed": 0}, {"seed": 1}), name="first")
    second = write_sweep([make_record(f"s{k}", seed=k, **{"optimizer.lr": 0.5}) for k in (2, 3)], name="second")
    assert pairs_per_cell([first, second]) == ([2, 2], [2, 2])


SAMPLES = st.sampled_from(
    [None, True, False, 0, 1, 1.0, 2, 0.1, "a", "A", "1", "1.0", "True", "true", "None", "-", "", "[1]", [1], ["1"], {"a": 1}]
)


@given(
    st.lists(
        st.fixed_dictionaries({"seed": st.integers(0, 3), "width": st.sampled_from([8, 16]), "model.x": SAMPLES, "training.y": SAMPLES}),
        min_size=2,
        max_size=6,
    )
)
@settings(max_examples=20, deadline=None)
def test_no_mean_holds_two_jobs_that_differ_in_anything_but_the_seed(tmp_path_factory, scopes):
    folder = tmp_path_factory.mktemp("apart")
    distinct = {json.dumps(scope, sort_keys=True): scope for scope in scopes}
    for k, scope in enumerate(distinct.values()):
        write_record(folder / f"r{k}", make_record(f"r{k}", **scope))
    cells = {
        json.dumps({**scope, "seed": 0, "model.x": plain(scope["model.x"]), "training.y": plain(scope["training.y"])}, sort_keys=True)
        for scope in distinct.values()
    }
    n_pairs, _ = pairs_per_cell(folder)
    assert len(n_pairs) == len(cells)
    assert sum(n_pairs) == len(distinct)


def plain(value):
    """Return a value so that 1 and 1.0, which are one setting, are equal, and nothing else is."""
    return float(value) if type(value) is int else value


def test_what_is_computed_from_a_key_with_a_column_has_none_and_is_said(write_sweep):
    how = {"training.warmup_steps": {"expression": "${training.epochs}", "keys": ["training.epochs"]}}
    records = records_of(*({"seed": s, "training.epochs": e, "training.warmup_steps": e} for s in (0, 1) for e in (1, 2)))
    folder = write_sweep(records, [expect(record) | {"computed": how} for record in records])
    assert find_sweep(folder).varying == ["training.epochs"]
    assert pairs_per_cell(folder) == ([2, 2], [2, 2])
    text = write_report([folder], only=["failures"]).text
    assert "note: training.warmup_steps differs between jobs and has no column, because here it follows from training.epochs." in text


@pytest.mark.parametrize(
    "how", ["seed", {}, {"expression": 1, "keys": ["seed"]}, {"expression": "", "keys": []}, {"expression": "", "keys": [1]}]
)
def test_a_line_that_says_nonsense_on_what_is_computed_is_said(write_sweep, how):
    record = make_record("a")
    failures = find_sweep(write_sweep([record], [expect(record) | {"computed": {"dataset.seed": how}}])).failures
    assert failures["status"].tolist() == ["unreadable"]


def test_methods_whose_settings_look_alike_are_kept_apart():
    entries = [{"matching": "m", "settings_hash": h, "settings": {"x": x}} for h, x in (("1", "A"), ("2", "a"), ("3", True), ("4", "true"))]
    entries += [{"matching": "n", "settings_hash": h, "settings": {}} for h in ("5", "6")]
    entries += [{"matching": "o", "settings_hash": "7", "settings": {}}, {"matching": "p", "settings_hash": "7", "settings": {}}]
    assert len(set(matching_labels(entries).values())) == len(entries)


def test_lines_of_other_points_in_one_mean_are_said(write_sweep):
    records = [make_record(f"r{k}", seed=k) for k in range(3)]
    for record, points in zip(records, (25, 51, 25), strict=True):
        line = {"t": [k / (points - 1) for k in range(points)], "loss": [0.2] * points, "error": [0.0] * points}
        record |= {"points": points, "curves": [curve | line for curve in record["curves"]]}
        record["runs"] = [row | {"points": points} if "points" in row else row for row in record["runs"]]
    assert find_sweep(write_sweep(records)).notes == [
        "lines were measured at 25, 51 points, in means together: the more points, the nearer a barrier is to the line's own."
    ]
    assert find_sweep(write_sweep(records[::2], name="same")).notes == []


def test_settings_that_are_no_finite_numbers_stay_apart_in_a_table_that_is_read_back(write_sweep):
    records = records_of(*NOT_FINITE)
    report = write_report([write_sweep(records, [expect(record) for record in records])], only=["runs"])
    assert set(pd.read_csv(report.folder / "runs.csv")["optimizer.lr"]) == {"-", "<nan>", "<inf>", "<-inf>", "0.1"}
