"""Faults of disks: full ones and read-only ones, mounted in memory, which needs the rights of root."""

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import multirun_analysis.__main__
from benchmarks.fault_runs import Calm, Command, Tally, finished, networks, rewritten, run


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
            where = scratch / f"full_{name}_{size}"
            if not mount(where / name, f"size={size}k"):
                tally.said = "no disk can be mounted here"
                return tally
            done = run(where)
            right = done.status == 0 and calm.equals_tables(where) if name == "store" else done.status != 0 and calm.holds(where)
            clear = name == "store" or re.search("he same command|must be a folder that can be written|tries again", done.said) is not None
            tally.note(done.said if clear else f"Traceback? {done.said}", wrong=not right, what=f"{name} of {size} KiB, {done.status}")
            subprocess.run(["mount", "-o", "remount,size=50m", str(where / name)], check=True)
            written = finished(where)
            tally.end(run(where), lost=rewritten(written, where), wrong=not calm.equals_tables(where) or not calm.holds(where))
            unmount(where / name)
    return tally


def read_only(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Let folders be read-only: from the start, half-way, when all is done, for the analysis alone, and for another user."""
    tally = Tally(
        "read-only folder", r"(cannot be kept in the store|must be a folder that can be written|cannot be written).*(Read-only|Permission)"
    )
    for name in ("store", "sweep"):
        for half_way in (False, True):
            where = scratch / f"ro_{tally.injected}"
            if not mount(where / name, "size=50m"):
                tally.said = "no disk can be mounted here"
                return tally
            if half_way:
                command = Command(where)
                _ = command.wait(rng.uniform(0.3, 0.7) * calm.seconds) or command.end(signal.SIGTERM)
            _note_read_only(tally, calm, where, name)
            unmount(where / name)
    where = scratch / "ro_done"
    mount(where / "sweep", "size=50m")
    run(where)
    for before in (lambda: None, _analysis):
        subprocess.run(["mount", "-o", "remount,ro", str(where / "sweep")], check=True)
        done = run(where, before=before)
        tally.note(done.said, wrong=done.status == 0 or not calm.equals(where), what=f"finished, {done.status}")
    unmount(where / "sweep")
    if os.getuid() == 0:
        for name in ("store", "sweep"):
            where = scratch / f"ro_{tally.injected}"
            for folder in (where / "store", where / "sweep"):
                folder.mkdir(parents=True)
                os.chown(folder, 0 if folder.name == name else 65534, -1)
            done = run(where, before=lambda: os.setuid(65534))
            right = (done.status == 0 and calm.equals_tables(where)) if name == "store" else done.status != 0
            tally.note(done.said, wrong=not right, what=f"{name} of another user, {done.status}")
            tally.end(run(where), lost=False, wrong=not calm.equals_tables(where))
    return tally


def _note_read_only(tally: Tally, calm: Calm, where: Path, name: str) -> None:
    written = finished(where)
    subprocess.run(["mount", "-o", "remount,ro", str(where / name)], check=True)
    done = run(where)
    right = (done.status == 0 and calm.equals_tables(where)) if name == "store" else done.status != 0 and calm.holds(where)
    all_there = name == "store" and len(networks(where)) == len(networks(calm.where))  # then nothing is to be written
    tally.note(None if all_there else done.said, lost=rewritten(written, where), wrong=not right, what=f"{name}, {done.status}")
    subprocess.run(["mount", "-o", "remount,rw", str(where / name)], check=True)
    tally.end(run(where), lost=rewritten(written, where), wrong=not calm.equals_tables(where) or not calm.holds(where))


def _analysis() -> None:
    sys.argv = ["multirun_analysis", "sweep"]
    multirun_analysis.__main__.main()
    raise SystemExit(0)
