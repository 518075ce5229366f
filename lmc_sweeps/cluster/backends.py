"""Tasks of a cluster: what each may use, how they are submitted, and whether they are still there, through submitit."""

import importlib.util
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lmc_sweeps.common import checks
from lmc_sweeps.common.checks import InputError

KEY = "hydra.launcher"
CLUSTERS = ("slurm", "local")
PROGRAMS = ("sbatch", "srun", "squeue")
MOST_TASKS = 1000  # in one array; Slurm's own MaxArraySize is 1001 where it is not set
QUEUE_EVERY = 10.0  # seconds between two looks at the queue
GRACE = 60.0  # seconds in which a network file system shows what another machine has written
STOPPING = 10.0  # seconds for a process on this machine to end when it is told to
PATIENCE = 60.0  # seconds for an answer of Slurm's programs
Work = Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """What ``conf/hydra/launcher/slurm.yaml`` says, checked."""

    cluster: str = "slurm"
    networks_per_task: int | None = None
    least_minutes: float = 1.0
    array_parallelism: int | None = None
    timeout_min: int = 120
    signal_delay_s: int = 90
    max_num_timeout: int = 20
    cpus_per_task: int = 2
    mem_gb: float | None = 8.0
    gpus_per_node: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    setup: tuple[str, ...] = ()
    additional_parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.one_of(f"{KEY}.cluster", self.cluster, CLUSTERS)
        for key in ("networks_per_task", "array_parallelism", "gpus_per_node"):
            if getattr(self, key) is not None:
                checks.integer(f"{KEY}.{key}", getattr(self, key))
        for key, least in (("timeout_min", 1), ("signal_delay_s", 1), ("max_num_timeout", 0), ("cpus_per_task", 1)):
            checks.integer(f"{KEY}.{key}", getattr(self, key), least)
        checks.number(f"{KEY}.least_minutes", self.least_minutes, least=0.0)
        if self.mem_gb is not None:
            checks.number(f"{KEY}.mem_gb", self.mem_gb, above=0.0)
        for key in ("partition", "account", "qos"):
            if not (getattr(self, key) is None or isinstance(getattr(self, key), str)):
                raise InputError(f"`{KEY}.{key}` must be a name that your cluster knows, or null, got {getattr(self, key)!r}.")
        if not all(isinstance(line, str) for line in self.setup):
            raise InputError(f"`{KEY}.setup` must be a list of lines of shell, got {list(self.setup)!r}.")
        if 60 * self.timeout_min < 2 * self.signal_delay_s:
            raise InputError(
                f"`{KEY}.timeout_min` must leave a task time to work before it is told to stop: at least twice `{KEY}.signal_delay_s` "
                f"({self.signal_delay_s} s), got {self.timeout_min} min. Raise the one or lower the other."
            )

    @classmethod
    def of(cls, given: dict[str, Any]) -> "ClusterSettings":
        """Return the settings that a config gives.

        Raises
        ------
        InputError
            If a key is unknown, or a value breaks a rule.
        """
        checks.known_keys(KEY, given, [known.name for known in fields(cls)])
        setup, more = given.get("setup"), given.get("additional_parameters")
        if not (setup is None or isinstance(setup, list | tuple)):
            raise InputError(f"`{KEY}.setup` must be a list of lines of shell, got {setup!r}.")
        if not (more is None or isinstance(more, dict)):
            raise InputError(f"`{KEY}.additional_parameters` must be a mapping of sbatch's own parameters, got {more!r}.")
        return cls(**{**given, "setup": tuple(setup or ()), "additional_parameters": dict(more or {})})

    def check_programs(self) -> None:
        """Raise `InputError` if what is needed to submit tasks is not installed here."""
        if importlib.util.find_spec("submitit") is None:
            raise InputError("`hydra/launcher=slurm` needs submitit: pip install 'lmc-sweeps[slurm]'")
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if self.cluster == "slurm" and missing:
            raise InputError(
                f"`{KEY}.cluster` slurm needs Slurm's {', '.join(missing)} on this machine's PATH; run the command where you run sbatch, "
                f"or try it out on this machine with {KEY}.cluster=local."
            )


class Tasks(ABC):
    """The tasks of one sweep on a cluster; `folder` takes their scripts, logs and results."""

    every = 1.0  # seconds between two looks for results

    def __init__(self, settings: ClusterSettings, folder: Path) -> None:
        self.settings, self.folder = settings, folder.absolute()

    @abstractmethod
    def room(self, running: int) -> int:
        """Return how many tasks more can be submitted while so many are."""

    @abstractmethod
    def submit(self, work: Sequence[Work]) -> list[Any]:
        """Submit pieces of work, a task each, and return submitit's jobs."""

    @abstractmethod
    def end(self, job: Any) -> str | None:
        """Return, of a task without result, how it ended; None while it may still go on."""

    @abstractmethod
    def let_go(self, jobs: Sequence[Any]) -> str:
        """Return what becomes of tasks when nobody waits for them any more."""

    def look(self, jobs: Sequence[Any]) -> str:
        """Look at the tasks, and return what they are doing in a few words."""
        return f"{len(jobs)} running"


class LocalTasks(Tasks):
    """Processes on this machine, so many at a time as there are cores for: for trying out."""

    def room(self, running: int) -> int:
        most = self.settings.array_parallelism or max(1, len(os.sched_getaffinity(0)) // self.settings.cpus_per_task)
        return max(0, most - running)

    def submit(self, work: Sequence[Work]) -> list[Any]:
        import submitit

        s = self.settings
        executor = submitit.LocalExecutor(self.folder, max_num_timeout=s.max_num_timeout)
        executor.update_parameters(
            timeout_min=s.timeout_min, signal_delay_s=s.signal_delay_s, gpus_per_node=s.gpus_per_node or 0, setup=list(s.setup)
        )
        jobs = [executor.submit(piece) for piece in work]
        for job in jobs:  # named by numbers of processes, which come back: an earlier one may have left its result
            job.paths.result_pickle.unlink(missing_ok=True)
        return jobs

    def end(self, job: Any) -> str | None:
        return "its process was killed, or never started" if job.done() else None

    def let_go(self, jobs: Sequence[Any]) -> str:
        for job in jobs:
            job.cancel(check=False)
        until = time.monotonic() + STOPPING
        for job in jobs:
            while not job.done() and time.monotonic() < until:
                time.sleep(0.1)
            if job.done():
                job.paths.submitted_pickle.unlink(missing_ok=True)  # it holds what was typed, and nobody comes back to it
        return f"{len(jobs)} tasks on this machine were stopped."


class SlurmTasks(Tasks):
    """Tasks of Slurm, a job array. Whether they are still there is asked of the queue, which needs no accounting."""

    every = 2.0

    def __init__(self, settings: ClusterSettings, folder: Path) -> None:
        super().__init__(settings, folder)
        self._states: dict[str, tuple[str, str]] = {}
        self._looked = self._answered = -QUEUE_EVERY
        self._absent: dict[str, float] = {}  # since when

    def room(self, running: int) -> int:
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
        self._looked = time.monotonic()  # the queue shows them soon, not at once
        return jobs

    @property
    def has_answer(self) -> bool:
        """Whether the queue answered when it was last asked: only then is a task that was not in it known to have left."""
        return self._answered == self._looked

    def attach(self, job_id: str) -> Any | None:
        """Return a task that an earlier command has submitted, if it is still in the queue."""
        import submitit

        if time.monotonic() - self._looked >= QUEUE_EVERY:
            self._ask()
        return submitit.SlurmJob(folder=self.folder, job_id=job_id, tasks=[0]) if job_id in self._states else None

    def look(self, jobs: Sequence[Any]) -> str:
        if time.monotonic() - self._looked >= QUEUE_EVERY and self._ask():
            for job in jobs:
                if job.job_id in self._states:
                    self._absent.pop(job.job_id, None)
                else:
                    self._absent.setdefault(job.job_id, self._looked)
        words = [self._words(job.job_id) for job in jobs]
        return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))

    def end(self, job: Any) -> str | None:
        since = self._absent.get(job.job_id)
        if since is None or self._answered - since < GRACE:
            return None
        return how_it_ended(job.job_id) or "it left the queue, and neither scontrol nor sacct says why"

    def let_go(self, jobs: Sequence[Any]) -> str:
        arrays = " ".join(dict.fromkeys(job.job_id.partition("_")[0] for job in jobs))
        return f"{len(jobs)} tasks go on in Slurm's queue, and the same command waits for them again; scancel {arrays} ends them."

    def _words(self, job_id: str) -> str:
        if job_id not in self._states:
            return "out of the queue" if job_id in self._absent else "submitted"
        state, reason = self._states[job_id]
        return f"{state.lower()} ({reason})" if reason not in ("None", "") else state.lower()

    def _ask(self) -> bool:
        """Ask what is in the queue, and return whether there was an answer; without one, what was known stays known."""
        found = asked("squeue", "-h", "-r", "-u", str(os.getuid()), "-o", "%i|%T|%r")
        self._looked = time.monotonic()
        if found is not None:
            self._answered = self._looked
            lines = [line.strip().split("|", 2) for line in found.splitlines() if line.count("|") >= 2]
            self._states = {job_id: (state, reason) for job_id, state, reason in lines}
        return found is not None


def how_it_ended(job_id: str) -> str:
    """Return what Slurm says of a task that is no longer in the queue, e.g. ``OUT_OF_MEMORY, exit code 0:125``; empty if nothing."""
    shown = asked("scontrol", "show", "job", "-o", job_id) or ""  # for some minutes after the end, and without accounting
    words = dict(word.partition("=")[::2] for word in shown.split() if "=" in word)
    state, code = words.get("JobState", ""), words.get("ExitCode", "")
    if not state:
        told = (asked("sacct", "-n", "-X", "-P", "-o", "State,ExitCode", "-j", job_id) or "").strip().splitlines()
        state, _, code = told[-1].partition("|") if told else ("", "", "")
    return f"{state}, exit code {code}" if state else ""


def asked(*command: str) -> str | None:
    """Return the output of one of Slurm's programs; None if it is not there, fails, or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
