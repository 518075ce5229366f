"""Timing: candidates one after the other, again and again, so that what the machine does meanwhile hits them all alike."""

import gc
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Seconds:
    """The times of one candidate, turn by turn: their median, the fastest and the slowest."""

    turns: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median time."""
        return statistics.median(self.turns)

    def __str__(self) -> str:
        return f"{1000 * self.median:.3f} ms ({1000 * min(self.turns):.3f} to {1000 * max(self.turns):.3f})"

    def speed(self, baseline: "Seconds") -> float:
        """Return how many times as fast as a baseline it is: the median over turns, in each of which the machine was the same for both."""
        return statistics.median(slow / fast for fast, slow in zip(self.turns, baseline.turns, strict=True))


def interleaved(candidates: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, Seconds]:
    """Return the times of candidates run in turn `repeats` times, after one turn that does not count.

    A candidate does its work and returns the seconds that it took for one unit of it.
    """
    all_seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(repeats + 1):
        for name, run in candidates.items():
            gc.collect()
            seconds = run()
            if turn:
                all_seconds[name].append(seconds)
    return {name: Seconds(tuple(times)) for name, times in all_seconds.items()}


def timed(work: Callable[[], object], units: int = 1) -> float:
    """Return the seconds that some work took, for one of its `units`."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / units


def machine() -> str:
    """Return what the numbers were measured on: the processor, its cores and vector units, and the versions."""
    model, flags = platform.processor() or "unknown", set()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            for line in stream:
                key, _, value = line.partition(":")
                model = value.strip() if key.strip() == "model name" else model
                flags |= set(value.split()) if key.strip() == "flags" else set()
    except OSError:
        pass
    units = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lmc-sweeps", "torch", "numpy", "pot"))
    return f"{model}, {os.cpu_count()} cores ({' '.join(units)}), Python {platform.python_version()}, {versions}"


def with_threads(count: int, work: Callable[[], float]) -> Callable[[], float]:
    """Return a candidate that runs with so many of torch's threads."""

    def run() -> float:
        with threads(count):
            return work()

    return run


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many of torch's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def idle_cores() -> Iterator[None]:
    """Leave the machine as it is."""
    yield


@contextmanager
def busy_cores(count: int = 1) -> Iterator[None]:
    """Keep so many other processes computing meanwhile, of the same priority."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
