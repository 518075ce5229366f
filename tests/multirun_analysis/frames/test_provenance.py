"""What was run: settings that all jobs share, keys that vary, and every network's training counted once."""

import json

from analysis_sweeps import make_record

from multirun_analysis import load_runs
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.provenance import distinct, provenance


def test_settings_are_shared_or_vary_and_seconds_are_of_every_network_once(write_sweep):
    records = [make_record(f"r{width}", width=width, **{"optimizer.lr": lr}) for width, lr in ((16, 0.1), (8, None))]
    for record in records:  # both have one network in common
        record["networks"] = [{"name": "common", "seconds": 40.0}, {"name": f"own-{record['run_id']}", "seconds": 1.0}]
        record |= {"machine": {"device": "cpu"}, "versions": {"python": "3.11"}, "notes": ["a note."]}
    folder = write_sweep(records)
    summary = provenance(find_sweep(folder), load_runs(folder))
    assert (summary["jobs"], summary["failures"], summary["networks"]) == (2, 0, 3)
    assert summary["settings"] == {"dataset": "digits", "model": "mlp", "depth": 1, "seed": 0}
    assert summary["varying"] == {"width": [8, 16], "optimizer.lr": [0.1, None]}
    # two methods of one pair a job took 0.1 s each to match, and each split of each 0.1 s to evaluate
    assert summary["seconds"] == {"training": 42, "matching": round(4 * 0.1), "evaluation": round(8 * 0.1)}
    assert (summary["machines"], summary["versions"]) == (['{"device": "cpu"}'], ['{"python": "3.11"}'])
    assert summary["notes"] == ["a note. (2 of 2 jobs)"]
    assert json.loads(json.dumps(summary)) == summary


def test_what_a_record_does_not_say_is_nothing(write_sweep):
    folder = write_sweep([make_record("a") | {"networks": [{"name": "n", "seconds": "long"}, "m"]}, make_record("b", seed=1)])
    summary = provenance(find_sweep(folder), load_runs(folder))
    assert summary["seconds"]["training"] == 0
    assert summary["machines"] == summary["versions"] == ["null"]


def test_the_values_of_a_key_are_distinct_and_numbers_stand_before_words():
    assert distinct([16, "b", 8, 16, "a", 0.5, "b"]) == [0.5, 8, 16, "a", "b"]
    assert distinct([[2], [1], [2]]) == [[1], [2]]
    assert distinct([]) == []
