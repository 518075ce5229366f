"""Tasks of a cluster that are waited for: which they are, what came of their jobs, and what is said meanwhile."""

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
from lmc_sweeps.jobs.records import RECORD, is_finished, read_record
from lmc_sweeps.sweeps.launcher import Job
from lmc_sweeps.sweeps.running import note_failure
from lmc_sweeps.sweeps.summary import job_line
from multirun_analysis.checks import open_file, read_file
from multirun_analysis.common.media import for_terminal

MOST_OF_A_NOTE = 2**26  # bytes of what a task says of its jobs
NEWS_EVERY = 30.0  # seconds between two lines on what the tasks are doing, at least
Outcome = dict[int, str | None] | str  # the failures of a task by job, or a sentence if it ended without telling


class TaskError(RuntimeError):
    """A job that failed in a task of the cluster, or with it."""


@dataclass
class Submitted:
    """A task on its way: submitit's job, and the jobs of the sweep that wait for it."""

    job: Any
    members: list[Job]


def note_of(folder: Path, job_id: str) -> Path:
    """Return where it is written down which jobs are in a task."""
    return folder / f"{job_id}.json"


def noted(folder: Path, task: Submitted) -> Submitted:
    """Write down which jobs are in a task, so that the same command, given again, can wait for it."""
    jobs = [[job.prepared.run_id, job.overrides] for job in task.members]
    write_atomically(note_of(folder, task.job.job_id), json.dumps(jobs).encode())
    return task


def drop_submission(folder: Path, job_id: str) -> None:
    """Delete what a task was submitted with, which holds all that was typed, secrets too; only of one that has ended and is not to return.

    A task that is put into the queue again begins with it.
    """
    (folder / f"{job_id}_submitted.pkl").unlink(missing_ok=True)  # the name that submitit gives it


def drop_submissions_of_ended(tasks: Tasks) -> None:
    """Do so for tasks whose results came when nobody waited for them."""
    for path in tasks.folder.glob("*_0_result.pkl"):
        drop_submission(tasks.folder, path.name.removesuffix("_0_result.pkl"))


def still_there(tasks: Tasks, jobs: Sequence[Job]) -> Iterator[Submitted]:
    """Yield the tasks of an earlier command that are in the queue and hold some of the jobs, asked for in the same words."""
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


def outcome(tasks: Tasks, task: Submitted) -> Outcome | None:
    """Return the failures by job of a task that has ended, or a sentence if it ended without telling; None while it goes on."""
    paths = task.job.paths
    if not paths.result_pickle.exists():
        how = tasks.end(task.job)
        if how is None:
            return None
        if not paths.result_pickle.exists():  # written while we asked
            log = f"its log is {paths.stderr}" if paths.stderr.exists() else f"it did not come so far as to write a log in {paths.folder}"
            return f"task {task.job.job_id} ended without a result ({how}); {log}"
    try:
        open_file(paths.result_pickle).close()  # submitit would wait for the writer of a pipe for ever
        failures: dict[int, str | None] = task.job.result()
    except Exception as error:  # of a task that could not begin, say
        return f"task {task.job.job_id} failed ({_last_line(str(error))}); its log is {paths.stderr}"
    return failures


def _last_line(report: str) -> str:
    """Return the last line of the traceback in what submitit says of a failure: it stands between two lines of dashes."""
    trace = re.search(r"^-{10,}\n(.*?)\n-{10,}$", report, re.DOTALL | re.MULTILINE)
    return (trace.group(1) if trace else report).strip().splitlines()[-1].strip()


def came_of(job: Job, told: Outcome, news: "News") -> JobReturn:
    """Return what came of a job whose task has ended; of a task that did not tell, what the job's folder holds."""
    if isinstance(told, str):
        done = is_complete(job.prepared, job.folder)
        failure = None if done else told
        if failure is not None and not news.has_failed(job):
            news.said(job)
            note_failure(job.prepared, job.folder, job.label, TaskError(failure), say)
    else:
        failure = told.get(job.number, "its task does not say what came of it")
    news.tell(job, wait=failure is None)
    came = JobReturn(overrides=job.overrides, status=JobStatus.COMPLETED if failure is None else JobStatus.FAILED)
    came.return_value = None if failure is None else TaskError(failure)
    return came


class News:
    """Says what came of a job when its record is there, and now and then what the tasks are doing."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._before = {job.number: _stamp(job) for job in jobs}
        self._waiting = {job.number: job for job in jobs}
        self._words, self._said = "", time.monotonic()

    def look(self, words: str, to_submit: int) -> None:
        """Say which jobs have finished since the last look, and what the tasks are doing if that is new."""
        for job in list(self._waiting.values()):
            if _stamp(job) != self._before[job.number]:
                self.tell(job)
        words += f", {to_submit} to be submitted" if to_submit else ""
        if words != self._words and time.monotonic() - self._said >= NEWS_EVERY:
            say(f"tasks: {words}")
            self._words, self._said = words, time.monotonic()

    def tell(self, job: Job, wait: bool = False) -> None:
        """Say what a job's record holds, once; with `wait`, give a network file system the time to show it."""
        until = time.monotonic() + GRACE
        while wait and _stamp(job) is None and time.monotonic() < until:
            time.sleep(1.0)
        record = _record(job)
        if job.number in self._waiting and record is not None:
            line = job_line(record) if is_finished(record) else f"failed: {record.get('sentence')} (see {job.folder})"
            say(f"{job.label} {line}")
            self.said(job)

    def said(self, job: Job) -> None:
        """Say nothing more of a job."""
        self._waiting.pop(job.number, None)

    def has_failed(self, job: Job) -> bool:
        """Return whether the job itself has written down, since it was submitted, why it failed."""
        record = _record(job)
        return _stamp(job) != self._before[job.number] and record is not None and (not is_finished(record) or "failure" in record)


def _record(job: Job) -> dict[str, Any] | None:
    try:
        return read_record(job.folder)
    except InputError:
        return None


def _stamp(job: Job) -> int | None:
    try:
        return os.stat(job.folder / RECORD).st_mtime_ns
    except OSError:
        return None


def say(line: str) -> None:
    """Write a line for people, at once."""
    sys.stderr.write(f"{for_terminal(line)}\n")
    sys.stderr.flush()
