"""`wandb`: the file of an offline run holds every number of the job, each once, and the settings as its config."""

from dataclasses import replace

import pytest
from logged_records import example
from wandb_files import messages, values

from lmc_sweeps.loggers.wandb import DIGEST, WeightsAndBiases

pytestmark = [pytest.mark.needs("wandb"), pytest.mark.slow, pytest.mark.filterwarnings("default")]


def files(folder):
    """Return the files of the runs in a sweep's folder."""
    return sorted((folder / "wandb").glob("offline-run-*/*.wandb"))


def summary(records):
    """Return the summary of a run: what was set last."""
    return {key: value for record in records for key, value in values(record.summary.update).items()}


def test_every_number_and_setting_is_read_back_once(tmp_path):
    job = example()
    assert WeightsAndBiases(project="mine").log([job], tmp_path) == 1
    (path,) = files(tmp_path)
    assert path.parent.name.startswith("offline-run-")
    records = list(messages(path))
    (run,) = (record.run for record in records if record.HasField("run"))
    assert (run.run_id, run.display_name, run.project, run.run_group) == (job.run_id, "width=6 seed=0", "mine", tmp_path.name)
    config = values(run.config.update)
    assert {key: config[key] for key in job.settings} == job.settings
    assert (config["run_id"], config["status"]) == (job.run_id, "ok")
    rows = [values(record.history.item) for record in records if record.HasField("history")]
    assert [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows] == [
        {"epoch": epoch, **by_name} for epoch, by_name in job.curves_by_epoch().items()
    ]
    last = summary(records)
    assert {key: last[key] for key in last if not key.startswith(("_", "training/")) and key != "epoch"} == job.results


def test_a_job_is_logged_once_and_again_when_it_was_added_to_or_left_half_logged(tmp_path):
    job, other = example(), replace(example(), run_id="other")
    assert [WeightsAndBiases().log([job, other], tmp_path) for _ in range(2)] == [2, 0]
    more = replace(job, results={**job.results, "test/loss_barrier/random/none/pair_0_1": 0.25})
    next(path for path in files(tmp_path) if "other" in path.name).with_name(DIGEST).unlink()
    assert [WeightsAndBiases().log([more, other], tmp_path) for _ in range(2)] == [2, 0]
    assert sorted(path.name for path in files(tmp_path)) == sorted([f"run-{job.run_id}.wandb", "run-other.wandb"])
    path = next(path for path in files(tmp_path) if job.run_id in path.name)
    assert summary(messages(path))["test/loss_barrier/random/none/pair_0_1"] == 0.25
