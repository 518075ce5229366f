"""Faults of files: bits flipped, and times that tell nothing."""

import json
import os
import random
import shutil
import signal
from pathlib import Path

import torch

from benchmarks.fault_runs import Calm, Command, finished, logged, rewritten, rows, run
from benchmarks.fault_tally import Tally
from lmc_sweeps.common.files import write_atomically
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.network_files import NETWORK, PARTIAL, SIDECAR
from lmc_sweeps.jobs.store import Store
from multirun_analysis.frames import discovery
from multirun_analysis.frames.discovery import find_sweep, load_runs

AGAIN = r"run the sweep again with the same hydra\.sweep\.dir"


def flipped(path: Path, rng: random.Random, begin: int = 0, end: int | None = None) -> None:
    """Flip a random bit of a file."""
    data = bytearray(path.read_bytes())
    offset = rng.randrange(begin, len(data) if end is None else min(end, len(data)))
    data[offset] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def flips(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Flip bits of stored networks, headers and sidecars: noticed and trained again to equal bytes, or without effect."""
    tally = Tally("a bit flipped in the store", r"is not usable \(.*\); it will be trained again")
    folder = calm.copy(scratch / "flips")
    store = Store(folder / "store")
    names = list(store.names())
    for k in range(120):
        name = rng.choice(names)
        path, whole_network = store.path(name, SIDECAR if k % 3 == 2 else NETWORK), store.find(name)
        whole = path.read_bytes()
        flipped(path, rng, end=600 if k % 3 == 0 else None)  # the header comes first
        with logged() as lines:
            read = store.find(name)
        same = read is None or (
            whole_network is not None and _same(read.parameters, whole_network.parameters) and read.facts == whole_network.facts
        )
        tally.note("\n".join(lines) if read is None else None, wrong=not same, case=f"{path.name}, {read is None}")
        path.write_bytes(whole)
    for k in range(3):  # a bit in every network, and all of the sweep to be done again
        shutil.rmtree(folder / "sweep")
        for name in names:
            flipped(store.path(name, SIDECAR if k == 2 else NETWORK), rng, end=600 if k == 0 else None)
        completed = run(folder)
        tally.note(completed.printed, wrong=completed.status != 0 or not calm.equals(folder), case=f"all networks, {completed.status}")
    return tally


def record_flips(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Flip a bit in every byte of the smallest record, and let the same command mend it at some."""
    tally = Tally("a bit flipped in a record", f"{AGAIN}|is damaged, so the job is run again")
    folder = calm.copy(scratch / "record_flips")
    path = min(folder.glob("sweep/*/record.json"), key=lambda record: record.stat().st_size)
    alone = folder / "alone" / "sweep"
    shutil.copytree(path.parent, alone / path.parent.name)
    whole, expected, copy = path.read_bytes(), rows(alone.parent), alone / path.parent.name / "record.json"
    record = records.read_record(path.parent)
    for offset in range(len(whole)):
        flipped(copy, rng, offset, offset + 1)
        sweep, read = find_sweep(alone), records.read_record(copy.parent)
        wrong = read is not None and {key: read.get(key) for key in record or {}} != record  # a flip may make a key of the seal's name
        wrong |= len(sweep.packed) > 0 and rows(alone.parent) != expected
        tally.note(None if sweep.packed else "\n".join(sweep.failures["sentence"]), wrong=wrong, case=f"byte {offset}")
        copy.write_bytes(whole)
    for _ in range(4):
        flipped(path, rng, end=len(whole) - 90)
        written = {name: stamp for name, stamp in finished(folder).items() if name != path}
        completed = run(folder)
        tally.note(
            completed.printed, lost=rewritten(written, folder), wrong=completed.status != 0 or not calm.equals(folder), case="mended"
        )
    return tally


def _same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[key].shape == b[key].shape and torch.equal(a[key], b[key]) for key in a)


def half_trained(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Flip bits of half-trained networks, and go on with them."""
    tally = Tally("a bit flipped in a half-trained network", r"is not usable \(.*\); it will be trained from the start")
    folder = scratch / "half"
    while not (paths := sorted(folder.glob(f"store/*/*{PARTIAL}"))):
        shutil.rmtree(folder, ignore_errors=True)
        command = Command(folder)
        _ = command.wait(rng.uniform(0.3, 0.8) * calm.seconds) or command.end(signal.SIGTERM)
    store = Store(folder / "store")
    for k in range(80):
        path = rng.choice(paths)
        whole, before = path.read_bytes(), store.find_partial(path.stem)
        flipped(path, rng, end=1200 if k % 2 else None)  # the header comes first
        with logged() as lines:
            read = store.find_partial(path.stem)
        same = read is None or (before is not None and read.loss_initial == before.loss_initial and read.step == before.step)
        if read is not None and before is not None:
            same = same and read.tensors.keys() == before.tensors.keys()
            same = same and all(_same(read.tensors[kind], before.tensors[kind]) for kind in before.tensors)
        tally.note("\n".join(lines) if read is None else None, wrong=not same, case=f"{path.name}, {read is None}")
        path.write_bytes(whole)
    for k in range(2):
        other = scratch / f"half_{k}"
        shutil.copytree(folder, other)
        for path in other.glob(f"store/*/*{PARTIAL}"):
            flipped(path, rng, end=1200 if k else None)
        written = finished(other)
        completed = run(other)
        tally.note(
            completed.printed,
            lost=rewritten(written, other),
            wrong=completed.status != 0 or not calm.equals(other),
            case=f"all, {completed.status}",
        )
    return tally


def times_of_files(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Write records again, of equal size and with times that are older, equal, or to come: the index of records is not deceived."""
    tally = Tally("file times that deceive", "")
    many, settled = discovery.MANY, discovery.is_settled
    discovery.MANY, discovery.is_settled = 2, lambda stamp, now: True
    try:
        for k in range(12):
            folder = calm.copy(scratch / f"times_{k}")
            load_runs(folder / "sweep")
            path = sorted(folder.glob("sweep/*/record.json"))[k % 4]
            stamp, record = path.stat(), json.loads(path.read_text())
            record["runs"][0]["loss_barrier"] = 123.0
            text = json.dumps(record, indent=1, sort_keys=True)
            text += " " * (stamp.st_size - len(text)) if len(text) <= stamp.st_size else ""
            if k % 2:
                path.write_text(text)
            else:
                write_atomically(path, text.encode())
            when = stamp.st_mtime_ns + (0, -(10**13), 10**13)[k % 3]
            os.utime(path, ns=(when, when))
            runs = load_runs(folder / "sweep")
            is_read = len(runs[(runs["run_id"] == path.parent.name) & (runs["loss_barrier"] == 123.0)]) == 1
            tally.note(None, wrong=not is_read, case=f"{k}, {len(text)} bytes for {stamp.st_size}")
    finally:
        discovery.MANY, discovery.is_settled = many, settled
    return tally
