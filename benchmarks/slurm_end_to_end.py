"""A sweep on a real one-node Slurm, disturbed in every way that matters, compared with an undisturbed run on this machine.

    python -m benchmarks.slurm_end_to_end

Runs as root on Debian: installs Slurm, its accounting and MariaDB by apt-get, starts their daemons with a configuration of its own in a
temporary folder (nothing in /etc is written), and stops what it has started. Checked, with accounting and without: a task that is killed
is reported with its log while the others finish, and the same command goes on; a task that is put into the queue again, by Slurm or by
the time-out, goes on from its half-trained networks; a launcher that is interrupted leaves its tasks running, and the same command waits
for them. Every end is that of the undisturbed run, byte for byte (time columns aside). What is said goes to
`benchmarks/results/slurm_end_to_end.txt` too; the exit status tells whether all of it held.
"""

import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.kill_and_resume import finished, tables
from benchmarks.slurm_node import OneNode, output_of, succeeds, until
from benchmarks.slurm_runs import REPOSITORY, SWEEP, Run, pending, task_processes, went_on_from

RESULT = REPOSITORY / "benchmarks" / "results" / "slurm_end_to_end.txt"
JOBS, TASKS, JOBS_PER_TASK = 12, 4, 3
ON_SLURM = [
    "hydra/launcher=slurm",
    "hydra.launcher.timeout_min=20",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.mem_gb=3",
    "hydra.launcher.networks_per_task=6",
    "hydra.launcher.least_minutes=0",
]
verdicts: list[bool] = []


def say(line: str) -> None:
    """Print a line, and keep it."""
    print(line, flush=True)
    with RESULT.open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")


def check(claim: str, held: bool) -> None:
    """Say whether something held."""
    verdicts.append(held)
    say(f"  {'ok' if held else 'NOT SO'}: {claim}")


def failures(folder: Path) -> pd.DataFrame:
    """Return what the sweep's table of failures holds."""
    return pd.read_csv(folder / "sweep" / "analysis" / "failures.csv", dtype=str)


def compare(folder: Path, calm: Path) -> None:
    """Check that a sweep ended as the undisturbed one did."""
    measured, expected = tables(folder), tables(calm)
    for name, table in expected.items():
        check(f"{name}.csv is the undisturbed run's", measured[name] == table)
    networks, others = ({path.name: path.read_bytes() for path in each.glob("store/*/*.safetensors")} for each in (calm, folder))
    check(f"the {len(networks)} networks are the undisturbed run's, byte for byte", networks == others and len(networks) == 2 * JOBS)


def kill_one_task(folder: Path, calm: Path) -> None:
    """Kill the process of a task while it trains; then give the same command again."""
    run = Run(folder, *ON_SLURM)
    task, pid = until("a half-trained task", lambda: next(iter(run.in_training()), None))
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    code = run.end()
    say(f"  task {task} was killed (SIGKILL) in training; the command ended after {time.monotonic() - killed:.0f} s with status {code}")
    log = folder / "sweep" / "tasks" / f"{task}_0_log.err"
    sentences = [line for line in run.printed().splitlines() if line.startswith("[") and f"task {task} ended without a result" in line]
    for line in sentences[:1]:
        say(f"  it says: {line.replace(str(folder), 'DIR')}")
    check("the command ended by itself, with status 1", code == 1)
    named = len(sentences) == JOBS_PER_TASK and all(str(log) in line for line in sentences)
    check(f"it names the log of the task for each of its {JOBS_PER_TASK} jobs", named and log.is_file())
    table = failures(folder)
    written = len(table) == JOBS_PER_TASK and bool(table["sentence"].str.contains(str(log), regex=False).all())
    check("failures.csv has these jobs and no other, with the log", written)
    check(f"the other {JOBS - JOBS_PER_TASK} jobs finished", f"{JOBS - JOBS_PER_TASK} of {JOBS} jobs found." in run.printed())
    before = finished(folder)
    again = Run(folder, *ON_SLURM)
    code = again.end()
    say(f"  the same command again took {time.monotonic() - again.begun:.0f} s")
    check("the same command again ends with status 0", code == 0)
    went_on = went_on_from(folder)
    check(f"it went on with half-trained networks ({'; '.join(went_on)})", bool(went_on))
    now = finished(folder)
    failed_records = {path for path in before if path.parent.name in set(table["run_id"])}
    check("nothing finished was written again", all(now[path] == stamp for path, stamp in before.items() if path not in failed_records))
    compare(folder, calm)


def come_back(run: Run, act: str, earlier: list[str]) -> str:
    """Make a task that trains, and is none of the earlier ones, stop and go into the queue again; return its name."""
    task, pid = until("a half-trained task", lambda: next((task for task in run.in_training() if task[0] not in earlier), None))
    # Held still until Slurm's signal is there, for its training may be over sooner than Slurm looks at the clock
    os.kill(pid, signal.SIGSTOP)
    check(f"{act}{task}", succeeds(*f"{act}{task}".split()))
    until("the signal, or the end, of the task", lambda: pending(pid) or not Path(f"/proc/{pid}").exists())
    if Path(f"/proc/{pid}").exists():
        os.kill(pid, signal.SIGCONT)
    until("the task to stop", lambda: not Path(f"/proc/{pid}").exists())
    succeeds("scontrol", "update", "TimeLimit=20", f"JobId={task}")  # or it would run out of time again
    return task


def requeue(folder: Path, calm: Path) -> None:
    """Interrupt the launcher, wait again, and put two tasks into the queue again: one runs out of time, one by Slurm."""
    run = Run(folder, *ON_SLURM)
    until("a task that runs", task_processes)
    os.killpg(run.process.pid, signal.SIGINT)
    code = run.end()
    array = re.search(r"scancel (\d+)", run.printed())
    check("Ctrl-C ends the command with status 130 and says how to end its tasks", code == 130 and array is not None)
    check("the tasks go on", bool(task_processes()))
    run = Run(folder, *ON_SLURM)
    tasks = [come_back(run, "scontrol requeue ", [])]
    # Of two minutes the last one and a half are for stopping: it runs out of time
    tasks.append(come_back(run, "scontrol update TimeLimit=2 JobId=", tasks))
    code = run.end()
    waited = f"{JOBS} jobs are in {TASKS} tasks that an earlier command submitted" in run.printed()
    check("the same command waited for the tasks that were there and submitted none", waited and "tasks of slurm" not in run.printed())
    check("it ends with status 0", code == 0)
    for task in tasks:
        log = (folder / "sweep" / "tasks" / f"{task}_0_log.out").read_text()
        resumptions = re.findall(r"going on with \d+ networks at step \d+", log)
        starts = log.count("Starting with")
        check(f"task {task} started {starts} times and went on ({'; '.join(resumptions)})", starts == 2 and bool(resumptions))
    compare(folder, calm)


def main() -> None:
    """Start Slurm, disturb sweeps, and say what was seen."""
    RESULT.write_text("")
    version = output_of("lsb_release", "-ds").strip() or f"Debian {Path('/etc/debian_version').read_text().strip()}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # MariaDB is another user
        slurm = OneNode(folder)
        try:
            slurm.install(accounting=True)
            say(f"{output_of('slurmctld', '-V').strip()}, {version}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
            say(f"python -m lmc_sweeps {' '.join([*SWEEP, *ON_SLURM])}")
            calm = Run(folder / "calm")
            if calm.end() != 0:
                raise SystemExit(f"the undisturbed sweep failed: {calm.printed()}")
            say(f"undisturbed, hydra/launcher=batched on this machine: {time.monotonic() - calm.begun:.0f} s, {JOBS} jobs")
            slurm.start(accounting=True)
            say("with accounting (slurmdbd, MariaDB): a task is killed")
            kill_one_task(folder / "killed", calm.folder)
            say("with accounting: the launcher is interrupted, tasks are put into the queue again")
            requeue(folder / "requeued", calm.folder)
            slurm.stop("slurmd", "slurmctld", "slurmdbd", "mariadbd")
            slurm.start(accounting=False)
            check("sacct does not work now", not succeeds("sacct"))
            say("without accounting (accounting_storage/none): a task is killed")
            kill_one_task(folder / "bare", calm.folder)
            say("without accounting: the launcher is interrupted, tasks are put into the queue again")
            requeue(folder / "bare_requeued", calm.folder)
        except BaseException:
            for log in sorted(folder.glob("*.log")):
                say(f"the end of {log.name}:\n{log.read_text()[-2000:]}")
            raise
        finally:
            succeeds("scancel", "--user", "root")
            time.sleep(5)
            slurm.stop()
    say(f"{sum(verdicts)} of {len(verdicts)} checks held.")
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
