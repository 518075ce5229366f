"""Commands under faults, run in forks of this process, which has imported everything already, and compared with an undisturbed run.

The page and the figures are left out: they take longer than the sweep.
"""

import contextlib
import io
import os
import re
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
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
class Done:
    """What came of a command: its exit status (negative: the signal that ended it), what it said, and how long it took."""

    status: int
    said: str
    seconds: float


class Command:
    """A command of the program in a fork, in a folder and with a store of its own, and in a process group of its own."""

    def __init__(self, where: Path, *words: str, before: Callable[[], object] = lambda: None) -> None:
        where.mkdir(exist_ok=True)
        self._log, self._begun = where / f"said_{time.monotonic_ns()}.txt", time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.process = os.fork()
        if self.process == 0:
            _child(where, self._log, words or (*SWEEP, FOLDER), before)
        with contextlib.suppress(OSError):
            os.setpgid(self.process, self.process)  # the fork does so too, whichever is first

    def has_spoken(self) -> bool:
        """Return whether the command has said anything: it does when training begins."""
        return self._log.is_file() and self._log.stat().st_size > 0

    def wait(self, seconds: float = PATIENCE, until: Callable[[], bool] = lambda: False) -> Done | None:
        """Return what came of the command, or None if it is still running after so many seconds, or when `until` comes true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until():
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                said = self._log.read_text(errors="replace") if self._log.is_file() else ""
                return Done(os.waitstatus_to_exitcode(status), said, time.monotonic() - self._begun)
            time.sleep(0.01)
        return None

    def end(self, number: int = signal.SIGKILL) -> Done:
        """Send a signal to the process group and return what came of the command, which is killed if that takes too long."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process, number)
        done = self.wait()
        if done is None:
            os.killpg(self.process, signal.SIGKILL)
            done = self.wait()
        return done or Done(-signal.SIGKILL, "", PATIENCE)


def run(where: Path, *words: str, before: Callable[[], object] = lambda: None) -> Done:
    """Run a command, the sweep if no words are given, to its end."""
    command = Command(where, *words, before=before)
    return command.wait() or command.end()


def _child(where: Path, log: Path, words: tuple[str, ...], before: Callable[[], object]) -> None:
    status = 1
    try:
        os.setpgid(0, 0)
        os.chdir(where)
        stream = os.open(log, os.O_WRONLY | os.O_CREAT)
        for number in (1, 2):
            os.dup2(stream, number)
        sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(number, "wb", 0), write_through=True) for number in (1, 2))
        sys.__stderr__ = sys.stderr  # type: ignore[misc]
        os.environ["LMC_SWEEPS_STORE"] = str(where / "store")
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


@dataclass
class Tally:
    """What was seen of one kind of fault."""

    fault: str
    pattern: str  # of what must be said
    injected: int = 0
    finished_work_lost: int = 0
    wrong_numbers: int = 0
    unclear_messages: int = 0
    said: str = ""
    begun: float = field(default_factory=time.monotonic)
    _shown: int = 0

    def note(self, said: str | None, *, lost: bool = False, wrong: bool = False, what: object = "") -> None:
        """Count one injection; with `said` None there was nothing to say."""
        found = None if said is None else re.search(self.pattern, said)
        unclear = said is not None and (found is None or "Traceback" in said)
        self.injected += 1
        self.finished_work_lost += lost
        self.wrong_numbers += wrong
        self.unclear_messages += unclear
        if found is not None and said is not None and not self.said:
            self.said = said[said.rfind("\n", 0, found.start()) + 1 :].splitlines()[0].strip()
        self._shown += bool(lost or wrong or unclear)
        if (lost or wrong or unclear) and self._shown <= 5:
            print(f"{self.fault} {what}: lost {lost}, wrong {wrong}, unclear {unclear}: {said}", file=sys.stderr, flush=True)

    def end(self, done: Done, *, lost: bool, wrong: bool) -> None:
        """Count what the same command left behind when nothing was in its way any more."""
        wrong = wrong or done.status != 0
        self.finished_work_lost += lost
        self.wrong_numbers += wrong
        if lost or wrong:
            print(f"{self.fault}, afterwards ({done.status}): lost {lost}, wrong {wrong}: {done.said}", file=sys.stderr, flush=True)

    def row(self) -> dict[str, object]:
        """Return the row of the table."""
        counts = {key: getattr(self, key) for key in ("injected", "finished_work_lost", "wrong_numbers", "unclear_messages")}
        print(f"{self.fault}: {counts}", file=sys.stderr, flush=True)
        said = re.sub(r"/\S*/tmp\w{8}", "DIR", self.said)
        return {"fault": self.fault, **counts, "what the program said": said, "seconds": round(time.monotonic() - self.begun)}


@dataclass(frozen=True)
class Calm:
    """The undisturbed run that all others are compared with."""

    where: Path
    seconds: float

    def copy(self, where: Path) -> Path:
        """Copy the finished sweep and its store to a fresh folder."""
        shutil.copytree(self.where, where)
        return where

    def equals(self, where: Path) -> bool:
        """Return whether a finished sweep has the same tables, times aside, and the same networks."""
        return self.equals_tables(where) and networks(where) == networks(self.where)

    def equals_tables(self, where: Path) -> bool:
        """Return whether a finished sweep has the same tables, times aside."""
        with contextlib.suppress(OSError):
            return tables(where) == tables(self.where)
        return False

    def holds(self, where: Path) -> bool:
        """Return whether all that an unfinished sweep has of rows and networks is as it is here."""
        known = networks(self.where)
        return rows(where) <= rows(self.where) and all(known.get(name) == data for name, data in networks(where).items())


def undisturbed(where: Path, *words: str) -> Calm:
    """Run a command, the sweep if no words are given, where nothing is in its way."""
    _import_everything()
    done = run(where, *words)
    if done.status != 0:
        sys.exit(f"the undisturbed sweep failed: {done.said}")
    return Calm(where, done.seconds)


def _import_everything() -> None:
    """Do once, for all forks, what a command does at its beginning."""
    if str(cli.PLUGINS) not in sys.path:
        sys.path.append(str(cli.PLUGINS))
    Plugins.instance()
    for room in (datasets, models, matching):
        room.choices()
    load_data(Digits())


def networks(where: Path) -> dict[str, bytes]:
    """Return the networks of a store by name."""
    return {path.name: path.read_bytes() for path in where.glob("store/*/*.safetensors")}


def rows(where: Path) -> set[str]:
    """Return the rows of results that are there, times aside."""
    try:
        frame = load_runs(where / "sweep")
    except InputError:
        return set()
    return set(frame.drop(columns=TIMES).to_csv(index=False, float_format=FLOATS).splitlines()[1:])


def failures(where: Path) -> str | None:
    """Return what the analysis says of the jobs that are not finished, a line each; None if all are, or none was begun."""
    try:
        frame = find_sweep(where / "sweep").failures
    except InputError:
        return None
    return "\n".join(frame["sentence"]) or None


def finished(where: Path) -> dict[Path, int]:
    """Return the networks, and the records that hold results, with the times at which they were written."""
    found = written(where)
    failed = [path for path in found if path.name == RECORD and not is_finished(read_record(path.parent))]
    return {path: stamp for path, stamp in found.items() if path not in failed}


def rewritten(before: dict[Path, int], where: Path) -> bool:
    """Return whether a network or a record that was finished is gone, or was written again."""
    now = written(where)
    return any(now.get(path) != stamp for path, stamp in before.items())
