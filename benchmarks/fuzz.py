"""Fuzzing every reader of files that others may have made: each input is accepted or refused in the reader's own words, or it is a bug."""

import json
import logging
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from benchmarks.fuzz_base import SEED, write
from benchmarks.fuzz_readers import READERS

MEMORY = 2**30  # of address space that a reader may take above what the process has when it starts
SLOW = 20  # s; an input that takes longer counts as a crash
# A process of its own for each reader. Its peak is asked of /proc, for `resource` would give the parent's where that is larger.
CHILD = "import sys; from benchmarks.fuzz import child; child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))"


@dataclass
class Outcome:
    """What came of some inputs."""

    accepted: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)


def fuzz() -> pd.DataFrame:
    """Mutate valid files and read them: over 150,000 inputs, each accepted, refused with the error that its reader promises, or a crash."""
    return pd.DataFrame([_row(name, READERS[name].inputs) for name in READERS])


def _row(name: str, inputs: int) -> dict[str, object]:
    """Attack one reader in a child process, in a fresh one again where it is killed."""
    start, outcome, peak = time.perf_counter(), Outcome(), 0.0
    tried, empty = 0, {"accepted": 0, "refused": 0, "crashes": [], "peak": 0.0}
    while tried < inputs:
        command = [sys.executable, "-c", CHILD, name, str(tried), str(inputs)]
        printed = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        result: dict[str, Any] = json.loads(printed[-1]) if printed else empty | {"done": tried}
        outcome.accepted, outcome.refused = outcome.accepted + result["accepted"], outcome.refused + result["refused"]
        outcome.crashes += result["crashes"]
        peak, tried = max(peak, result["peak"]), result["done"]
        if tried < inputs:
            outcome.crashes.append(f"case {tried}: the process was killed")
            tried += 1
    for crash in outcome.crashes[:10]:
        print(f"{name}, {crash}", file=sys.stderr)
    seconds = time.perf_counter() - start
    return {
        "reader": name, "inputs": inputs, "accepted": outcome.accepted, "refused": outcome.refused, "crashes": len(outcome.crashes),
        "peak_mib": round(peak, 1), "seconds": round(seconds, 1), "seed": SEED,
    }  # fmt: skip


def child(name: str, start: int, stop: int) -> None:
    """Attack one reader under a limit of memory, and print what was found so far after every thousand inputs."""
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGALRM, _too_slow)
    attack(name, range(1))  # imports and buffers that every input needs
    before = _status("VmRSS")
    limit = int(_status("VmSize") * 2**20) + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcome = Outcome()
    for at in range(start, stop, 1000):
        part = attack(name, range(at, min(at + 1000, stop)), SLOW)
        outcome = Outcome(outcome.accepted + part.accepted, outcome.refused + part.refused, outcome.crashes + part.crashes)
        result = {"done": min(at + 1000, stop), "peak": _status("VmHWM") - before, **vars(outcome)}
        print(json.dumps(result), flush=True)


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"more than {SLOW} s")


def _status(key: str) -> float:
    """Return a number of this process in MiB."""
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith(key)) / 1024


def attack(name: str, cases: range, seconds: int = 0) -> Outcome:
    """Read cases, each made from its own number, and return what came of them; case 0 is a seed as it is."""
    reader, outcome = READERS[name], Outcome()
    seeds = reader.seeds()
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            contents = reader.mutate(seeds, Random(f"{SEED} {name} {case}")) if case else seeds[0]
            path = Path(folder) / reader.file
            write(path, contents)
            signal.alarm(seconds)
            try:
                if reader.accepts(path):
                    outcome.accepted += 1
                else:
                    outcome.refused += 1
            except Exception as error:  # whatever the reader does not promise
                at = traceback.extract_tb(error.__traceback__)[-1]
                outcome.crashes.append(f"case {case}: {type(error).__name__} at {Path(at.filename).name}:{at.lineno}: {str(error)[:200]!r}")
            finally:
                signal.alarm(0)
    return outcome
