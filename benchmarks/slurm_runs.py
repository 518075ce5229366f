"""The sweep of `slurm_end_to_end` as a command, and its tasks of Slurm on this machine, as /proc and their logs show them."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.slurm_node import LONGEST

REPOSITORY = Path(__file__).resolve().parent.parent
SWEEP = ["-m", "width=64,128", "depth=1,2", "seed=0,1,2", "training.epochs=600", "training.checkpoint_seconds=2"]


class Run:
    """The sweep as a command, in a folder of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.begun = folder, time.monotonic()
        self._output = folder / f"told-{len(list(folder.glob('told-*')))}.txt"
        command = [sys.executable, "-m", "lmc_sweeps", *SWEEP, *words, f"hydra.sweep.dir={folder / 'sweep'}"]
        own = {"LMC_SWEEPS_STORE": str(folder / "store"), "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        with self._output.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=folder, env=os.environ | own, stdout=out, stderr=out, start_new_session=True)

    def end(self) -> int:
        """Wait for the command, and return its exit status; -9 if it hangs."""
        try:
            return self.process.wait(max(1.0, LONGEST - (time.monotonic() - self.begun)))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()

    def printed(self) -> str:
        """Return what the command has said so far."""
        return self._output.read_text()

    def in_training(self) -> list[tuple[str, int]]:
        """Return the tasks that have kept half-trained networks and are not half through, with the numbers of their processes."""
        waiting = []
        for task, pid in task_processes():
            log = self.folder / "sweep" / "tasks" / f"{task}_0_log.out"
            log_text = log.read_text().rpartition("Starting with")[2] if log.is_file() else ""
            steps = re.findall(r"kept \d+ networks at step (\d+) of (\d+)", log_text)
            if steps and 2 * int(steps[-1][0]) < int(steps[-1][1]):
                waiting.append((task, pid))
        return waiting


def task_processes() -> list[tuple[str, int]]:
    """Return the tasks of Slurm that run on this machine, by name, and the number of the process that does the work of each."""
    tasks = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = process.joinpath("cmdline").read_bytes()
            if b"submitit.core._submit" not in command or b"srun" in command:
                continue
            own = dict(pair.partition("=")[::2] for pair in process.joinpath("environ").read_text().split("\0"))
        except OSError:  # it has ended meanwhile
            continue
        if own.get("SLURM_STEP_ID"):
            tasks.append((f"{own['SLURM_ARRAY_JOB_ID']}_{own['SLURM_ARRAY_TASK_ID']}", int(process.name)))
    return sorted(tasks)


def pending(pid: int) -> bool:
    """Return whether a process has one of Slurm's signals to stop, and has not handled it."""
    stopping = 1 << (signal.SIGUSR2 - 1) | 1 << (signal.SIGTERM - 1)
    try:
        masks = re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return False
    return any(int(mask, 16) & stopping for mask in masks)


def went_on_from(folder: Path) -> list[str]:
    """Return what tasks said when they went on with half-trained networks."""
    logs = sorted((folder / "sweep" / "tasks").glob("*_log.out"))
    return [line for log in logs for line in re.findall(r"going on with \d+ networks at step \d+", log.read_text())]
