"""Faults of processes and of the machine: signals, memory, clocks, rivals, hangs, and numbers that are none."""

import ctypes
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fault_runs import FOLDER, SWEEP, Calm, Command, Completed, failures, finished, networks, rewritten, rows, run, undisturbed
from benchmarks.fault_tally import Tally
from lmc_sweeps.common import time_limit
from lmc_sweeps.jobs import job, stacks
from lmc_sweeps.training.loop import StackState
from multirun_analysis.frames.discovery import load_runs

AGAIN = r"the same (hydra\.sweep\.dir|command)|[Tt]he same command"
MEMORY: tuple[str, ...] = ("-m", "width=4,768", "depth=2", "seed=0,1,2", "points=3", "matching=[weights]", FOLDER)
MEMORY += ("training.epochs=1", "training.stack=6")
SECONDS = 6.0  # of a time limit under which nothing hangs but what was made to
# Loaded by every Python process that finds it as sitecustomize, workers of joblib too.
PLANT = """
import importlib.abc, importlib.util, sys, time

class Plant(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "lmc_sweeps.jobs.job":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def plant(module):
            load(module)
            from benchmarks.fault_processes import hang_in_measuring
            hang_in_measuring(WIDTH)

        spec.loader.exec_module = plant
        return spec

sys.meta_path.insert(0, Plant())
"""


def signals(calm: Calm, scratch: Path, rng: random.Random, number: signal.Signals, count: int) -> Tally:
    """Send a signal to the whole process group at random moments, go on with the same command, and do so until it is done."""
    begun = r"Interrupted\. .*the same command"  # before the first job, or later
    tally = Tally(number.name, "run the sweep again" if number == signal.SIGKILL else f"(?i:{begun})")
    turn = 0
    while tally.injected < count:
        folder, turn = scratch / f"{number.name}_{turn}", turn + 1
        written: dict[Path, int] = {}
        completed: Completed | None = None
        while completed is None:
            command = Command(folder)
            patience = rng.uniform(0.1, 0.7 * calm.seconds)
            if tally.injected % 3:  # most signals come when something is done already
                completed = command.wait(until=command.has_spoken)
            if completed is None:
                completed = command.wait(patience) if tally.injected < count else command.wait() or command.end()
            if completed is None:
                ended = command.end(number)
                if number == signal.SIGKILL and ended.status == 0:  # it was over before the signal came
                    completed = ended
                    break
                message = failures(folder) if number == signal.SIGKILL else ended.printed if ended.status != 0 else None
                wrong = not calm.holds(folder) or (ended.status == -signal.SIGKILL) != (number == signal.SIGKILL)
                tally.note(message, lost=rewritten(written, folder), wrong=wrong, case=f"after {patience:.2f} s, {ended.status}")
                written = finished(folder)
        tally.end(completed, lost=rewritten(written, folder), wrong=not calm.equals(folder))
    return tally


def memory(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Let a command have little more memory than it begins with: stacks are halved, or jobs fail in words and others go on."""
    tally = Tally("out of memory", r"ran out of memory; its halves are|failed: .*([Mm]emory|alloc)")
    own = undisturbed(scratch / "memory_calm", *MEMORY)
    for extra in (110, 90, 75, 60, 50):
        folder = scratch / f"memory_{extra}"
        completed = run(folder, *MEMORY, before=partial(_limit_memory, extra))
        narrow = {row for row in rows(own.folder) if ",4,2," in row}
        tally.note(completed.printed, lost=not narrow <= rows(folder), wrong=not own.holds(folder), case=f"{extra} MiB, {completed.status}")
        written = finished(folder)
        tally.end(run(folder, *MEMORY), lost=rewritten(written, folder), wrong=not own.equals(folder))
    return tally


def _limit_memory(extra: int) -> None:
    small = np.ones((8, 8))
    torch.from_numpy(small @ small) @ torch.from_numpy(small)  # OpenBLAS takes its buffers now: it ends a process in which it cannot
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + extra * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def clock(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Set the clock back: before a command, between a kill and its resumption, and at every look at it."""
    tally = Tally("clock going backwards", AGAIN)
    for k, (first, second) in enumerate([(0, -86400), (0, -3600), (0, 86400 * 400), (-60, None), (None, -86400 * 9000)]):
        folder = scratch / f"clock_{k}"
        command = Command(folder, before=partial(_set_clock, first))
        completed = command.wait(rng.uniform(0.3, 0.8) * calm.seconds) or command.end(signal.SIGTERM)
        wrong = not calm.holds(folder)
        written = finished(folder)
        again = run(folder, before=partial(_set_clock, second))
        wrong = wrong or again.status != 0 or not calm.equals(folder)
        tally.note(
            completed.printed if completed.status else None,
            lost=rewritten(written, folder),
            wrong=wrong,
            case=f"{first}, {second}, {again.status}",
        )
    return tally


def _set_clock(offset: float | None) -> None:
    """Move the clock by so many seconds; None lets it run backwards."""
    real, begun = time.time, time.time()

    def moved() -> float:
        return real() + offset if offset is not None else begun - 100 * (real() - begun)

    time.time, time.time_ns = moved, lambda: int(moved() * 1e9)


def races(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Run the same sweep twice at a time, in one folder and with one store."""
    tally = Tally("two sweeps racing", r"jobs found\.")
    for k in range(5):
        folder = scratch / f"race_{k}"
        commands = [Command(folder)]
        time.sleep(rng.uniform(0.0, 0.4) * calm.seconds * (k > 1))
        commands.append(Command(folder))
        completed = [command.wait() or command.end() for command in commands]
        wrong = any(each.status for each in completed) or not calm.equals(folder)
        tally.note("\n".join(each.printed for each in completed), wrong=wrong, case=[each.status for each in completed])
    return tally


def hang_in_measuring(width: int, hang: Callable[[], object] = lambda: time.sleep(3600)) -> None:
    """Let the measuring of networks of some width never end."""
    real: Any = job.compare_pair

    def hanging(architecture: object, a: dict[str, torch.Tensor], *others: object, **options: object) -> object:
        if any(width in tensor.shape for tensor in a.values()):
            hang()
        return real(architecture, a, *others, **options)

    job.compare_pair = hanging  # type: ignore[assignment]


def _hang_in_training(width: int, step: int) -> None:
    real = stacks._Keeper.__call__

    def hanging(self: stacks._Keeper, state: StackState) -> None:
        if self._networks[0].settings.width == width and state.step == step:
            time.sleep(3600)
        real(self, state)

    stacks._Keeper.__call__ = hanging  # type: ignore[method-assign]


def _hang_in_c(width: int) -> None:
    def hang() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        ctypes.CDLL(None).sleep(3600)

    time_limit.GRACE = 2.0
    hang_in_measuring(width, hang)


def _hang_in_workers(folder: Path, width: int) -> None:
    (folder / "sitecustomize.py").write_text(PLANT.replace("WIDTH", str(width)))
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, [folder, Path(__file__).resolve().parent.parent]))


def hangs(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Let the measuring of a job, or a step of its training, never end, under a time limit."""
    tally = Tally("a worker that hangs", f"took longer than `time_limit` = {SECONDS:g} s.*the same command")
    faults: list[tuple[Callable[[], object], tuple[str, ...]]] = [
        (partial(hang_in_measuring, 6), ()),
        (partial(hang_in_measuring, 4), ("hydra/launcher=basic",)),
        (partial(_hang_in_training, 6, rng.randrange(1, 345)), ()),
        (partial(_hang_in_training, 4, rng.randrange(1, 345)), ("hydra/launcher=basic",)),
        (partial(_hang_in_workers, scratch, 6), ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")),
        (partial(_hang_in_c, 4), ()),
    ]
    for k, (fault, launcher) in enumerate(faults):
        folder = scratch / f"hang_{k}"
        words = (*SWEEP, FOLDER, *launcher, f"time_limit={SECONDS}")
        completed = run(folder, *words, before=fault)
        for _ in range(2 * ("the process is ended" in completed.printed)):  # the job that was left goes last; two jobs hang
            run(folder, *words, before=fault)
        wrong = completed.status != 1 or not calm.holds(folder)
        others = len(rows(folder)) >= len(rows(calm.folder)) // 2  # one of two widths
        tally.note(completed.printed, wrong=wrong, lost=not others, case=f"{k}, {completed.status}")
        written = finished(folder)
        tally.end(run(folder), lost=rewritten(written, folder), wrong=not calm.equals(folder))
    return tally


def not_a_number(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Put a NaN into one network of a stack at a random step: its job has diverged, and the others have the same bits."""
    tally = Tally("NaN in training", r"diverged: .*was not finite")
    for k in range(5):
        folder = scratch / f"nan_{k}"
        width, seed = rng.choice((4, 6)), rng.choice((0, 1))
        step = rng.randrange(1, 345)
        completed = run(folder, *SWEEP, FOLDER, "training.stack=4", before=partial(_poison, width, seed, step))
        runs = load_runs(folder / "sweep")
        victim = (runs["width"] == width) & (runs["seed"] == seed)
        calm_networks = networks(calm.folder)
        changed = sum(calm_networks[name] != data for name, data in networks(folder).items())
        wrong = set(runs.loc[victim, "status"]) != {"diverged"} or set(runs.loc[~victim, "status"]) != {"ok"} or changed != 1
        others = {row for row in rows(folder) if ",diverged," not in row}
        wrong = wrong or not others <= rows(calm.folder) or len(others) != len(rows(calm.folder)) * 3 // 4 or completed.status != 0
        case = f"width {width}, seed {seed}, step {step}, {changed} networks changed, {completed.status}"
        tally.note(completed.printed, wrong=wrong, case=case)
    return tally


def _poison(width: int, seed: int, step: int) -> None:
    real = stacks._Keeper.__call__

    def poisoned(self: stacks._Keeper, state: StackState) -> None:
        for k, task in enumerate(self._networks):
            if (task.settings.width, task.settings.seed, task.number, state.step) == (width, seed, 1, step):
                state.parameters["hidden_1.weight"][k, 0, 0] = torch.nan
        real(self, state)

    stacks._Keeper.__call__ = poisoned  # type: ignore[method-assign]
