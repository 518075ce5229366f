"""Tasks of a cluster: how they are submitted, what they are doing, and how they ended, through submitit."""

import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lmc_sweeps.cluster.task_settings import ClusterSettings
from lmc_sweeps.common.checks import InputError
from multirun_analysis.common.side_by_side import cores

MOST_TASKS = 1000  # in one array; Slurm's own MaxArraySize is 1001 where it is not set
QUEUE_EVERY = 10.0  # seconds between two looks at the queue
GRACE = 60.0  # seconds until a network file system shows what another machine has written
STOPPING = 10.0  # seconds for a process on this machine to end after its signal
ANSWERING = 60.0  # seconds for an answer of Slurm's programs
Work = Callable[[], Any]


class Tasks(ABC):
    """The tasks of one sweep on a cluster; `folder` takes their scripts, logs and results."""

    every = 1.0  # seconds between two looks for results

    def __init__(self, settings: ClusterSettings, folder: Path) -> None:
        self.settings, self.folder = settings, folder.absolute()

    @abstractmethod
    def room(self, n_submitted: int) -> int:
        """Return how many more tasks can be submitted while so many are."""

    @abstractmethod
    def submit(self, work: Sequence[Work]) -> list[Any]:
        """Submit pieces of work, a task each, and return submitit's jobs."""

    @abstractmethod
    def end(self, job: Any) -> str | None:
        """Return how a task without a result ended; None while it may still go on."""

    @abstractmethod
    def leave(self, jobs: Sequence[Any]) -> str:
        """Stop waiting for tasks, and return what becomes of them."""

    def look(self, jobs: Sequence[Any]) -> str:
        """Look at the tasks, and return what they are doing, in a few words."""
        return f"{len(jobs)} running"


class LocalTasks(Tasks):
    """Processes on this machine, as many at a time as there are cores for: to try the launcher out."""

    def room(self, n_submitted: int) -> int:
        most = self.settings.array_parallelism or max(1, cores() // self.settings.cpus_per_task)
        return max(0, most - n_submitted)

    def submit(self, work: Sequence[Work]) -> list[Any]:
        import submitit

        s = self.settings
        executor = submitit.LocalExecutor(self.folder, max_num_timeout=s.max_num_timeout)
        executor.update_parameters(
            timeout_min=s.timeout_min, signal_delay_s=s.signal_delay_s, gpus_per_node=s.gpus_per_node or 0, setup=list(s.setup)
        )
        jobs = [executor.submit(piece) for piece in work]
        for job in jobs:  # named by process numbers, which are used again: an earlier process may have left its result
            job.paths.result_pickle.unlink(missing_ok=True)
        return jobs

    def end(self, job: Any) -> str | None:
        return "its process was killed, or never started" if job.done() else None

    def leave(self, jobs: Sequence[Any]) -> str:
        for job in jobs:
            job.cancel(check=False)
        until = time.monotonic() + STOPPING
        for job in jobs:
            while not job.done() and time.monotonic() < until:
                time.sleep(0.1)
            if job.done():
                job.paths.submitted_pickle.unlink(missing_ok=True)  # it holds the command line, and is not needed again
        return f"{len(jobs)} tasks on this machine were stopped."


class SlurmTasks(Tasks):
    """Tasks of Slurm, a job array. Whether they still run is asked of the queue, which needs no accounting."""

    every = 2.0

    def __init__(self, settings: ClusterSettings, folder: Path) -> None:
        super().__init__(settings, folder)
        self._states: dict[str, tuple[str, str]] = {}
        self._looked = self._answered = -QUEUE_EVERY
        self._absent_since: dict[str, float] = {}

    def room(self, n_submitted: int) -> int:
        return MOST_TASKS

    def submit(self, work: Sequence[Work]) -> list[Any]:
        import submitit

        s = self.settings
        executor = submitit.AutoExecutor(self.folder, cluster="slurm", slurm_max_num_timeout=s.max_num_timeout)
        executor.update_parameters(
            name="lmc_sweeps",
            timeout_min=s.timeout_min,
            cpus_per_task=s.cpus_per_task,
            mem_gb=s.mem_gb,
            gpus_per_node=s.gpus_per_node,
            slurm_partition=s.partition,
            slurm_account=s.account,
            slurm_qos=s.qos,
            slurm_array_parallelism=s.array_parallelism or MOST_TASKS,
            slurm_signal_delay_s=s.signal_delay_s,
            slurm_setup=list(s.setup) or None,
            slurm_additional_parameters=s.additional_parameters or None,
        )
        try:
            jobs = executor.submit_array(work)
        except (submitit.core.utils.FailedJobError, subprocess.CalledProcessError) as error:
            raise InputError(f"Slurm did not take the tasks: {' '.join(str(error).split())}") from error
        self._looked = time.monotonic()  # the queue shows them a moment later
        return jobs

    @property
    def has_answer(self) -> bool:
        """Whether the queue answered when it was last asked: only then has a task that is not in it left it."""
        return self._answered == self._looked

    def attach(self, job_id: str) -> Any | None:
        """Return a task that an earlier command submitted, if it is still in the queue."""
        import submitit

        if time.monotonic() - self._looked >= QUEUE_EVERY:
            self._ask_queue()
        return submitit.SlurmJob(folder=self.folder, job_id=job_id, tasks=[0]) if job_id in self._states else None

    def look(self, jobs: Sequence[Any]) -> str:
        if time.monotonic() - self._looked >= QUEUE_EVERY and self._ask_queue():
            for job in jobs:
                if job.job_id in self._states:
                    self._absent_since.pop(job.job_id, None)
                else:
                    self._absent_since.setdefault(job.job_id, self._looked)
        words = [self._words(job.job_id) for job in jobs]
        return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))

    def end(self, job: Any) -> str | None:
        since = self._absent_since.get(job.job_id)
        if since is None or self._answered - since < GRACE:
            return None
        return how_it_ended(job.job_id) or "it left the queue, and neither scontrol nor sacct says why"

    def leave(self, jobs: Sequence[Any]) -> str:
        arrays = " ".join(dict.fromkeys(job.job_id.partition("_")[0] for job in jobs))
        return f"{len(jobs)} tasks go on in Slurm's queue, and the same command waits for them again; scancel {arrays} ends them."

    def _words(self, job_id: str) -> str:
        if job_id not in self._states:
            return "out of the queue" if job_id in self._absent_since else "submitted"
        state, reason = self._states[job_id]
        return f"{state.lower()} ({reason})" if reason not in ("None", "") else state.lower()

    def _ask_queue(self) -> bool:
        """Ask what is in the queue, and return whether there was an answer; without one, the last answer still holds."""
        queue = program_output("squeue", "-h", "-r", "--me", "-o", "%i|%T|%r")
        self._looked = time.monotonic()
        if queue is not None:
            self._answered = self._looked
            lines = [line.strip().split("|", 2) for line in queue.splitlines() if line.count("|") >= 2]
            self._states = {job_id: (state, reason) for job_id, state, reason in lines}
        return queue is not None


def how_it_ended(job_id: str) -> str:
    """Return how a task that left the queue ended by Slurm's account, e.g. ``OUT_OF_MEMORY, exit code 0:125``; empty if unknown."""
    shown = program_output("scontrol", "show", "job", "-o", job_id) or ""  # for some minutes after the end, and without accounting
    words = dict(word.partition("=")[::2] for word in shown.split() if "=" in word)
    state, code = words.get("JobState", ""), words.get("ExitCode", "")
    if not state:
        lines = (program_output("sacct", "-n", "-X", "-P", "-o", "State,ExitCode", "-j", job_id) or "").strip().splitlines()
        state, _, code = lines[-1].partition("|") if lines else ("", "", "")
    return f"{state}, exit code {code}" if state else ""


def program_output(*command: str) -> str | None:
    """Return the output of one of Slurm's programs; None if it is not installed, fails, or does not answer."""
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=ANSWERING, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return completed.stdout if completed.returncode == 0 else None
