"""Disks that are full or cannot be written: clear words, no wrong number, and the same command goes on when there is room again."""

import subprocess

import pandas as pd
import pytest
from programs import skip_without
from warm_python import NO_FIGURES

SWEEP = ["-m", "width=64,128", "seed=0,1", "training.epochs=2", "points=3", "matching=[weights]"]
TIMES = ["seconds_train", "seconds_match", "seconds_evaluate"]


@pytest.fixture
def disk(tmp_path):
    """Return a function that mounts a small disk in memory on a folder, which needs the rights of root."""
    mounted = []

    def mount(options):
        folder = tmp_path / f"disk_{len(mounted)}"
        folder.mkdir()
        completed = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if completed.returncode:
            skip_without("mount", completed.stderr.strip())
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def table(folder):
    return pd.read_csv(folder / "analysis" / "runs.csv").drop(columns=TIMES).to_csv()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, warm_python):
    """Run the sweep where there is room, and return its table."""
    folder = tmp_path_factory.mktemp("room")
    environment = warm_python | NO_FIGURES | {"LMC_SWEEPS_STORE": str(folder / "store")}
    command = ["python", "-m", "lmc_sweeps", *SWEEP, "hydra.sweep.dir=sweep"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return table(folder / "sweep")


@pytest.mark.parametrize(("options", "reason"), [("size=150k", "No space left on device"), ("ro", "Read-only file system")])
def test_a_store_without_room_costs_no_result_and_is_said_once(command, disk, tmp_path, undisturbed, options, reason):
    store = disk(options) / "store"
    completed = command(*SWEEP, f"store.dir={store}", "hydra.sweep.dir=sweep")
    assert completed.returncode == 0, completed.stderr
    assert table(tmp_path / "sweep") == undisturbed
    (warning,) = [line for line in completed.stderr.splitlines() if line.startswith("WARNING") and str(store) in line]
    assert f"trained networks cannot be kept in the store {store}, so the next sweep trains them again" in warning
    assert reason in warning


def test_a_sweep_whose_disk_fills_up_says_so_and_goes_on_when_there_is_room(command, disk, undisturbed):
    small = disk("size=100k")
    completed = command(*SWEEP, f"hydra.sweep.dir={small / 'sweep'}", figures=True)
    assert completed.returncode == 1
    assert "failed: OSError: [Errno 28] No space left on device" in completed.stderr
    assert "the same command" in completed.stderr.lower()
    assert "Traceback" not in completed.stderr + completed.stdout
    subprocess.run(["mount", "-o", "remount,size=50m", str(small)], check=True)
    again = command(*SWEEP, f"hydra.sweep.dir={small / 'sweep'}")
    assert again.returncode == 0, again.stderr
    assert table(small / "sweep") == undisturbed


def test_a_sweep_in_a_folder_that_cannot_be_written_is_refused_before_training(command, disk):
    folder = disk("ro") / "sweep"
    completed = command(*SWEEP, f"hydra.sweep.dir={folder}")
    assert completed.returncode == 1
    assert completed.stderr.strip() == (
        f"`hydra.sweep.dir` must be a folder that can be written, got {str(folder)!r}: [Errno 30] Read-only file system: {str(folder)!r}."
    )


def test_tables_that_cannot_be_written_cost_no_result_and_the_exit_status_tells(command, tmp_path, undisturbed):
    for folder in ("sweep", "alone"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "analysis").write_text("in the way")
    completed = command(*SWEEP, "hydra.sweep.dir=sweep")
    assert completed.returncode == 1
    assert (
        "the tables could not be written (OSError: 'sweep/analysis' must be a folder to write runs.csv into, and is none)"
        in completed.stdout
    )
    assert completed.stderr.splitlines()[-1] == "All 4 jobs are done; their tables are not."
    (tmp_path / "sweep" / "analysis").unlink()
    again = command(*SWEEP, "hydra.sweep.dir=sweep")
    assert (again.returncode, "4 jobs already have all their results" in again.stderr) == (0, True)
    assert table(tmp_path / "sweep") == undisturbed
    one = command("width=4", "training.epochs=1", "points=3", "hydra.run.dir=alone")
    assert (one.returncode, one.stderr.splitlines()[-1]) == (1, "The job is done; its tables are not.")
