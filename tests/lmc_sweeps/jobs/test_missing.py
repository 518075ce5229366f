"""What a job's folder lacks: one more method, other points, what is damaged, and what cannot be measured again here."""

import json
import logging
from dataclasses import dataclass

import numpy as np
import pytest
from small_jobs import files, measured, silent, small_job, timeless, with_settings

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.missing import Forecast, forecast, is_complete
from lmc_sweeps.jobs.permutation_files import read_permutations
from lmc_sweeps.jobs.recorded import environment_key
from lmc_sweeps.jobs.records import read_record, write_record
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.weights import Weights
from multirun_analysis import load_runs


def test_other_points_walk_every_line_anew_without_training(tmp_path):
    store, steps = tmp_path / "store", []
    run_job(small_job(store=store, matching=(Activations(),)), tmp_path / "job", silent)
    record = run_job(small_job(store=store, points=9), tmp_path / "job", lambda *step: steps.append(step))
    assert steps == []
    assert [entry["matching"] for entry in record["matching"]] == ["identity", "activations", "weights"]
    assert record["points"] == 9
    assert [len(row["t"]) for row in record["curves"]] == [9] * 6
    fresh = run_job(small_job(points=9, matching=(Activations(), Weights())), tmp_path / "fresh", silent)
    assert timeless(record["runs"]) == timeless(fresh["runs"])
    assert record["curves"] == fresh["curves"]


@pytest.mark.parametrize("points", [3, 5])
def test_a_method_added_with_fewer_points_is_measured_at_those_of_the_record_and_it_is_said(tmp_path, caplog, points):
    caplog.set_level(logging.INFO)
    store, folder = tmp_path / "store", tmp_path / "job"
    first = run_job(small_job(store=store, points=9), folder)
    assert is_complete(small_job(points=points), folder)  # nothing coarser replaces what is there
    assert forecast(small_job(points=points), folder) == Forecast(points=9)
    both = run_job(small_job(store=store, points=points, matching=(Activations(),)), folder)
    sentence = f"points: activations: measured at the 9 points of the lines that were there, not at the {points} that were asked for."
    assert both["notes"] == [sentence]
    assert sentence in caplog.messages
    assert (both["points"], both["config"]["points"]) == (9, 9)
    assert both["runs"][: len(first["runs"])] == first["runs"]
    assert {row["points"] for row in both["runs"]} == {len(row["t"]) for row in both["curves"]} == {9}
    run_job(small_job(store=store, points=9, matching=(Weights(), Activations())), tmp_path / "at once")
    assert measured(folder) == measured(tmp_path / "at once")
    frame = load_runs(folder)
    assert (frame["points"].dtype, set(frame["points"])) == (np.int64, {9})


def test_more_points_are_measured_for_all_methods_and_it_is_said(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    store, folder = tmp_path / "store", tmp_path / "job"
    run_job(small_job(store=store), folder)
    assert forecast(small_job(points=9), folder) == Forecast(points=5)
    record = run_job(small_job(store=store, points=9, matching=(Activations(),)), folder)
    assert record["notes"] == ["points: all lines were measured again at 9 points, in place of 5."]
    assert record["notes"][0] in caplog.messages
    assert forecast(small_job(points=9), folder) == Forecast()


UNKNOWN = {
    "a method": {"matching": "magic", "settings_hash": "abcdef01", "settings": {"power": 3}},
    "a setting": {"matching": "weights", "settings_hash": "abcdef01", "settings": {"biases": True, "power": 3}},
    "a value": {"matching": "weights", "settings_hash": "abcdef01", "settings": {"transport": "magic"}},
    "another default": {"matching": "weights", "settings_hash": "abcdef01", "settings": {"biases": True}},
    "no settings": {"matching": "weights", "settings_hash": "abcdef01"},
}


@pytest.mark.parametrize("entry", UNKNOWN.values(), ids=UNKNOWN)
def test_a_record_with_a_method_or_a_setting_unknown_here_is_left_with_a_sentence(tmp_path, entry):
    store, folder = tmp_path / "store", tmp_path / "job"
    record = run_job(small_job(store=store), folder)
    record["matching"].append(entry)
    write_record(folder, record)
    assert is_complete(small_job(), folder)  # what is asked for is there
    assert "activations" in {entry["matching"] for entry in run_job(small_job(store=store, matching=(Activations(),)), folder)["matching"]}
    before = files(folder)
    assert not is_complete(small_job(points=9), folder)
    obstacle = forecast(small_job(points=9), folder).obstacle
    assert obstacle.startswith(f"{folder}/record.json holds results of the matching method '{entry['matching']}' with the settings")
    assert "are unknown here: of a later version, of a part that is not on this machine, or with a secret" in obstacle
    with pytest.raises(InputError) as caught:
        run_job(small_job(store=store, points=9), folder)
    assert str(caught.value) == obstacle
    assert files(folder) == before


def test_damaged_permutations_are_measured_again(tmp_path):
    run_job(small_job(matching=(Weights(), Activations())), tmp_path / "job")
    whole = read_permutations(tmp_path / "job", read_record(tmp_path / "job"))
    path = tmp_path / "job" / "permutations.npz"
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_complete(small_job(), tmp_path / "job")
    run_job(small_job(), tmp_path / "job")  # one of two methods is asked for
    again = read_permutations(tmp_path / "job", read_record(tmp_path / "job"))
    assert again.keys() == whole.keys()
    assert all((again[key] == whole[key]).all() for key in whole)
    assert is_complete(small_job(), tmp_path / "job")


@dataclass(frozen=True, kw_only=True)
class OwnMethod(Weights):
    site: str = ""


def test_a_method_whose_settings_the_record_does_not_tell_is_measured_anew_where_it_is_asked_for(tmp_path):
    method = OwnMethod(site="s3cr3t")
    job = small_job(store=tmp_path / "store", matching=(method,), from_environment=((f"{environment_key(method)}.site", "${oc.env:SITE}"),))
    run_job(job, tmp_path / "job")
    run_job(with_settings(job, points=7), tmp_path / "job")
    text = (tmp_path / "job" / "record.json").read_text()
    assert "s3cr3t" not in text
    assert json.loads(text)["points"] == 7
    with pytest.raises(InputError, match="or with a secret, which no record holds"):
        run_job(with_settings(job, points=9, matching=(Weights(),)), tmp_path / "job")
