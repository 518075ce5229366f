"""What is done when: any number of workers gives the same bits, and a process that is lost costs its own step, once more at the end."""

import json
import os
import signal
from pathlib import Path

import pytest
from hydra.core.utils import JobStatus
from hydra_parts import TINY

from lmc_sweeps.common import workers as processes
from lmc_sweeps.common.workers import WorkerEnded
from lmc_sweeps.jobs.records import read_record
from lmc_sweeps.sweeps import launcher as launchers
from lmc_sweeps.sweeps import work

JOBS = [[*TINY, f"width={width}", f"seed={seed}", "training.epochs=3"] for width in (4, 7) for seed in (0, 1, 2)]


def results(folder):
    """Return all that a sweep has measured, and the bytes of its networks, without seconds."""
    records = {path.parent.name: _timeless(read_record(path.parent)) for path in (folder / "sweep").glob("*/record.json")}
    return records, {path.name: path.read_bytes() for path in (folder / "store").glob("??/*.safetensors")}


def _timeless(node):
    if isinstance(node, dict):
        return {key: _timeless(value) for key, value in node.items() if "seconds" not in key and key not in ("sha256", "machine")}
    return [_timeless(value) for value in node] if isinstance(node, list) else node


@pytest.mark.parametrize(("count", "start"), [(2, "fork"), (4, "fork"), (2, "spawn")])
def test_networks_and_records_are_the_same_to_the_bit_for_any_number_of_workers(tmp_path, set_up_launcher, monkeypatch, count, start):
    def started(work_of_sweep, progress, number):
        return processes.workers(work_of_sweep, progress, number, start)

    monkeypatch.setattr(launchers, "workers", started)
    jobs = JOBS[:2] if start == "spawn" else JOBS  # a process that is spawned takes seconds to import everything
    for number in (1, count):
        ended = set_up_launcher(tmp_path / str(number), number).launch(jobs, 0)
        assert [(result.status, result.overrides) for result in ended] == [(JobStatus.COMPLETED, job) for job in jobs]
    one, several = results(tmp_path / "1"), results(tmp_path / str(count))
    assert len(one[0]) == len(jobs)
    assert len(one[1]) == 2 * len(jobs)
    assert json.dumps(several[0], sort_keys=True) == json.dumps(one[0], sort_keys=True)
    assert several[1] == one[1]
    assert "trained" in (tmp_path / str(count) / "sweep" / launchers.LOG).read_text()


def test_networks_that_cannot_be_kept_go_from_worker_to_worker(tmp_path, set_up_launcher):
    for number in (1, 2):
        jobs = [[*job, "store.dir=null"] for job in JOBS[:2]]
        assert [result.status for result in set_up_launcher(tmp_path / str(number), number).launch(jobs, 0)] == [JobStatus.COMPLETED] * 2
    assert results(tmp_path / "1") == results(tmp_path / "2")
    assert results(tmp_path / "1")[1] == {}


@pytest.mark.parametrize("method", ["train_stack", "run_reported", "stack_times"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_step_that_loses_its_worker_is_tried_once_more(tmp_path, set_up_launcher, monkeypatch, capfd, method, times):
    """The worker is killed `times` times at what has to do with width 4."""
    original = getattr(work, method)

    def deadly(*arguments, **settings):
        first = arguments[0]
        networks = [network for network, _ in first] if method == "train_stack" else first
        prepared = networks if method == "run_reported" else networks[0]
        if prepared.settings.width == 4 and len(list(tmp_path.glob("killed.*"))) < times:
            (tmp_path / f"killed.{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **settings)

    monkeypatch.setattr(work, method, deadly)
    jobs = [[*TINY, "width=4"], [*TINY, "width=5"]]
    ended = set_up_launcher(tmp_path, 2).launch(jobs, 0)
    lost = JobStatus.COMPLETED if times == 1 else JobStatus.FAILED
    assert [result.status for result in ended] == [lost, JobStatus.COMPLETED]
    assert "tried once more at the end" in capfd.readouterr().err
    if times == 2:
        (failed,) = [
            record for path in Path(tmp_path / "sweep").glob("*/record.json") if (record := read_record(path.parent))["status"] != "ok"
        ]
        assert failed["sentence"] == f"WorkerEnded: {WorkerEnded()}"


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("store", ["kept", "null"])
def test_when_half_of_a_stack_fails_the_jobs_of_the_other_half_do_not(tmp_path, set_up_launcher, monkeypatch, count, store):
    train_stack = work.train_stack

    def halved(stack, *others):
        half = len(stack) // 2
        yield from train_stack(stack[:half], *others)
        raise MemoryError("of the second half")

    monkeypatch.setattr(work, "train_stack", halved)
    no_store = [] if store == "kept" else ["store.dir=null"]
    jobs = [[*TINY, *no_store, "width=4", f"seed={seed}", "training.stack=4"] for seed in (0, 1)]
    ended = set_up_launcher(tmp_path, count).launch(jobs, 0)
    assert [result.status for result in ended] == [JobStatus.COMPLETED, JobStatus.FAILED]
    sentences = {
        record["scope"]["seed"]: record["sentence"]
        for path in (tmp_path / "sweep").glob("*/record.json")
        for record in [read_record(path.parent)]
    }
    assert sentences[1] == "MemoryError: of the second half"
