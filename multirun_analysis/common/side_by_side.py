"""Calls that do not wait for one another, made by forks of this process; and how many of them at once."""

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

WORKERS = "LMC_SWEEPS_WORKERS"  # processes side by side, at most, of every command
PATIENCE = 5.0  # seconds, for a process that is to end
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of all cores that a container has in a period, and the period


def cores(mistake: type[ValueError] = ValueError) -> int:
    """Return how many cores this process may use: what the environment says, else those of its affinity, within its container's quota.

    Raises
    ------
    ValueError
        `mistake`, if the environment says something else than a number.
    """
    stated = os.environ.get(WORKERS)
    if stated:
        if not (stated.isdecimal() and int(stated) > 0):
            raise mistake(f"`{WORKERS}` must be a positive integer, got {stated!r}.")
        return int(stated)
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text().split()
        return max(1, min(count, round(int(quota) / int(period))))
    except (OSError, ValueError):  # there is none, or it is "max"
        return count


def side_by_side(calls: Sequence[Callable[[], Result]], processes: int) -> list[Result]:
    """Return what some calls return, made by so many processes: by this one where one is enough, or none can be forked.

    Forks know all that this process knows, so that calls need not be picklable; what they return must be. Processes are for programs of
    ours: in one whose other threads hold locks, a fork may wait for them for ever. What a process does not return, because of an error or
    because it was killed, is called again in this one.
    """
    if processes < 2 or len(calls) < 2 or sys.platform != "linux":
        return [call() for call in calls]
    waiting, results = list(enumerate(calls)), dict[int, Result]()
    running: dict[Any, tuple[int, Any]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                number, call = waiting.pop(0)
                pipe, process = _forked(call)
                running[pipe] = number, process
            ended: list[Any] = wait(list(running))
            for ready in ended:
                with suppress(EOFError, OSError):
                    results[running[ready][0]] = ready.recv()
                _, process = running.pop(ready)
                process.join()
                ready.close()
    except OSError:  # no memory for another process
        pass
    finally:
        for _, process in running.values():
            process.terminate()
        for pipe, (_, process) in running.items():
            _end(process)
            pipe.close()
    return [results[number] if number in results else call() for number, call in enumerate(calls)]


@contextmanager
def beside(call: Callable[[], object], processes: int) -> Iterator[None]:
    """Make a call, whose result does not count, while a block runs: before it, where one process is enough or none can be forked.

    What `side_by_side` says of processes holds here too. If the block raises an error, the call is given up.
    """
    if processes < 2 or sys.platform != "linux":
        call()
        yield
        return
    try:
        pipe, process = _forked(lambda: bool(call()))
    except OSError:  # no memory for another process
        call()
        yield
        return
    try:
        yield
        with suppress(EOFError, OSError):
            pipe.recv()
            process.join()  # it has nothing left to do
            return
    finally:
        _end(process)
        pipe.close()
    call()


def _forked(call: Callable[[], object]) -> tuple[Any, Any]:
    """Return the process that makes a call, and the pipe through which its result comes."""
    context: Any = multiprocessing.get_context("fork")
    parent_end, child_end = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(child_end, call))
    with warnings.catch_warnings():  # Python warns of threads beside a fork
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    child_end.close()  # the process alone holds that end: it is closed when it dies
    return parent_end, process


def _end(process: Any) -> None:
    """Let a process remove the file that it is at, and go."""
    process.terminate()
    process.join(PATIENCE)
    process.kill()
    process.join()


def _send(pipe: "Connection[Any, Any]", call: Callable[[], object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # with its `finally` clauses
    with suppress(Exception):  # the parent makes the call again, and has the error
        result = call()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what it was asked for is done
        pipe.send(result)
