"""Disks that are full or cannot be written: clear words, no wrong number, and the same command goes on when there is room again."""

import subprocess

import pandas as pd
import pytest
from programs import skip_without

SWEEP = ["-m", "width=64,128", "seed=0,1", "training.epochs=2", "points=3", "matching=[weights]"]
TIMES = ["seconds_train", "seconds_match", "seconds_evaluate"]


@pytest.fixture
def disk(tmp_path):
    """Return a function that mounts a small disk in memory on a folder, which needs the rights of root."""
    mounted = []

    def mount(options):
        folder = tmp_path / f"disk_{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False)
        if done.returncode:
            skip_without("mount", done.stderr.strip())
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
    where = tmp_path_factory.mktemp("room")
    environment = warm_python | {"LMC_SWEEPS_STORE": str(where / "store")}
    command = ["python", "-m", "lmc_sweeps", *SWEEP, "hydra.sweep.dir=sweep"]
    subprocess.run(command, cwd=where, env=environment, check=True, capture_output=True)
    return table(where / "sweep")


@pytest.mark.parametrize(("options", "reason"), [("size=150k", "No space left on device"), ("ro", "Read-only file system")])
def test_a_store_without_room_costs_no_result_and_is_said_once(command, disk, tmp_path, undisturbed, options, reason):
    store = disk(options) / "store"
    done = command(*SWEEP, f"store.dir={store}", "hydra.sweep.dir=sweep")
    assert done.returncode == 0, done.stderr
    assert table(tmp_path / "sweep") == undisturbed
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("WARNING") and str(store) in line]
    assert f"trained networks cannot be kept in the store {store}, so the next sweep trains them again" in said
    assert reason in said


def test_a_sweep_whose_disk_fills_up_says_so_and_goes_on_when_there_is_room(command, disk, undisturbed):
    small = disk("size=100k")
    done = command(*SWEEP, f"hydra.sweep.dir={small / 'sweep'}")
    assert done.returncode == 1
    assert "failed: OSError: [Errno 28] No space left on device" in done.stderr
    assert "the same command" in done.stderr.lower()
    assert "Traceback" not in done.stderr + done.stdout
    subprocess.run(["mount", "-o", "remount,size=50m", str(small)], check=True)
    again = command(*SWEEP, f"hydra.sweep.dir={small / 'sweep'}")
    assert again.returncode == 0, again.stderr
    assert table(small / "sweep") == undisturbed


def test_a_sweep_in_a_folder_that_cannot_be_written_is_refused_before_training(command, disk):
    folder = disk("ro") / "sweep"
    done = command(*SWEEP, f"hydra.sweep.dir={folder}")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"`hydra.sweep.dir` must be a folder that can be written, got {str(folder)!r}: [Errno 30] Read-only file system: {str(folder)!r}."
    )


def test_tables_that_cannot_be_written_cost_no_result_and_the_exit_status_tells(command, tmp_path, undisturbed):
    for folder in ("sweep", "alone"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "analysis").write_text("in the way")
    done = command(*SWEEP, "hydra.sweep.dir=sweep")
    assert done.returncode == 1
    assert "the tables could not be written (OSError: 'sweep/analysis' must be a folder to write runs.csv into, and is none)" in done.stdout
    assert done.stderr.splitlines()[-1] == "All 4 jobs are done; their tables are not."
    (tmp_path / "sweep" / "analysis").unlink()
    again = command(*SWEEP, "hydra.sweep.dir=sweep")
    assert (again.returncode, "4 jobs have all their results already" in again.stderr) == (0, True)
    assert table(tmp_path / "sweep") == undisturbed
    one = command("width=4", "training.epochs=1", "points=3", "hydra.run.dir=alone")
    assert (one.returncode, one.stderr.splitlines()[-1]) == (1, "The job is done; its tables are not.")
