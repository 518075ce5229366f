"""Waiting for tasks of a cluster: which they are, the results of their jobs, and what is written meanwhile."""

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from lmc_sweeps.cluster.backends import GRACE, SlurmTasks, Tasks
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.files import write_atomically
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.records import Record, is_finished, read_record
from lmc_sweeps.sweeps.pending import PendingJob
from lmc_sweeps.sweeps.progress import JobCount
from lmc_sweeps.sweeps.running import report_failure
from lmc_sweeps.sweeps.summary import job_line
from multirun_analysis.checks import open_file, read_file
from multirun_analysis.common.media import for_terminal
from multirun_analysis.schema import RECORD

MOST_OF_A_NOTE = 2**26  # bytes of the list of a task's jobs
NEWS_EVERY = 30.0  # seconds between two lines on what the tasks are doing, at least
Outcome = dict[int, str | None] | str  # of a task: the failure of each job or None, or a sentence if it ended without a result


class TaskError(RuntimeError):
    """A job that failed in a task of the cluster, or with it."""


@dataclass
class Submitted:
    """A submitted task: submitit's job, and the jobs of the sweep that are in it."""

    job: Any
    members: list[PendingJob]


def note_path(folder: Path, job_id: str) -> Path:
    """Return the file that lists the jobs in a task."""
    return folder / f"{job_id}.json"


def write_note(folder: Path, task: Submitted) -> None:
    """List the jobs in a task in a file, so that the same command, typed again, can wait for it."""
    jobs = [[job.prepared.run_id, job.overrides] for job in task.members]
    write_atomically(note_path(folder, task.job.job_id), json.dumps(jobs).encode())


def drop_submission(folder: Path, job_id: str) -> None:
    """Delete the file that a task was submitted with, which holds the whole command line, secrets too, once the task has ended.

    A task that is put into the queue again starts from this file.
    """
    (folder / f"{job_id}_submitted.pkl").unlink(missing_ok=True)  # the name that submitit gives it


def drop_submissions_of_ended(tasks: Tasks) -> None:
    """Do so for tasks whose results were written when no command waited for them."""
    for path in tasks.folder.glob("*_0_result.pkl"):
        drop_submission(tasks.folder, path.name.removesuffix("_0_result.pkl"))


def still_queued(tasks: Tasks, jobs: Sequence[PendingJob]) -> Iterator[Submitted]:
    """Yield the tasks of an earlier command that are in the queue and hold some of the jobs, with the same overrides."""
    if not isinstance(tasks, SlurmTasks):
        return
    missing = {(job.prepared.run_id, *job.overrides): job for job in jobs}
    for path in sorted(tasks.folder.glob("*.json")):
        try:
            named = [(run_id, *overrides) for run_id, overrides in json.loads(read_file(path, MOST_OF_A_NOTE))]
        except (OSError, ValueError, TypeError):
            continue
        submitted = tasks.attach(path.stem)
        if submitted is None:
            path.unlink(missing_ok=True)
            if tasks.has_answer:
                drop_submission(tasks.folder, path.stem)
        elif members := [missing.pop(name) for name in named if name in missing]:
            yield Submitted(submitted, members)


def task_outcome(tasks: Tasks, task: Submitted) -> Outcome | None:
    """Return the outcome of a task that has ended; None while it goes on."""
    paths = task.job.paths
    if not paths.result_pickle.exists():
        how = tasks.end(task.job)
        if how is None:
            return None
        if not paths.result_pickle.exists():  # it may have been written in the meantime
            log = f"its log is {paths.stderr}" if paths.stderr.exists() else f"it ended before it could write a log in {paths.folder}"
            return f"task {task.job.job_id} ended without a result ({how}); {log}"
    try:
        open_file(paths.result_pickle).close()  # submitit would wait for the writer of a pipe forever
        failures: dict[int, str | None] = task.job.result()
    except Exception as error:  # of a task that could not begin, for example
        return f"task {task.job.job_id} failed ({_last_line(str(error))}); its log is {paths.stderr}"
    return failures


def _last_line(report: str) -> str:
    """Return the last line of the traceback in submitit's report of a failure, which is between two lines of dashes."""
    trace = re.search(r"^-{10,}\n(.*?)\n-{10,}$", report, re.DOTALL | re.MULTILINE)
    return (trace.group(1) if trace else report).strip().splitlines()[-1].strip()


def job_result(job: PendingJob, outcome: Outcome, news: "JobNews") -> JobReturn:
    """Return the result of a job whose task has ended; if the task left none, by what the job's folder holds."""
    if isinstance(outcome, str):
        is_done = is_complete(job.prepared, job.folder)
        failure = None if is_done else outcome
        if failure is not None and not news.has_failed(job):
            news.drop(job)
            report_failure(job.prepared, job.folder, job.label, TaskError(failure), news.say_of_job)
    else:
        failure = outcome.get(job.number, "its task ended without a result for it")
    news.report(job, wait=failure is None)
    result = JobReturn(overrides=job.overrides, status=JobStatus.COMPLETED if failure is None else JobStatus.FAILED)
    result.return_value = None if failure is None else TaskError(failure)
    return result


class JobNews:
    """Writes the result of each job when it has a record, and from time to time what the tasks are doing."""

    def __init__(self, jobs: Sequence[PendingJob], count: JobCount) -> None:
        self._count = count
        self._before = {job.number: _stamp(job) for job in jobs}
        self._waiting = {job.number: job for job in jobs}
        self._doing, self._last_line = "", time.monotonic()

    def look(self, doing: str, n_to_submit: int) -> None:
        """Write which jobs have finished since the last look, and what the tasks are doing, if that has changed."""
        for job in list(self._waiting.values()):
            if _stamp(job) != self._before[job.number]:
                self.report(job)
        doing += f", {n_to_submit} to be submitted" if n_to_submit else ""
        if doing != self._doing and time.monotonic() - self._last_line >= NEWS_EVERY:
            say(f"tasks: {doing}")
            self._doing, self._last_line = doing, time.monotonic()

    def report(self, job: PendingJob, wait: bool = False) -> None:
        """Write the result in a job's record, once; with `wait`, allow a network file system the time to show it."""
        until = time.monotonic() + GRACE
        while wait and _stamp(job) is None and time.monotonic() < until:
            time.sleep(1.0)
        record = _record(job)
        if job.number in self._waiting and record is not None:
            line = job_line(record) if is_finished(record) else f"failed: {record.get('sentence')} (see {job.folder})"
            self.say_of_job(f"{job.label} {line}")
            self.drop(job)

    def say_of_job(self, line: str) -> None:
        """Write that a job has ended, behind the count of those that have."""
        self._count.ended += 1
        say(self._count.line(line))

    def drop(self, job: PendingJob) -> None:
        """Write nothing more about a job."""
        self._waiting.pop(job.number, None)

    def has_failed(self, job: PendingJob) -> bool:
        """Return whether the job itself has recorded, since it was submitted, why it failed."""
        record = _record(job)
        return _stamp(job) != self._before[job.number] and record is not None and (not is_finished(record) or "failure" in record)


def _record(job: PendingJob) -> Record | None:
    try:
        return read_record(job.folder)
    except InputError:
        return None


def _stamp(job: PendingJob) -> int | None:
    try:
        return os.stat(job.folder / RECORD).st_mtime_ns
    except OSError:
        return None


def say(line: str) -> None:
    """Write a line for people, at once."""
    sys.stderr.write(f"{for_terminal(line)}\n")
    sys.stderr.flush()
