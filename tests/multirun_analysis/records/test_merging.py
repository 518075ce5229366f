"""One job found twice: what counts once, what is added, and what two records contradict each other in."""

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import REPAIRS, make_record, with_blocks, with_training

from multirun_analysis import load_curves, load_layers, load_runs, schema
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.records.merging import merged, of_other_settings, with_methods
from multirun_analysis.records.packed import LAYOUTS, ROW_KEY, TRAINING_CURVES, pack


def without(record, *methods):
    """Return a record of which some methods were not asked for."""
    parts = {kind: [row for row in record[kind] if row["matching"] not in methods] for kind in ("matching", "runs", "curves", "layers")}
    return record | parts


def without_repair(record, repair):
    """Return a record of which one repair was not asked for."""
    return record | {kind: [row for row in record[kind] if row["repair"] != repair] for kind in ("repair", "runs", "curves")}


def test_a_record_merged_with_itself_or_with_a_part_of_itself_is_itself():
    whole = make_record("a", networks=3, repairs=REPAIRS)
    parts = [without(whole, "weights"), without_repair(whole, "reset"), without_repair(without(whole, "weights"), "none")]
    for one, other in ((whole, whole), *((whole, part) for part in parts), (without(whole, "identity"), whole)):
        record, differences = merged(pack(one), pack(other))
        assert differences == []
        assert {entry["matching"] for entry in record.head["matching"]} == {"identity", "weights"}
        assert {entry["repair"] for entry in record.head["repair"]} == set(REPAIRS)
        for layout in LAYOUTS:
            assert sorted(record.rows[layout.name].words.tolist()) == sorted(pack(whole).rows[layout.name].words.tolist())


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"status": "diverged"}, ["another status"]),
        ({"scope": {"seed": 1, "width": 8.0}}, ["another seed, width"]),  # 8.0 is no width
        ({"scope": {"a_key_of_a_later_version": 1}}, []),
    ],
)
def test_of_other_settings_or_another_status_the_first_counts_as_a_whole(changes, differences):
    first, other = pack(make_record("a", repairs=REPAIRS)), make_record("a", barrier=0.7, repairs=REPAIRS)
    other |= changes | {"scope": other["scope"] | changes.get("scope", {})}
    record, sentences = merged(first, pack(other))
    assert sentences == (differences or ["other runs for identity, weights", "other curves for identity, weights"])
    np.testing.assert_array_equal(record.rows["runs"].numbers, first.rows["runs"].numbers)


def test_training_curves_of_two_folders_are_joined_and_points_that_differ_are_said():
    some, others, record = (with_training(make_record("a", repairs=REPAIRS), epochs) for epochs in ((0, 2), (0, 1, 2), (0, 1, 2)))
    joined, differences = merged(pack(some), pack(others))
    assert differences == []
    rows = joined.rows["training_curves"]
    assert sorted(rows.keys(TRAINING_CURVES, ROW_KEY)) == sorted(pack(others).rows["training_curves"].keys(TRAINING_CURVES, ROW_KEY))
    record["training"][-1]["loss"] += 1
    assert merged(pack(some), pack(record))[1] == ["other training_curves for a-1"]


def test_a_failure_of_either_is_kept():
    record = make_record("a", repairs=REPAIRS)
    plain, failed = pack(record), pack(record | {"failure": "MemoryError"})
    for pair in ((plain, failed), (failed, plain)):
        assert merged(*pair)[0].head["failure"] == "MemoryError"


def test_methods_and_repairs_are_told_apart_by_their_names_and_the_hashes_of_their_settings():
    methods = [{"matching": name, "settings_hash": settings_hash, "settings": {}} for name in "ab" for settings_hash in "12"]
    repairs = [{"repair": name, "repair_hash": repair_hash, "settings": {}} for name in "ab" for repair_hash in "12"]
    first = {"matching": methods[:2], "repair": repairs[:3], "x": 1}
    assert with_methods(first, {"matching": methods[1:], "repair": repairs}) == {"matching": methods, "repair": repairs, "x": 1}


def test_settings_that_one_version_does_not_have_are_no_difference():
    settings_by_method = {}
    for settings, differing in (({"x": 1}, []), ({"x": 1, "y": 2}, []), ({"x": True}, ["m"]), ({"y": 3}, [])):
        head = {"matching": [{"matching": "m", "settings_hash": "1", "settings": settings}]}
        head["repair"] = [{"repair": "m", "repair_hash": "1", "settings": settings}]
        assert of_other_settings(head, settings_by_method) == 2 * differing
    assert settings_by_method == {("matching", "m", "1"): {"x": 1}, ("repair", "m", "1"): {"x": 1}}


def test_a_repair_added_in_another_folder_joins_the_job_and_records_of_earlier_versions_are_without(write_sweep):
    earlier = write_sweep([make_record("a")], name="earlier")
    later = write_sweep([without_repair(make_record("a", repairs=REPAIRS), "none")], name="later")
    whole = write_sweep([make_record("a", repairs=REPAIRS)], name="whole")
    for folders in ([earlier, later], [later, earlier], [earlier, whole], [whole, earlier], [whole, later]):
        assert find_sweep(folders).failures.empty
        pd.testing.assert_frame_equal(load_runs(folders), load_runs(whole))
        pd.testing.assert_frame_equal(load_curves(folders), load_curves(whole))
        pd.testing.assert_frame_equal(load_layers(folders), load_layers(whole))


def test_records_of_one_name_with_other_settings_are_not_joined(write_sweep):
    first = write_sweep([make_record("a", barrier=0.1)], name="first")
    other = make_record("a", barrier=0.7, **{"optimizer.lr": 0.5})
    other["matching"][1]["settings_hash"] = "w1"
    for kind in ("runs", "curves", "layers"):
        for row in other[kind]:
            row["settings_hash"] = "w1" if row["matching"] == "weights" else row["settings_hash"]
    sweep = find_sweep([first, write_sweep([other], name="other")])
    assert sweep.failures["status"].tolist() == ["conflicting"]
    assert "has another optimizer.lr than another folder has; the first folder's count" in sweep.failures["sentence"][0]
    assert len(load_runs([first, first.parent / "other"])) == 4  # those of the first


def test_one_hash_of_two_settings_is_said_and_not_averaged(write_sweep):
    records = [make_record(f"r{k}", seed=k) for k in range(2)]
    for record, biases in zip(records, (False, True), strict=True):
        record["matching"] = [entry | {"settings": {"biases": biases}} for entry in record["matching"]]
    sweep = find_sweep(write_sweep(records))
    assert len(sweep.records) == 1
    (row,) = sweep.failures.to_dict("records")
    assert "r1/record.json has other settings of identity, weights under one hash than another record has" in row["sentence"]


def test_two_methods_of_one_hash_and_the_notes_of_both_folders_are_kept(write_sweep):
    first, second = make_record("a"), make_record("a")
    for rows in (second["matching"], second["runs"], second["curves"], second["layers"]):
        for row in rows:
            row["matching"] = {"weights": "covariance"}.get(row["matching"], row["matching"])
    second["notes"] = ["covariance: a note."]
    sweep = find_sweep([write_sweep([first], name="one"), write_sweep([second], name="two")])
    assert {entry["matching"] for entry in sweep.records[0]["matching"]} == {"identity", "weights", "covariance"}
    assert sweep.notes == ["covariance: a note. (1 of 1 jobs)"]


def test_a_setting_that_is_not_told_is_the_same_one_where_its_digest_is_that_of_the_told_one(write_sweep):
    mark = schema.safe_name(schema.digest(b"s3cr3t")[:8])
    one, same, other = (make_record(f"r{k}", seed=k) for k in range(3))
    for record, site in ((one, "s3cr3t"), (same, f"${{oc.env:SITE}} ({mark})"), (other, "${oc.env:SITE} (00112233)")):
        record["matching"] = [method | {"settings": {"site": site}} for method in record["matching"]]
    sweep = find_sweep(write_sweep([one, same, other]))
    assert [record["run_id"] for record in sweep.records] == ["r0", "r1"]
    assert sweep.failures["run_id"].tolist() == ["r2"]
    assert "under one hash" in sweep.failures["sentence"][0]


def test_a_job_found_in_two_folders_counts_once(write_sweep):
    first = write_sweep([make_record("a"), make_record("b", seed=1)], name="first")
    second = write_sweep([make_record("a"), make_record("c", seed=2)], name="second")
    sweep = find_sweep([first, second])
    assert [record["run_id"] for record in sweep.records] == ["a", "b", "c"]
    assert sweep.failures.empty
    assert len(load_runs([first, second])) == 3 * 4


def test_other_times_are_no_conflict_and_other_results_are_one(write_sweep):
    slow = make_record("a")
    for row in slow["runs"]:
        row["seconds_train"] = 99.0
    first = write_sweep([make_record("a", barrier=0.1)], name="first")
    assert find_sweep([first, write_sweep([slow], name="slow")]).failures.empty
    other = write_sweep([make_record("a", barrier=0.7)], name="other")
    sweep = find_sweep([first, other])
    assert set(sweep.failures["status"]) == {"conflicting"}
    assert "the first folder's count" in sweep.failures["sentence"].iloc[0]
    runs = load_runs([first, other])
    np.testing.assert_allclose(runs.loc[runs["matching"] == "weights", "loss_barrier"], 0.1)


def test_a_method_added_in_another_folder_joins_the_job(write_sweep):
    partial = make_record("a")
    for key in ("runs", "curves", "layers"):
        partial[key] = [row for row in partial[key] if row["matching"] == "identity"]
    partial["matching"] = partial["matching"][:1]
    runs = load_runs([write_sweep([partial], name="first"), write_sweep([make_record("a")], name="second")])
    assert set(runs["matching"]) == {"identity", "weights"}
    assert len(runs) == 4


def test_a_record_of_a_version_before_test_blocks_is_no_contradiction_of_one_with_them():
    earlier, later = make_record("a", repairs=REPAIRS), with_blocks(make_record("a", repairs=REPAIRS))
    for one, other in ((earlier, later), (later, earlier)):
        record, differences = merged(pack(one), pack(other))
        assert differences == []
        assert record.rows["runs"].words.tolist() == pack(one).rows["runs"].words.tolist()  # the first counts
    added, differences = merged(pack(without(earlier, "identity")), pack(later))
    assert differences == []
    assert sum(word is not None for word in added.rows["runs"].words[:, -1]) == 2  # of identity, under two repairs
