"""Kill a sweep again and again, start it again with the same command, and compare the end with that of an undisturbed run.

    python benchmarks/kill_and_resume.py [--kills 20] [--seed 0]

A sweep of 40 jobs from an empty store is killed (SIGKILL, the whole process group) at random moments. Checked: the final CSVs are the
undisturbed run's byte for byte (time columns aside); no network that was stored and no record that was written is ever written
again; no kill loses more than two minutes, measured from the last thing that was kept.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

SWEEP = ["-m", "width=16,64,128,256", "depth=1,2", "seed=range(5)", "training.epochs=150", "training.checkpoint_seconds=2"]
TIMES = ["seconds_train", "seconds_match", "seconds_evaluate"]
TABLES = ("runs", "curves", "layers", "barrier_vs_width", "failures")


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the sweep in a process group of its own."""
    command = [sys.executable, "-m", "lmc_sweeps", *SWEEP, f"hydra.sweep.dir={folder / 'sweep'}"]
    environment = os.environ | {"LMC_SWEEPS_STORE": str(folder / "store")}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def finished(folder: Path) -> dict[Path, int]:
    """Return the networks and records that are there, with the times at which they were written."""
    paths = [*folder.glob("store/*/*.safetensors"), *folder.glob("sweep/*/record.json")]
    return {path: path.stat().st_mtime_ns for path in paths}


def last_progress(folder: Path, begun: float) -> float:
    """Return the last moment at which anything was kept: a network, a half-trained one, or a record."""
    paths = [*folder.glob("store/*/*.safetensors"), *folder.glob("store/*/*.partial"), *folder.glob("sweep/*/record.json")]
    return max([begun, *(path.stat().st_mtime for path in paths)])


def tables(folder: Path) -> dict[str, str]:
    """Return the CSVs of a sweep, without their time columns."""
    by_name = {}
    for name in TABLES:
        frame = pd.read_csv(folder / "sweep" / "analysis" / f"{name}.csv", dtype=str)
        by_name[name] = frame.drop(columns=[column for column in TIMES if column in frame]).to_csv(index=False)
    return by_name


def main() -> None:
    """Run the undisturbed sweep, then the disturbed one, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        calm, stormy = Path(scratch) / "calm", Path(scratch) / "stormy"
        for folder in (calm, stormy):
            folder.mkdir()
        begun = time.monotonic()
        if start(calm).wait() != 0:
            sys.exit("the undisturbed sweep failed.")
        length = time.monotonic() - begun
        print(f"undisturbed: {length:.0f} s, {len(finished(calm))} networks and records")

        written, rewritten, lost, kills = finished(stormy), 0, [], 0
        while True:
            begun, process = time.time(), start(stormy)
            # Python and torch take about 3 s to start
            patience = rng.uniform(4.0, 8.0) if kills < options.kills else None
            try:
                code = process.wait(patience)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                lost.append(time.time() - last_progress(stormy, begun))
                now = finished(stormy)
                rewritten += sum(now.get(path) != stamp for path, stamp in written.items())
                written = now
                print(f"kill {kills} after {patience:.1f} s: {len(now)} networks and records, {lost[-1]:.1f} s since anything was kept")
                continue
            if code != 0:
                sys.exit(f"the sweep ended with {code}.")
            now = finished(stormy)
            rewritten += sum(now.get(path) != stamp for path, stamp in written.items())
            break
        same = {name: table == tables(stormy)[name] for name, table in tables(calm).items()}
        networks = {path.name: path.read_bytes() for path in calm.glob("store/*/*.safetensors")}
        same["networks"] = networks == {path.name: path.read_bytes() for path in stormy.glob("store/*/*.safetensors")}
        print(f"{kills} kills; most time since anything was kept: {max(lost, default=0):.1f} s; finished things written again: {rewritten}")
        print("equal to the undisturbed run: " + ", ".join(f"{name} {'yes' if equal else 'NO'}" for name, equal in same.items()))
        if kills < options.kills:
            print(f"the sweep was done after {kills} kills; make it longer for more.")
        sys.exit(0 if all(same.values()) and not rewritten and max(lost, default=0) < 120 else 1)


if __name__ == "__main__":
    main()
