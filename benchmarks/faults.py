"""Faults put into small real sweeps, a few hundred of them: no finished work is lost, no number is wrong, every one is said in a sentence.

The commands run in forks of this process. Disks that are full or read-only need the rights of root; without them those rows have 0 faults.
"""

import os
import random
import signal
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from benchmarks import fault_cuts, fault_disks, fault_files, fault_processes
from benchmarks.fault_runs import Calm, undisturbed
from benchmarks.fault_tally import Tally

SEED = 0
Fault = Callable[[Calm, Path, random.Random], Tally]
FAULTS: dict[str, Fault] = {
    "memory": fault_processes.memory,
    "clock": fault_processes.clock,
    "times": fault_files.times_of_files,
    "nan": fault_processes.not_a_number,
    "cut_others": fault_cuts.cut_others,
    "hangs": fault_processes.hangs,
    "read_only": fault_disks.read_only,
    "cut_records": fault_cuts.cut_records,
    "record_flips": fault_files.record_flips,
    "full_disk": fault_disks.full_disk,
    "kill": partial(fault_processes.signals, number=signal.SIGKILL, count=10),
    "term": partial(fault_processes.signals, number=signal.SIGTERM, count=10),
    "interrupt": partial(fault_processes.signals, number=signal.SIGINT, count=5),
    "flips": fault_files.flips,
    "half_trained": fault_files.half_trained,
    "races": fault_processes.races,
}


def faults() -> pd.DataFrame:
    """Inject faults into a sweep of 4 jobs, and compare with an undisturbed run: rows and networks, and what was said."""
    names = os.environ.get("FAULTS", "").split() or list(FAULTS)  # to look at one kind alone
    torch.set_num_threads(1)  # a fork has no threads but one
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)  # one fault is another user
        calm = undisturbed(scratch / "calm")
        for name in names:
            rows.append(FAULTS[name](calm, scratch, random.Random(f"{SEED} {name}")).row())
    return pd.DataFrame(rows)
