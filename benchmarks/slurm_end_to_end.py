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
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pandas as pd

from benchmarks.kill_and_resume import finished, tables

REPOSITORY = Path(__file__).resolve().parent.parent
RESULT = REPOSITORY / "benchmarks" / "results" / "slurm_end_to_end.txt"
PACKAGES = {"slurmctld": "slurm-wlm", "slurmd": "slurm-wlm", "munged": "munge"}  # program: where it is from
FOR_ACCOUNTING = {"slurmdbd": "slurmdbd", "mariadbd": "mariadb-server"}
SWEEP = ["-m", "width=64,128", "depth=1,2", "seed=0,1,2", "training.epochs=600", "training.checkpoint_seconds=2"]
JOBS, TASKS, JOBS_PER_TASK = 12, 4, 3
ON_SLURM = [
    "hydra/launcher=slurm",
    "hydra.launcher.timeout_min=20",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.mem_gb=3",
    "hydra.launcher.networks_per_task=6",
    "hydra.launcher.least_minutes=0",
]
PORT = 3399  # of a MariaDB that is ours
MINUTE = 60.0
LONGEST = 8 * MINUTE  # for one command; one that takes longer hangs
Found = TypeVar("Found")
verdicts: list[bool] = []


def say(line: str) -> None:
    """Print a line, and keep it."""
    print(line, flush=True)
    with RESULT.open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")


def check(what: str, held: bool) -> None:
    """Say whether something held."""
    verdicts.append(held)
    say(f"  {'ok' if held else 'NOT SO'}: {what}")


def until(what: str, found: Callable[[], Found | None], seconds: float = LONGEST) -> Found:
    """Return what is found, when it is; stop the program if that takes too long."""
    end = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:.0f} s for {what}.")
        time.sleep(0.2)
    return value


class OneNode:
    """A Slurm of one node, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")

    def install(self, accounting: bool) -> None:
        """Install what is missing."""
        wanted = PACKAGES | FOR_ACCOUNTING if accounting else PACKAGES
        missing = sorted({package for program, package in wanted.items() if shutil.which(program) is None})
        if not missing:
            return
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (("update", "-q"), ("install", "-yq", "--no-install-recommends", *missing)):
            subprocess.run(["apt-get", *command], env=quiet, stdout=subprocess.DEVNULL, check=True, timeout=10 * MINUTE)

    def start(self, accounting: bool) -> None:
        """Start the daemons, and wait for the node."""
        for name in ("ctld", "d"):
            (self.folder / name).mkdir(exist_ok=True)
        if subprocess.run("munge -n | unmunge", shell=True, capture_output=True, check=False).returncode != 0:
            for place in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
                Path(place).mkdir(exist_ok=True)
                shutil.chown(place, "munge", "munge")
            self._begin("munged", "runuser", "-u", "munge", "--", "munged", "--foreground", "--force")
            until("munge", lambda: Path("/run/munge/munge.socket.2").exists(), 30)
        (self.folder / "slurm.conf").write_text(self._settings(accounting))
        if accounting:
            self._start_accounting()
        self._begin("slurmctld", "slurmctld", "-D")
        self._begin("slurmd", "slurmd", "-D")
        until("the node", lambda: asked("sinfo", "-h", "-o", "%t").strip() == "idle", 60)

    def _start_accounting(self) -> None:
        data = self.folder / "sql"
        socket = data / "socket"  # a folder of MariaDB's own user
        asked("mariadb-install-db", f"--datadir={data}", "--user=mysql", "--auth-root-authentication-method=normal")
        words = (f"--datadir={data}", f"--socket={socket}", f"--port={PORT}", "--bind-address=127.0.0.1", f"--pid-file={data}/pid")
        self._begin("mariadbd", "mariadbd", "--no-defaults", "--user=mysql", *words)
        until("MariaDB", socket.exists, 60)
        grant = "CREATE DATABASE slurm; CREATE USER slurm@localhost IDENTIFIED BY 'one'; GRANT ALL ON slurm.* TO slurm@localhost;"
        grant += grant.partition(";")[2].replace("localhost", "127.0.0.1")
        until("the database", lambda: done("mariadb", f"--socket={socket}", "-u", "root", "-e", grant), 30)
        settings = self.folder / "slurmdbd.conf"
        settings.write_text(
            f"AuthType=auth/munge\nDbdHost=localhost\nSlurmUser=root\nPidFile={self.folder}/slurmdbd.pid\nLogFile={self.folder}/slurmdbd.log\n"
            f"StorageType=accounting_storage/mysql\nStorageHost=127.0.0.1\nStoragePort={PORT}\nStorageUser=slurm\nStoragePass=one\n"
            "StorageLoc=slurm\n"
        )
        settings.chmod(0o600)
        self._begin("slurmdbd", "slurmdbd", "-D")
        until("accounting", lambda: done("sacctmgr", "-i", "add", "cluster", "one"), 60)

    def _settings(self, accounting: bool) -> str:
        host, here = platform.node(), self.folder
        memory = int(0.9 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20)
        kept = "slurmdbd\nAccountingStorageHost=localhost\nJobAcctGatherType=jobacct_gather/linux" if accounting else "none"
        return (
            f"ClusterName=one\nSlurmctldHost={host}(127.0.0.1)\nAuthType=auth/munge\nSlurmUser=root\nSlurmdUser=root\n"
            f"StateSaveLocation={here}/ctld\nSlurmdSpoolDir={here}/d\nSlurmctldPidFile={here}/ctld.pid\nSlurmdPidFile={here}/d.pid\n"
            f"SlurmctldLogFile={here}/ctld.log\nSlurmdLogFile={here}/d.log\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
            "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nMpiDefault=none\nReturnToService=2\nKillWait=3\n"
            f"AccountingStorageType=accounting_storage/{kept}\n"
            f"NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={memory} State=UNKNOWN\n"
            f"PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP\n"
        )

    def _begin(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)

    def stop(self, *names: str) -> None:
        """Stop daemons, all if none is named, in the reverse of the order in which they were started."""
        for name in reversed(list(self.daemons)):
            if names and name not in names:
                continue
            daemon = self.daemons.pop(name)
            for gently in (True, False):
                if gently:
                    daemon.terminate()
                else:
                    os.killpg(daemon.pid, signal.SIGKILL)
                try:
                    daemon.wait(20)
                    break
                except subprocess.TimeoutExpired:
                    continue


def asked(*command: str) -> str:
    """Return the output of a command, empty if it fails."""
    came = subprocess.run(command, capture_output=True, text=True, timeout=2 * MINUTE, check=False)
    return came.stdout if came.returncode == 0 else ""


def done(*command: str) -> bool:
    """Return whether a command succeeds."""
    return subprocess.run(command, capture_output=True, timeout=2 * MINUTE, check=False).returncode == 0


class Run:
    """The sweep as a command, in a folder of its own."""

    def __init__(self, where: Path, *words: str) -> None:
        where.mkdir(exist_ok=True)
        self.where, self.begun = where, time.monotonic()
        self._told = where / f"told-{len(list(where.glob('told-*')))}.txt"
        command = [sys.executable, "-m", "lmc_sweeps", *SWEEP, *words, f"hydra.sweep.dir={where / 'sweep'}"]
        own = {"LMC_SWEEPS_STORE": str(where / "store"), "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        with self._told.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=where, env=os.environ | own, stdout=out, stderr=out, start_new_session=True)

    def end(self) -> int:
        """Wait for the command, and return its exit status; -9 if it hangs."""
        try:
            return self.process.wait(max(1.0, LONGEST - (time.monotonic() - self.begun)))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()

    def told(self) -> str:
        """Return what the command has said so far."""
        return self._told.read_text()

    def in_training(self) -> list[tuple[str, int]]:
        """Return the tasks that have kept half-trained networks and are not half through, with the numbers of their processes."""
        found = []
        for task, pid in task_processes():
            log = self.where / "sweep" / "tasks" / f"{task}_0_log.out"
            said = log.read_text().rpartition("Starting with")[2] if log.is_file() else ""
            kept = re.findall(r"kept \d+ networks at step (\d+) of (\d+)", said)
            if kept and 2 * int(kept[-1][0]) < int(kept[-1][1]):
                found.append((task, pid))
        return found


def task_processes() -> list[tuple[str, int]]:
    """Return the tasks of Slurm that run on this machine, by name, and the number of the process that does the work of each."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if b"submitit.core._submit" not in place.joinpath("cmdline").read_bytes() or b"srun" in place.joinpath("cmdline").read_bytes():
                continue
            own = dict(pair.partition("=")[::2] for pair in place.joinpath("environ").read_text().split("\0"))
        except OSError:  # it has ended meanwhile
            continue
        if own.get("SLURM_STEP_ID"):
            found.append((f"{own['SLURM_ARRAY_JOB_ID']}_{own['SLURM_ARRAY_TASK_ID']}", int(place.name)))
    return sorted(found)


def failures(where: Path) -> pd.DataFrame:
    """Return what the sweep's table of failures holds."""
    return pd.read_csv(where / "sweep" / "analysis" / "failures.csv", dtype=str)


def compare(where: Path, calm: Path) -> None:
    """Check that a sweep ended as the undisturbed one did."""
    found, expected = tables(where), tables(calm)
    for name, table in expected.items():
        check(f"{name}.csv is the undisturbed run's", found[name] == table)
    networks, others = ({path.name: path.read_bytes() for path in place.glob("store/*/*.safetensors")} for place in (calm, where))
    check(f"the {len(networks)} networks are the undisturbed run's, byte for byte", networks == others and len(networks) == 2 * JOBS)


def kill_one_task(where: Path, calm: Path) -> None:
    """Kill the process of a task while it trains; then give the same command again."""
    run = Run(where, *ON_SLURM)
    task, pid = until("a half-trained task", lambda: next(iter(run.in_training()), None))
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    code = run.end()
    say(f"  task {task} was killed (SIGKILL) in training; the command ended after {time.monotonic() - killed:.0f} s with status {code}")
    log = where / "sweep" / "tasks" / f"{task}_0_log.err"
    said = [line for line in run.told().splitlines() if line.startswith("[") and f"task {task} ended without a result" in line]
    for line in said[:1]:
        say(f"  it says: {line.replace(str(where), 'DIR')}")
    check("the command ended by itself, with status 1", code == 1)
    named = len(said) == JOBS_PER_TASK and all(str(log) in line for line in said)
    check(f"it names the log of the task for each of its {JOBS_PER_TASK} jobs", named and log.is_file())
    table = failures(where)
    written = len(table) == JOBS_PER_TASK and bool(table["sentence"].str.contains(str(log), regex=False).all())
    check("failures.csv has these jobs and no other, with the log", written)
    check(f"the other {JOBS - JOBS_PER_TASK} jobs finished", f"{JOBS - JOBS_PER_TASK} of {JOBS} jobs found." in run.told())
    before = finished(where)
    again = Run(where, *ON_SLURM)
    code = again.end()
    say(f"  the same command again took {time.monotonic() - again.begun:.0f} s")
    check("the same command again ends with status 0", code == 0)
    went_on = went_on_from(where)
    check(f"it went on with half-trained networks ({'; '.join(went_on)})", bool(went_on))
    now = finished(where)
    failed_records = {path for path in before if path.parent.name in set(table["run_id"])}
    check("nothing finished was written again", all(now[path] == stamp for path, stamp in before.items() if path not in failed_records))
    compare(where, calm)


def went_on_from(where: Path) -> list[str]:
    """Return what tasks said when they went on with half-trained networks."""
    logs = sorted((where / "sweep" / "tasks").glob("*_log.out"))
    return [found for log in logs for found in re.findall(r"going on with \d+ networks at step \d+", log.read_text())]


def pending(pid: int) -> bool:
    """Return whether a process has one of Slurm's signals to stop, and has not handled it."""
    stopping = 1 << (signal.SIGUSR2 - 1) | 1 << (signal.SIGTERM - 1)
    try:
        masks = re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return False
    return any(int(mask, 16) & stopping for mask in masks)


def come_back(run: Run, act: str, earlier: list[str]) -> str:
    """Make a task that trains, and is none of the earlier ones, stop and go into the queue again; return its name."""
    task, pid = until("a half-trained task", lambda: next((found for found in run.in_training() if found[0] not in earlier), None))
    # Held still until Slurm's signal is there, for its training may be over sooner than Slurm looks at the clock
    os.kill(pid, signal.SIGSTOP)
    check(f"{act}{task}", done(*f"{act}{task}".split()))
    until("the signal, or the end, of the task", lambda: pending(pid) or not Path(f"/proc/{pid}").exists())
    if Path(f"/proc/{pid}").exists():
        os.kill(pid, signal.SIGCONT)
    until("the task to stop", lambda: not Path(f"/proc/{pid}").exists())
    done("scontrol", "update", "TimeLimit=20", f"JobId={task}")  # or it would run out of time again
    return task


def requeue(where: Path, calm: Path) -> None:
    """Interrupt the launcher, wait again, and put two tasks into the queue again: one runs out of time, one by Slurm."""
    run = Run(where, *ON_SLURM)
    until("a task that runs", task_processes)
    os.killpg(run.process.pid, signal.SIGINT)
    code = run.end()
    array = re.search(r"scancel (\d+)", run.told())
    check("Ctrl-C ends the command with status 130 and says how to end its tasks", code == 130 and array is not None)
    check("the tasks go on", bool(task_processes()))
    run = Run(where, *ON_SLURM)
    tasks = [come_back(run, "scontrol requeue ", [])]
    # Of two minutes the last one and a half are for stopping: it runs out of time
    tasks.append(come_back(run, "scontrol update TimeLimit=2 JobId=", tasks))
    code = run.end()
    waited = f"{JOBS} jobs are in {TASKS} tasks that an earlier command submitted" in run.told()
    check("the same command waited for the tasks that were there and submitted none", waited and "tasks of slurm" not in run.told())
    check("it ends with status 0", code == 0)
    for task in tasks:
        log = (where / "sweep" / "tasks" / f"{task}_0_log.out").read_text()
        found = re.findall(r"going on with \d+ networks at step \d+", log)
        starts = log.count("Starting with")
        check(f"task {task} started {starts} times and went on ({'; '.join(found)})", starts == 2 and bool(found))
    compare(where, calm)


def main() -> None:
    """Start Slurm, disturb sweeps, and say what was seen."""
    RESULT.write_text("")
    version = asked("lsb_release", "-ds").strip() or f"Debian {Path('/etc/debian_version').read_text().strip()}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # MariaDB is another user
        slurm = OneNode(folder)
        try:
            slurm.install(accounting=True)
            say(f"{asked('slurmctld', '-V').strip()}, {version}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
            say(f"python -m lmc_sweeps {' '.join([*SWEEP, *ON_SLURM])}")
            calm = Run(folder / "calm")
            if calm.end() != 0:
                raise SystemExit(f"the undisturbed sweep failed: {calm.told()}")
            say(f"undisturbed, hydra/launcher=batched on this machine: {time.monotonic() - calm.begun:.0f} s, {JOBS} jobs")
            slurm.start(accounting=True)
            say("with accounting (slurmdbd, MariaDB): a task is killed")
            kill_one_task(folder / "killed", calm.where)
            say("with accounting: the launcher is interrupted, tasks are put into the queue again")
            requeue(folder / "requeued", calm.where)
            slurm.stop("slurmd", "slurmctld", "slurmdbd", "mariadbd")
            slurm.start(accounting=False)
            check("sacct does not work now", not done("sacct"))
            say("without accounting (accounting_storage/none): a task is killed")
            kill_one_task(folder / "bare", calm.where)
            say("without accounting: the launcher is interrupted, tasks are put into the queue again")
            requeue(folder / "bare_requeued", calm.where)
        except BaseException:
            for log in sorted(folder.glob("*.log")):
                say(f"the end of {log.name}:\n{log.read_text()[-2000:]}")
            raise
        finally:
            done("scancel", "--user", "root")
            time.sleep(5)
            slurm.stop()
    say(f"{sum(verdicts)} of {len(verdicts)} checks held.")
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
