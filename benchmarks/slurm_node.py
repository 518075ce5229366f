"""A real Slurm of one node, with accounting or without, in a folder of its own: installed, started and stopped as root on Debian."""

import os
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PACKAGES = {"slurmctld": "slurm-wlm", "slurmd": "slurm-wlm", "munged": "munge"}  # program: where it is from
FOR_ACCOUNTING = {"slurmdbd": "slurmdbd", "mariadbd": "mariadb-server"}
PORT = 3399  # of a MariaDB that is ours
MINUTE = 60.0
LONGEST = 8 * MINUTE  # for one command; one that takes longer hangs
Value = TypeVar("Value")


def until(event: str, look: Callable[[], Value | None], seconds: float = LONGEST) -> Value:
    """Return what `look` finds as soon as it finds anything; stop the program if that takes too long."""
    end = time.monotonic() + seconds
    while not (value := look()):
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:.0f} s for {event}.")
        time.sleep(0.2)
    return value


def output_of(*command: str) -> str:
    """Return the output of a command, empty if it fails."""
    completed = subprocess.run(command, capture_output=True, text=True, timeout=2 * MINUTE, check=False)
    return completed.stdout if completed.returncode == 0 else ""


def succeeds(*command: str) -> bool:
    """Return whether a command succeeds."""
    return subprocess.run(command, capture_output=True, timeout=2 * MINUTE, check=False).returncode == 0


class OneNode:
    """A Slurm of one node, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")

    def install(self, accounting: bool) -> None:
        """Install what is missing."""
        packages = PACKAGES | FOR_ACCOUNTING if accounting else PACKAGES
        missing = sorted({package for program, package in packages.items() if shutil.which(program) is None})
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
            for runtime_folder in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
                Path(runtime_folder).mkdir(exist_ok=True)
                shutil.chown(runtime_folder, "munge", "munge")
            self._begin("munged", "runuser", "-u", "munge", "--", "munged", "--foreground", "--force")
            until("munge", lambda: Path("/run/munge/munge.socket.2").exists(), 30)
        (self.folder / "slurm.conf").write_text(self._settings(accounting))
        if accounting:
            self._start_accounting()
        self._begin("slurmctld", "slurmctld", "-D")
        self._begin("slurmd", "slurmd", "-D")
        until("the node", lambda: output_of("sinfo", "-h", "-o", "%t").strip() == "idle", 60)

    def _start_accounting(self) -> None:
        data = self.folder / "sql"
        socket = data / "socket"  # a folder of MariaDB's own user
        output_of("mariadb-install-db", f"--datadir={data}", "--user=mysql", "--auth-root-authentication-method=normal")
        words = (f"--datadir={data}", f"--socket={socket}", f"--port={PORT}", "--bind-address=127.0.0.1", f"--pid-file={data}/pid")
        self._begin("mariadbd", "mariadbd", "--no-defaults", "--user=mysql", *words)
        until("MariaDB", socket.exists, 60)
        grant = "CREATE DATABASE slurm; CREATE USER slurm@localhost IDENTIFIED BY 'one'; GRANT ALL ON slurm.* TO slurm@localhost;"
        grant += grant.partition(";")[2].replace("localhost", "127.0.0.1")
        until("the database", lambda: succeeds("mariadb", f"--socket={socket}", "-u", "root", "-e", grant), 30)
        settings = self.folder / "slurmdbd.conf"
        settings.write_text(
            f"AuthType=auth/munge\nDbdHost=localhost\nSlurmUser=root\nPidFile={self.folder}/slurmdbd.pid\nLogFile={self.folder}/slurmdbd.log\n"
            f"StorageType=accounting_storage/mysql\nStorageHost=127.0.0.1\nStoragePort={PORT}\nStorageUser=slurm\nStoragePass=one\n"
            "StorageLoc=slurm\n"
        )
        settings.chmod(0o600)
        self._begin("slurmdbd", "slurmdbd", "-D")
        until("accounting", lambda: succeeds("sacctmgr", "-i", "add", "cluster", "one"), 60)

    def _settings(self, accounting: bool) -> str:
        host, here = platform.node(), self.folder
        memory = int(0.9 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20)
        accounting_lines = "slurmdbd\nAccountingStorageHost=localhost\nJobAcctGatherType=jobacct_gather/linux" if accounting else "none"
        return (
            f"ClusterName=one\nSlurmctldHost={host}(127.0.0.1)\nAuthType=auth/munge\nSlurmUser=root\nSlurmdUser=root\n"
            f"StateSaveLocation={here}/ctld\nSlurmdSpoolDir={here}/d\nSlurmctldPidFile={here}/ctld.pid\nSlurmdPidFile={here}/d.pid\n"
            f"SlurmctldLogFile={here}/ctld.log\nSlurmdLogFile={here}/d.log\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
            "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nMpiDefault=none\nReturnToService=2\nKillWait=3\n"
            f"AccountingStorageType=accounting_storage/{accounting_lines}\n"
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
