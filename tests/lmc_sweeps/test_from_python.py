"""Sweeps from Python: those of the command, and nothing of the caller's is touched."""

import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import matplotlib as mpl
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import lmc_sweeps
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.records import read_record, write_record
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.expected import read_expected

KEYS = {"width": [4, 5], "seed": range(1), "training": {"epochs": 1}, "points": 3, "matching": "weights"}
LONG = """
import lmc_sweeps
lmc_sweeps.sweep(width=4, training={"epochs": 1_000_000, "checkpoint_seconds": 3600}, points=3, dir="long")
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """Return the working directory, with a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMC_SWEEPS_STORE", str(tmp_path / "store"))
    return tmp_path


def test_a_sweep_and_a_job_are_those_of_the_command_and_touch_nothing_of_the_callers(here, capfd):
    handlers, level, raises = list(logging.root.handlers), logging.root.level, logging.raiseExceptions
    handler, backend = signal.getsignal(signal.SIGINT), mpl.get_backend()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        held = GlobalHydra.instance().hydra
        compose("config")
        results = lmc_sweeps.sweep(**KEYS, dir="a sweep")
        job = lmc_sweeps.job(**KEYS | {"width": 4}, dir=here / "job")
        assert GlobalHydra.instance().hydra is held
    assert (list(logging.root.handlers), logging.root.level, logging.raiseExceptions) == (handlers, level, raises)
    assert (signal.getsignal(signal.SIGINT), mpl.get_backend()) == (handler, backend)
    printed = capfd.readouterr()
    assert "[2/2 done] width=" in printed.err
    assert printed.out == ""
    assert results.report.is_file()
    words = ["width=4,5", "seed=0", "training.epochs=1", "points=3", "matching=[weights]", "hydra.sweep.dir='a sweep'", "-m"]
    again = subprocess.run([sys.executable, "-m", "lmc_sweeps", *words], capture_output=True, text=True, check=True)
    assert "2 jobs already have all their results." in again.stderr
    assert len(read_expected(here / "a sweep")) == 2
    alone, (first, *_) = job.runs, (rows for _, rows in results.runs.groupby("width"))
    assert list(alone["loss_barrier"]) == list(first["loss_barrier"])
    assert alone["run_id"].unique().tolist() == first["run_id"].unique().tolist()


def test_what_cannot_run_is_an_error_before_anything_is_written(here, capfd):
    with pytest.raises(InputError, match=r"width=-3: `width` must be a positive integer, got -3\.$"):
        lmc_sweeps.sweep(width=[4, -3], dir="refused")
    with pytest.raises(InputError, match=r"`depht` is not a key; .* Did you mean 'depth'\?$"):
        lmc_sweeps.job(depht=3, dir="refused")
    assert capfd.readouterr() == ("", "")
    assert list(here.iterdir()) == []
    with pytest.raises(InputError, match=r"^`plan` is for the command line, which prints it"):
        lmc_sweeps.sweep(width=[4], plan=True, dir="refused")
    with pytest.raises(
        InputError, match=r"^what stands before the keys must be overrides as a command line has them, got \{'width': 4\}\.$"
    ):
        lmc_sweeps.sweep({"width": 4}, dir="refused")
    with pytest.raises(InputError, match=r"^`dir` must be the folder of the results, got 3\.$"):
        lmc_sweeps.sweep(dir=3)


def test_a_caller_without_standard_error_has_its_errors_too(here, monkeypatch):
    (here / "a_file").write_text("")
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(InputError, match=r"`hydra\.sweep\.dir` must be a folder that can be written"):
        lmc_sweeps.sweep(**KEYS, dir="a_file/inside")


def test_jobs_that_fail_are_warned_of_and_the_results_say_why(here):
    first = lmc_sweeps.sweep(**KEYS | {"width": 4}, dir="part")
    folder = here / "part" / first.runs["run_id"].iloc[0]
    record = read_record(folder)
    unknown = {"matching": "magic", "settings_hash": "m", "settings": {}}  # as a later version may have left it
    write_record(folder, record | {"matching": [*record["matching"], unknown]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = lmc_sweeps.sweep(**KEYS | {"points": 5}, dir="part")
    assert [(warning.category, warning.filename) for warning in caught] == [(UserWarning, __file__)]
    assert str(caught[0].message).startswith("1 of 2 jobs failed; part/analysis/failures.csv says why")
    assert results.failures["sentence"].str.contains("magic").any()
    assert {4, 5} >= set(results.runs["width"]) >= {5}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 1), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_caller_that_is_interrupted_or_killed_takes_its_sweep_with_it(here, number, status):
    caller = subprocess.Popen([sys.executable, "-c", LONG], stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert caller.stderr is not None
    assert caller.stderr.readline().startswith("training 2 networks")
    (child,) = Path(f"/proc/{caller.pid}/task/{caller.pid}/children").read_text().split()
    try:
        time.sleep(1)
        caller.send_signal(number)
        printed = caller.communicate(timeout=120)[1]
    except BaseException:
        os.kill(int(child), signal.SIGKILL)
        raise
    assert caller.returncode in (status, 130, -signal.SIGINT) if number == signal.SIGINT else caller.returncode == status
    if number == signal.SIGINT:
        assert "goes on where this one stopped" in printed
        assert "KeyboardInterrupt" in printed
    deadline = time.monotonic() + 120
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not Path(f"/proc/{child}").exists()
