"""Commands under faults, run in forks of this process, which has imported everything already, and compared with an undisturbed run.

The page and the figures are left out: they take longer than the sweep.
"""

import contextlib
import io
import logging
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from hydra.core.plugins import Plugins

from benchmarks.kill_and_resume import TIMES, tables
from benchmarks.kill_and_resume import finished as written
from lmc_sweeps import cli, datasets, matching, models
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.records import RECORD, is_finished, read_record
from lmc_sweeps.sweeps.config import load_data
from multirun_analysis.checks import InputError
from multirun_analysis.frames.discovery import find_sweep, load_runs
from multirun_analysis.output.csv_text import FLOATS
from multirun_analysis.report import drawing

SWEEP: tuple[str, ...] = ("-m", "width=4,6", "seed=0,1", "matching=[weights,activations]", "points=3")
SWEEP += ("training.epochs=15", "training.checkpoint_seconds=0.05")
FOLDER = "hydra.sweep.dir=sweep"
PATIENCE = 400.0  # seconds after which a command counts as one that hangs


@dataclass(frozen=True)
class Completed:
    """What came of a command: its exit status (negative: the signal that ended it), what it said, and how long it took."""

    status: int
    printed: str
    seconds: float


class Command:
    """A command of the program in a fork, in a folder and with a store of its own, and in a process group of its own."""

    def __init__(self, folder: Path, *words: str, before: Callable[[], object] = lambda: None) -> None:
        folder.mkdir(exist_ok=True)
        self._log, self._begun = folder / f"printed_{time.monotonic_ns()}.txt", time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.process = os.fork()
        if self.process == 0:
            _child(folder, self._log, words or (*SWEEP, FOLDER), before)
        with contextlib.suppress(OSError):
            os.setpgid(self.process, self.process)  # the fork does so too, whichever is first

    def has_spoken(self) -> bool:
        """Return whether the command has said anything: it does when training begins."""
        return self._log.is_file() and self._log.stat().st_size > 0

    def wait(self, seconds: float = PATIENCE, until: Callable[[], bool] = lambda: False) -> Completed | None:
        """Return what came of the command, or None if it is still running after so many seconds, or when `until` comes true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until():
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                printed = self._log.read_text(errors="replace") if self._log.is_file() else ""
                return Completed(os.waitstatus_to_exitcode(status), printed, time.monotonic() - self._begun)
            time.sleep(0.01)
        return None

    def end(self, number: int = signal.SIGKILL) -> Completed:
        """Send a signal to the process group and return what came of the command, which is killed if that takes too long."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process, number)
        completed = self.wait()
        if completed is None:
            os.killpg(self.process, signal.SIGKILL)
            completed = self.wait()
        return completed or Completed(-signal.SIGKILL, "", PATIENCE)


def run(folder: Path, *words: str, before: Callable[[], object] = lambda: None) -> Completed:
    """Run a command, the sweep if no words are given, to its end."""
    command = Command(folder, *words, before=before)
    return command.wait() or command.end()


def _child(folder: Path, log: Path, words: tuple[str, ...], before: Callable[[], object]) -> None:
    status = 1
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        stream = os.open(log, os.O_WRONLY | os.O_CREAT)
        for number in (1, 2):
            os.dup2(stream, number)
        sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(number, "wb", 0), write_through=True) for number in (1, 2))
        sys.__stderr__ = sys.stderr  # type: ignore[misc]
        os.environ["LMC_SWEEPS_STORE"] = str(folder / "store")
        sys.argv = ["lmc_sweeps", *words]
        torch.set_num_threads(1)
        drawing.write_page = lambda *_, **__: ()
        before()
        cli.main()
        status = 0
    except SystemExit as stopped:
        status = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
        if isinstance(stopped.code, str):
            sys.stderr.write(f"{stopped.code}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


@dataclass(frozen=True)
class Calm:
    """The undisturbed run that all others are compared with."""

    folder: Path
    seconds: float

    def copy(self, folder: Path) -> Path:
        """Copy the finished sweep and its store to a fresh folder."""
        shutil.copytree(self.folder, folder)
        return folder

    def equals(self, folder: Path) -> bool:
        """Return whether a finished sweep has the same tables, times aside, and the same networks."""
        return self.equals_tables(folder) and networks(folder) == networks(self.folder)

    def equals_tables(self, folder: Path) -> bool:
        """Return whether a finished sweep has the same tables, times aside."""
        with contextlib.suppress(OSError):
            return tables(folder) == tables(self.folder)
        return False

    def holds(self, folder: Path) -> bool:
        """Return whether all that an unfinished sweep has of rows and networks is as it is here."""
        expected = networks(self.folder)
        return rows(folder) <= rows(self.folder) and all(expected.get(name) == data for name, data in networks(folder).items())


def undisturbed(folder: Path, *words: str) -> Calm:
    """Run a command, the sweep if no words are given, where nothing is in its way."""
    _import_everything()
    completed = run(folder, *words)
    if completed.status != 0:
        sys.exit(f"the undisturbed sweep failed: {completed.printed}")
    return Calm(folder, completed.seconds)


def _import_everything() -> None:
    """Do once, for all forks, what a command does at its beginning."""
    if str(cli.PLUGINS) not in sys.path:
        sys.path.append(str(cli.PLUGINS))
    Plugins.instance()
    for room in (datasets, models, matching):
        room.choices()
    load_data(Digits())


def networks(folder: Path) -> dict[str, bytes]:
    """Return the networks of a store by name."""
    return {path.name: path.read_bytes() for path in folder.glob("store/*/*.safetensors")}


def rows(folder: Path) -> set[str]:
    """Return the rows of results that are there, times aside."""
    try:
        frame = load_runs(folder / "sweep")
    except InputError:
        return set()
    return set(frame.drop(columns=TIMES).to_csv(index=False, float_format=FLOATS).splitlines()[1:])


def failures(folder: Path) -> str | None:
    """Return what the analysis says of the jobs that are not finished, a line each; None if all are, or none was begun."""
    try:
        frame = find_sweep(folder / "sweep").failures
    except InputError:
        return None
    return "\n".join(frame["sentence"]) or None


def finished(folder: Path) -> dict[Path, int]:
    """Return the networks, and the records that hold results, with the times at which they were written."""
    times = written(folder)
    failed = [path for path in times if path.name == RECORD and not is_finished(read_record(path.parent))]
    return {path: stamp for path, stamp in times.items() if path not in failed}


def rewritten(before: dict[Path, int], folder: Path) -> bool:
    """Return whether a network or a record that was finished is gone, or was written again."""
    now = written(folder)
    return any(now.get(path) != stamp for path, stamp in before.items())


@contextlib.contextmanager
def logged() -> Iterator[list[str]]:
    """Collect what the program says in its log."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("lmc_sweeps")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
