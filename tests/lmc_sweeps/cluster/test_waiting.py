"""Waiting for tasks: those still in the queue, results and their absence, and what is deleted when."""

import json
import os
import re
import time
from functools import partial
from types import SimpleNamespace

import pytest
from hydra.core.utils import JobStatus
from small_tasks import task

from lmc_sweeps.cluster.backends import LocalTasks, SlurmTasks
from lmc_sweeps.cluster.task_settings import ClusterSettings
from lmc_sweeps.cluster.waiting import JobNews, Submitted, drop_submissions_of_ended, job_result, still_queued, task_outcome, write_note
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.records import write_failure
from lmc_sweeps.sweeps.pending import PendingJob
from lmc_sweeps.sweeps.progress import JobCount
from multirun_analysis.schema import RECORD

pytestmark = pytest.mark.needs("submitit")


def job(number, folder, *overrides):
    return PendingJob(number, list(overrides), SimpleNamespace(run_id=f"run{number}"), folder, "", {}, set())


def test_what_a_task_was_submitted_with_goes_once_its_result_is_there_and_not_before(tmp_path):
    for name in ("7_0_submitted.pkl", "7_0_0_result.pkl", "7_1_submitted.pkl"):
        (tmp_path / name).touch()
    drop_submissions_of_ended(SlurmTasks(ClusterSettings.from_config({}), tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"7_0_0_result.pkl", "7_1_submitted.pkl"}


@pytest.mark.parametrize("answer", [None, "9_0|PENDING|None\n"], ids=["no answer", "gone"])
def test_a_queue_that_does_not_answer_deletes_nothing_of_what_a_task_was_submitted_with(tmp_path, monkeypatch, answer):
    write_note(tmp_path, Submitted(SimpleNamespace(job_id="7_0"), [job(0, tmp_path, "width=4")]))
    (tmp_path / "7_0_submitted.pkl").touch()
    monkeypatch.setattr("lmc_sweeps.cluster.backends.program_output", lambda *command: answer)
    assert list(still_queued(SlurmTasks(ClusterSettings.from_config({}), tmp_path), [job(0, tmp_path, "width=4")])) == []
    assert (tmp_path / "7_0_submitted.pkl").exists() == (answer is None)


def test_a_task_that_cannot_begin_is_told_with_the_last_line_of_its_error_and_its_log(tmp_path):
    tasks = LocalTasks(ClusterSettings.from_config({"cluster": "local"}), tmp_path)
    (submitted,) = tasks.submit([partial(os.listdir, "nowhere")])
    waited_for = Submitted(submitted, [])
    until = time.monotonic() + 120
    while (outcome := task_outcome(tasks, waited_for)) is None and time.monotonic() < until:
        time.sleep(0.1)
    log = tmp_path / f"{submitted.job_id}_0_log.err"
    assert (
        outcome == f"task {submitted.job_id} failed (FileNotFoundError: [Errno 2] No such file or directory: 'nowhere'); its log is {log}"
    )


def test_a_result_that_is_a_pipe_holds_nobody_up(tmp_path):
    result = tmp_path / "7_0_result.pkl"
    os.mkfifo(result)
    job = SimpleNamespace(job_id="7_0", paths=SimpleNamespace(result_pickle=result, stderr=tmp_path / "7_0_log.err"))
    sentence = task_outcome(LocalTasks(ClusterSettings(cluster="local"), tmp_path), Submitted(job, []))
    assert sentence.startswith("task 7_0 failed (")
    assert "it is a pipe or a device, not a regular file" in sentence


def test_jobs_of_a_killed_task_count_where_they_are_finished_and_keep_their_own_reasons_where_they_failed(tmp_path, capsys):
    jobs = []
    for number in range(3):
        prepared = task(seed=number, store=tmp_path / "store").job
        jobs.append(PendingJob(number, [], prepared, tmp_path / "sweep" / prepared.run_id, f"job {number}", {}, set()))
    run_job(jobs[0].prepared, jobs[0].folder)
    news = JobNews(jobs, JobCount(total=4, ended=1))
    write_failure(jobs[1].folder, jobs[1].prepared.run_id, {}, "ValueError: its own reason")
    results = [job_result(job, "task 7_0 ended without a result (FAILED); its log is x.err", news) for job in jobs]
    assert [result.status for result in results] == [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.FAILED]
    records = [json.loads((job.folder / RECORD).read_text()) for job in jobs]
    assert [record["status"] for record in records] == ["ok", "failed", "failed"]
    assert records[1]["sentence"] == "ValueError: its own reason"
    assert records[2]["sentence"] == "TaskError: task 7_0 ended without a result (FAILED); its log is x.err"
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["[3/4 done] job 1 failed", "[4/4 done] job 2 failed"]
    assert re.match(r"\[2/4 done\] job 0 .* test loss barrier", lines[0])


def test_tasks_that_are_still_in_the_queue_are_waited_for_by_the_jobs_that_are_in_them(tmp_path, monkeypatch):
    tasks = SlurmTasks(ClusterSettings.from_config({}), tmp_path)
    for name, members in {"7_0": [job(0, tmp_path, "width=4"), job(1, tmp_path, "width=5")], "7_1": [job(2, tmp_path, "width=6")]}.items():
        write_note(tmp_path, Submitted(SimpleNamespace(job_id=name), members))
        (tmp_path / f"{name}_submitted.pkl").touch()
    (tmp_path / "8_0.json").write_text("no note of ours")
    monkeypatch.setattr("lmc_sweeps.cluster.backends.program_output", lambda *command: "7_0|RUNNING|None\n9_0|PENDING|None\n")
    # job 1 is asked for in other words now, job 2's task is gone
    jobs = [job(0, tmp_path, "width=4"), job(1, tmp_path, "width=5", "plane=true"), job(2, tmp_path, "width=6")]
    (queued,) = still_queued(tasks, jobs)
    assert queued.job.job_id == "7_0"
    assert queued.members == [jobs[0]]
    assert {path.name for path in tmp_path.glob("*.json")} == {"7_0.json", "8_0.json"}
    assert {path.name for path in tmp_path.glob("*.pkl")} == {"7_0_submitted.pkl"}  # what a task begins with that comes back
    assert json.loads((tmp_path / "7_0.json").read_text()) == [["run0", ["width=4"]], ["run1", ["width=5"]]]
