"""The launcher, set up as Hydra does it: jobs share their networks, finished ones are not run, and a failure is a job's own."""

import pytest
from hydra.core.utils import JobStatus
from hydra_parts import TINY

from lmc_sweeps.jobs.records import read_record
from lmc_sweeps.sweeps import work
from lmc_sweeps.sweeps.launcher import LOG, BatchedLauncher


@pytest.fixture(params=[1])
def launcher(request, tmp_path, set_up_launcher):
    return set_up_launcher(tmp_path, request.param)


def records(tmp_path, key) -> dict[int, dict]:
    """Return the records of a sweep by the value of a key that it varies."""
    every = [read_record(path.parent) for path in (tmp_path / "sweep").glob("*/record.json")]
    return {record["scope"][key]: record for record in every}


def test_what_jobs_share_is_trained_once_and_finished_jobs_are_not_run_again(launcher, tmp_path, monkeypatch):
    jobs = [[*TINY, "networks=2"], [*TINY, "networks=3"]]
    assert [result.status for result in launcher.launch(jobs, 0)] == [JobStatus.COMPLETED] * 2
    assert set(records(tmp_path, "networks")) == {2, 3}
    assert "trained 3 networks" in (tmp_path / "sweep" / LOG).read_text()
    monkeypatch.setattr(work, "run_reported", None)  # calling it would be an error
    again = launcher.launch(jobs, 2)
    assert [(result.status, result.overrides) for result in again] == [(JobStatus.COMPLETED, job) for job in jobs]


@pytest.mark.parametrize("launcher", [1, 2], indirect=True)
def test_a_training_that_fails_fails_the_jobs_that_wait_for_it_and_no_others(launcher, tmp_path, monkeypatch):
    train_stack = work.train_stack

    def failing(stack, store, progress):
        if stack[0][0].settings.width == 4:
            raise MemoryError("too wide")
        return train_stack(stack, store, progress)

    monkeypatch.setattr(work, "train_stack", failing)
    results = launcher.launch([[*TINY, "width=4"], [*TINY, "width=5"]], 0)
    assert [result.status for result in results] == [JobStatus.FAILED, JobStatus.COMPLETED]
    by_width = records(tmp_path, "width")
    assert (by_width[4]["status"], by_width[4]["sentence"]) == ("failed", "MemoryError: too wide")
    assert by_width[5]["status"] == "ok"


def test_a_launcher_that_was_not_set_up_says_so():
    with pytest.raises(RuntimeError, match="the launcher was not set up"):
        BatchedLauncher().launch([["width=4"]], 0)


def test_this_launcher_runs_any_job_and_adds_nothing_to_a_plan(tmp_path):
    BatchedLauncher().check([])
    assert BatchedLauncher().plan_lines([], tmp_path) == []
