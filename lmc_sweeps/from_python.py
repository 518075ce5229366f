"""Sweeps and jobs from Python: the commands, run by a process of their own, with what they print shown here.

In a process of its own nothing of the caller's is touched: what Hydra holds, logging, random numbers, Matplotlib's backend, signals.
"""

import codecs
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.overrides import asks_for_plan
from lmc_sweeps.sweeps.progress import BAR
from lmc_sweeps.sweeps.python_keys import overrides_of
from multirun_analysis.report.results import SweepResults

FAILED, REFUSED, STOPPED = "failed", "refused", "stopped"
CALLER = "LMC_SWEEPS_CALLER"  # variable of the environment with the process that has started a command
COMMAND = "from lmc_sweeps.from_python import answer; answer()"


def sweep(*overrides: str, dir: str | Path, **keys: Any) -> SweepResults:
    """Run a sweep, as ``python -m lmc_sweeps KEY=VALUE,VALUE ... hydra.sweep.dir=DIR -m`` does, and return its results.

    What is finished already in the folder is not done again, so the same call goes on where one was interrupted.

    Parameters
    ----------
    *overrides : str
        As on a command line, e.g. ``"experiment=width_mnist"`` or ``"optimizer.lr=0.02,0.1"``.
    dir : path
        The folder of the sweep.
    **keys : value, or several
        A value, or several in a list, a range or an array: ``width=[8, 16], seed=range(4)``. The keys of a group stand in a mapping,
        ``training={"epochs": 5}``; which option of it, is a word: ``optimizer="adam"``.

    Returns
    -------
    SweepResults

    Raises
    ------
    InputError
        If anything was asked for that cannot be run; nothing has been computed then.
    RuntimeError
        If it ended in another way: the launcher stopped, a disk was full, the process was killed.

    Warns
    -----
    UserWarning
        If jobs failed: `SweepResults.failures` says why.

    Examples
    --------
    ::

        results = sweep(width=[8, 16], seed=range(4), dir="my_sweep")
        results.barrier_vs_width()
    """
    _run([*overrides, *overrides_of(keys), *_folder("hydra.sweep.dir", dir), "-m"])
    return SweepResults(Path(dir).expanduser())


def job(*overrides: str, dir: str | Path, **keys: Any) -> SweepResults:
    """Run one job, as ``python -m lmc_sweeps KEY=VALUE ... hydra.run.dir=DIR`` does, and return its results.

    Parameters and errors are those of `sweep`; every key has one value, and a job that fails is a `RuntimeError`.
    """
    _run([*overrides, *overrides_of(keys, of_job=True), *_folder("hydra.run.dir", dir)])
    return SweepResults(Path(dir).expanduser())


def answer() -> None:
    """Run the command in ``sys.argv``, and say on standard output how it ended: the other side of `sweep`."""
    _end_with_parent()
    from lmc_sweeps.cli import main
    from lmc_sweeps.sweeps.sweeper import JobsFailed, SweepRefused

    # What is printed is for the caller's results to show; whatever writes to the descriptor itself must not reach the caller either.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out, open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            main()
        except SystemExit as ended:
            if not isinstance(ended.code, str):
                raise
            is_refused = isinstance(ended, SweepRefused) or isinstance(ended.__context__, InputError)
            kind = FAILED if isinstance(ended, JobsFailed) else REFUSED if is_refused else STOPPED
            out.write(json.dumps({"kind": kind, "message": ended.code}))
            raise SystemExit(1) from None


def _run(words: Sequence[str]) -> None:
    """Run a command and pass on what it writes to standard error."""
    for word in words:
        if not isinstance(word, str):
            raise InputError(f"what stands before the keys must be overrides as a command line has them, got {word!r}.")
    if asks_for_plan(words):
        raise InputError("`plan` is for the command line, which prints it: python -m lmc_sweeps ... plan=true -m.")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", CALLER: str(os.getpid()), **({BAR: "1"} if _shows_bars() else {})},
        start_new_session=True,  # Ctrl-C reaches it through this process alone
    )
    try:
        _pass_on(process)
        end = process.stdout.read() if process.stdout else b""
        process.wait()
    except BaseException:  # in a session of its own, nothing else would stop it
        _stop(process)
        raise
    finally:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    if process.returncode == 0:
        return
    if not end:
        raise RuntimeError(f"the command ended with exit status {process.returncode}; why stands above.")
    reason = json.loads(end)
    if reason["kind"] == REFUSED:
        raise InputError(reason["message"])
    if reason["kind"] != FAILED:
        raise RuntimeError(reason["message"])
    warnings.warn(reason["message"], stacklevel=3)


def _pass_on(process: subprocess.Popen[bytes]) -> None:
    """Write what a process writes to standard error to this one's, as it comes: a notebook has a stream of its own."""
    if process.stderr is None:
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    read: Callable[[int], bytes] = process.stderr.read1  # type: ignore[attr-defined]
    while chunk := read(4096):
        with suppress(OSError, ValueError, AttributeError):  # where there is no one to read, the sweep goes on
            sys.stderr.write(decoder.decode(chunk))
            sys.stderr.flush()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a command, as Ctrl-C does, and wait until it has written its tables and ended; interrupted again, it is killed."""
    try:
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        _pass_on(process)
        process.wait()
    except KeyboardInterrupt:
        process.kill()
        process.wait()


def _shows_bars() -> bool:
    """Return whether what is written here is seen as it comes, on a terminal or in a notebook."""
    is_terminal = getattr(sys.stderr, "isatty", lambda: False)()
    return bool(is_terminal) or type(sys.stderr).__module__.startswith("ipykernel")


def _folder(key: str, folder: str | Path) -> list[str]:
    """Return the override that names the folder of the results."""
    if not isinstance(folder, str | Path) or not str(folder):
        raise InputError(f"`dir` must be the folder of the results, got {folder!r}.")
    return overrides_of({key: str(folder)})


def _end_with_parent() -> None:
    """Be told to end, as by SIGTERM, when the process that has started this one is killed; on Linux alone."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != int(os.environ[CALLER]):  # killed while this process was importing what it needs
            raise SystemExit(1)
