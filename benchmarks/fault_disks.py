"""Faults of disks: full ones and read-only ones, mounted in memory, which needs the rights of root."""

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import multirun_analysis.__main__
from benchmarks.fault_runs import Calm, Command, Completed, finished, networks, rewritten, run
from benchmarks.fault_tally import Tally

ADVICE = "he same command|must be a folder that can be written|tries again"  # one of these is in a clear message


def mount(folder: Path, options: str) -> bool:
    """Mount a disk in memory on a folder, or change the one that is there; that needs the rights of root."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False).returncode == 0


def unmount(folder: Path) -> None:
    """Take the disk away again."""
    subprocess.run(["umount", str(folder)], check=True)


def full_disk(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Give the sweep's folder, or the store, a disk that fills up, then more room."""
    tally = Tally("full disk", r"No space left on device")
    for name, sizes in (("sweep", (12, 48, 96, 144, 192, 256)), ("store", (8, 16, 24, 40))):
        for size in sizes:
            folder = scratch / f"full_{name}_{size}"
            if not mount(folder / name, f"size={size}k"):
                tally.sentence = "no disk can be mounted here"
                return tally
            completed = run(folder)
            right = _is_right(completed, calm, folder, name)
            clear = name == "store" or re.search(ADVICE, completed.printed) is not None
            message = completed.printed if clear else f"Traceback? {completed.printed}"
            tally.note(message, wrong=not right, case=f"{name} of {size} KiB, {completed.status}")
            subprocess.run(["mount", "-o", "remount,size=50m", str(folder / name)], check=True)
            written = finished(folder)
            tally.end(run(folder), lost=rewritten(written, folder), wrong=not calm.equals_tables(folder) or not calm.holds(folder))
            unmount(folder / name)
    return tally


def read_only(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Let folders be read-only: from the start, half-way, when all is done, for the analysis alone, and for another user."""
    tally = Tally(
        "read-only folder", r"(cannot be kept in the store|must be a folder that can be written|cannot be written).*(Read-only|Permission)"
    )
    for name in ("store", "sweep"):
        for half_way in (False, True):
            folder = scratch / f"ro_{tally.injected}"
            if not mount(folder / name, "size=50m"):
                tally.sentence = "no disk can be mounted here"
                return tally
            if half_way:
                command = Command(folder)
                _ = command.wait(rng.uniform(0.3, 0.7) * calm.seconds) or command.end(signal.SIGTERM)
            _note_read_only(tally, calm, folder, name)
            unmount(folder / name)
    folder = scratch / "ro_done"
    mount(folder / "sweep", "size=50m")
    run(folder)
    for before in (lambda: None, _analysis):
        subprocess.run(["mount", "-o", "remount,ro", str(folder / "sweep")], check=True)
        completed = run(folder, before=before)
        tally.note(completed.printed, wrong=completed.status == 0 or not calm.equals(folder), case=f"finished, {completed.status}")
    unmount(folder / "sweep")
    if os.getuid() == 0:
        for name in ("store", "sweep"):
            folder = scratch / f"ro_{tally.injected}"
            for part in (folder / "store", folder / "sweep"):
                part.mkdir(parents=True)
                os.chown(part, 0 if part.name == name else 65534, -1)
            completed = run(folder, before=lambda: os.setuid(65534))
            right = (completed.status == 0 and calm.equals_tables(folder)) if name == "store" else completed.status != 0
            tally.note(completed.printed, wrong=not right, case=f"{name} of another user, {completed.status}")
            tally.end(run(folder), lost=False, wrong=not calm.equals_tables(folder))
    return tally


def _note_read_only(tally: Tally, calm: Calm, folder: Path, name: str) -> None:
    written = finished(folder)
    subprocess.run(["mount", "-o", "remount,ro", str(folder / name)], check=True)
    completed = run(folder)
    right = _is_right(completed, calm, folder, name)
    is_complete = name == "store" and len(networks(folder)) == len(networks(calm.folder))  # then nothing is to be written
    message = None if is_complete else completed.printed
    tally.note(message, lost=rewritten(written, folder), wrong=not right, case=f"{name}, {completed.status}")
    subprocess.run(["mount", "-o", "remount,rw", str(folder / name)], check=True)
    tally.end(run(folder), lost=rewritten(written, folder), wrong=not calm.equals_tables(folder) or not calm.holds(folder))


def _is_right(completed: Completed, calm: Calm, folder: Path, name: str) -> bool:
    """Return whether a command ended as it must: well without a store, badly without a sweep's folder, and with no wrong number."""
    if name == "store":
        return completed.status == 0 and calm.equals_tables(folder)
    return completed.status != 0 and calm.holds(folder)


def _analysis() -> None:
    sys.argv = ["multirun_analysis", "sweep"]
    multirun_analysis.__main__.main()
    raise SystemExit(0)
