"""Faults of files: cut off at any length, bits flipped, and times that tell nothing."""

import json
import logging
import os
import random
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.fault_runs import FOLDER, SWEEP, Calm, Command, Tally, finished, rewritten, rows, run, undisturbed
from lmc_sweeps.common.files import write_atomically
from lmc_sweeps.jobs import permutation_files, plane_files, records
from lmc_sweeps.jobs.network_files import NETWORK, PARTIAL, SIDECAR
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.weights import Weights
from multirun_analysis.frames import discovery
from multirun_analysis.frames.discovery import find_sweep, load_runs
from multirun_analysis.frames.planes import find_planes

AGAIN = r"run the sweep again with the same hydra\.sweep\.dir"


@contextmanager
def said_in_log() -> Iterator[list[str]]:
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


def cut_records(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Cut the smallest record off at every length, and let the same command mend it at some."""
    tally = Tally("a record cut off", f"{AGAIN}|is damaged, so the job is run again")
    where = calm.copy(scratch / "cut_records")
    path = min(where.glob("sweep/*/record.json"), key=lambda found: found.stat().st_size)
    whole, victim = path.read_bytes(), path.parent.name
    pair = where / "pair" / "sweep"  # the record and one other: there are many lengths
    for folder in (path.parent, next(found.parent for found in where.glob("sweep/*/record.json") if found != path)):
        shutil.copytree(folder, pair / folder.name)
    kept = {row for row in rows(pair.parent) if victim not in row}
    for length in range(len(whole)):
        (pair / victim / "record.json").write_bytes(whole[:length])
        found = find_sweep(pair)
        same = len(found.packed) == 1 and victim != found.packed[0].head["run_id"] and (length % 100 > 0 or rows(pair.parent) == kept)
        wrong = not same or records.read_record(pair / victim) is not None
        said = "\n".join(f"{row.status}: {row.sentence}" for row in found.failures.itertuples() if row.run_id == victim)
        tally.note(said, wrong=wrong, what=f"{length} bytes")
    for length in (0, *(rng.randrange(len(whole)) for _ in range(2)), len(whole) - 1):
        path.write_bytes(whole[:length])
        written = {name: stamp for name, stamp in finished(where).items() if name != path}
        done = run(where)
        tally.note(
            done.said if victim in done.said else "", lost=rewritten(written, where), wrong=not calm.equals(where), what=f"{length}, mended"
        )
    return tally


def cut_others(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Cut off what lies beside records: expected jobs, permutations, planes."""
    tally = Tally("other files cut off", f"{AGAIN}|the same command measures them again|is damaged; its planes are measured again")
    where = scratch / "cut_others"
    own = undisturbed(where, *SWEEP, FOLDER, "plane=true")
    _cut_expected(tally, own, rng)
    _cut_permutations(tally, own, rng)
    _cut_planes(tally, own, rng)
    return tally


def _cut_expected(tally: Tally, own: Calm, rng: random.Random) -> None:
    path = own.where / "sweep" / "expected.jsonl"
    whole, all_rows, tables = path.read_bytes(), rows(own.where), own.copy(own.where.with_name("cut_expected"))
    for _ in range(30):
        length = rng.randrange(len(whole))
        path.write_bytes(whole[:length])
        found = find_sweep(own.where / "sweep")
        said = "\n".join(found.failures["sentence"]) if whole[length - 1 : length] not in (b"", b"\n") else None  # whole lines show nothing
        tally.note(said, wrong=rows(own.where) != all_rows, what=f"expected.jsonl, {length} bytes")
    for _ in range(2):
        path.write_bytes(whole[: rng.randrange(len(whole))])
        done = run(own.where, *SWEEP, FOLDER, "plane=true")
        wrong = path.read_bytes() != whole or done.status != 0 or not Calm(tables, 0.0).equals(own.where)
        tally.note(None, wrong=wrong, what=f"expected.jsonl, mended, {done.status}")


def _cut_permutations(tally: Tally, own: Calm, rng: random.Random) -> None:
    path = sorted(own.where.glob("sweep/*/permutations.npz"))[0]
    whole, kept = (
        path.read_bytes(),
        {
            key: found.tolist()
            for key, found in permutation_files.read_permutations(path.parent, records.read_record(path.parent) or {}).items()
        },
    )
    for _ in range(30):
        length = rng.randrange(len(whole))
        path.write_bytes(whole[:length])
        with said_in_log() as lines:
            wrong = permutation_files.read_permutations(path.parent, records.read_record(path.parent) or {}) != {}
        tally.note("\n".join(lines), wrong=wrong, what=f"permutations.npz, {length} bytes")
    for _ in range(2):
        path.write_bytes(whole[: rng.randrange(len(whole))])
        before = own.copy(own.where.with_name(f"permutations_{tally.injected}"))
        done = run(own.where, *SWEEP, FOLDER, "plane=true")
        found = {
            key: array.tolist()
            for key, array in permutation_files.read_permutations(path.parent, records.read_record(path.parent) or {}).items()
        }
        wrong = found != kept or done.status != 0 or not Calm(before, 0.0).equals(own.where)
        tally.note(done.said, wrong=wrong, what=f"permutations.npz, mended, {done.status}")


def _cut_planes(tally: Tally, own: Calm, rng: random.Random) -> None:
    path = sorted(own.where.glob("sweep/*/plane.csv"))[0]
    whole, record = path.read_bytes(), records.read_record(path.parent)
    names = [network["name"] for network in (record or {})["networks"]]
    methods: list[Matching] = [Weights()]
    lengths = [*(rng.randrange(len(whole)) for _ in range(24)), *(len(whole) - k for k in range(1, 9))]
    known = find_planes(find_sweep(own.where / "sweep"), own.where / "sweep").frame
    known = known[known["run_id"] != path.parent.name]
    for length in lengths:
        path.write_bytes(whole[:length])
        found = find_planes(find_sweep(own.where / "sweep"), own.where / "sweep")
        with said_in_log():
            lacking = plane_files.methods_without_plane(path.parent, record, names, methods)
        lacking_last = whole[:length].count(b"weights") == whole.count(b"weights") and not lacking
        others = found.frame[found.frame["run_id"] != path.parent.name].reset_index(drop=True)
        wrong = lacking_last or not others.equals(known.reset_index(drop=True)) or len(found.frame) != len(others)
        tally.note("\n".join(found.notes), wrong=wrong, what=f"plane.csv, {length} bytes of {len(whole)}")
    for length in (rng.randrange(len(whole)), len(whole) - 3):
        path.write_bytes(whole[:length])
        done = run(own.where, *SWEEP, FOLDER, "plane=true")
        tally.note(done.said, wrong=path.read_bytes() != whole or done.status != 0, what=f"plane.csv, mended, {done.status}")


def flipped(path: Path, rng: random.Random, begin: int = 0, end: int | None = None) -> None:
    """Flip a random bit of a file."""
    data = bytearray(path.read_bytes())
    place = rng.randrange(begin, len(data) if end is None else min(end, len(data)))
    data[place] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def flips(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Flip bits of stored networks, headers and sidecars: noticed and trained again to equal bytes, or without effect."""
    tally = Tally("a bit flipped in the store", r"is not usable \(.*\); it will be trained again")
    where = calm.copy(scratch / "flips")
    store = Store(where / "store")
    names = list(store.names())
    for k in range(120):
        name = rng.choice(names)
        path, whole_network = store.path(name, SIDECAR if k % 3 == 2 else NETWORK), store.find(name)
        whole = path.read_bytes()
        flipped(path, rng, end=600 if k % 3 == 0 else None)  # the header comes first
        with said_in_log() as lines:
            found = store.find(name)
        same = found is None or (
            whole_network is not None and _same(found.parameters, whole_network.parameters) and found.facts == whole_network.facts
        )
        tally.note("\n".join(lines) if found is None else None, wrong=not same, what=f"{path.name}, {found is None}")
        path.write_bytes(whole)
    for k in range(3):  # a bit in every network, and all of the sweep to be done again
        shutil.rmtree(where / "sweep")
        for name in names:
            flipped(store.path(name, SIDECAR if k == 2 else NETWORK), rng, end=600 if k == 0 else None)
        done = run(where)
        tally.note(done.said, wrong=done.status != 0 or not calm.equals(where), what=f"all networks, {done.status}")
    return tally


def record_flips(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Flip a bit in every byte of the smallest record, and let the same command mend it at some."""
    tally = Tally("a bit flipped in a record", f"{AGAIN}|is damaged, so the job is run again")
    where = calm.copy(scratch / "record_flips")
    path = min(where.glob("sweep/*/record.json"), key=lambda found: found.stat().st_size)
    alone = where / "alone" / "sweep"
    shutil.copytree(path.parent, alone / path.parent.name)
    whole, kept, copy = path.read_bytes(), rows(alone.parent), alone / path.parent.name / "record.json"
    record = records.read_record(path.parent)
    for place in range(len(whole)):
        flipped(copy, rng, place, place + 1)
        found, read = find_sweep(alone), records.read_record(copy.parent)
        wrong = read is not None and {key: read.get(key) for key in record or {}} != record  # a flip may make a key of the seal's name
        wrong |= len(found.packed) > 0 and rows(alone.parent) != kept
        tally.note(None if found.packed else "\n".join(found.failures["sentence"]), wrong=wrong, what=f"byte {place}")
        copy.write_bytes(whole)
    for _ in range(4):
        flipped(path, rng, end=len(whole) - 90)
        written = {name: stamp for name, stamp in finished(where).items() if name != path}
        done = run(where)
        tally.note(done.said, lost=rewritten(written, where), wrong=done.status != 0 or not calm.equals(where), what="mended")
    return tally


def _same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[key].shape == b[key].shape and torch.equal(a[key], b[key]) for key in a)


def half_trained(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Flip bits of half-trained networks, and go on with them."""
    tally = Tally("a bit flipped in a half-trained network", r"is not usable \(.*\); it will be trained from the start")
    where = scratch / "half"
    while not (paths := sorted(where.glob(f"store/*/*{PARTIAL}"))):
        shutil.rmtree(where, ignore_errors=True)
        command = Command(where)
        _ = command.wait(rng.uniform(0.3, 0.8) * calm.seconds) or command.end(signal.SIGTERM)
    store = Store(where / "store")
    for k in range(80):
        path = rng.choice(paths)
        whole, kept = path.read_bytes(), store.find_partial(path.stem)
        flipped(path, rng, end=1200 if k % 2 else None)  # the header comes first
        with said_in_log() as lines:
            found = store.find_partial(path.stem)
        same = found is None or (kept is not None and found.loss_initial == kept.loss_initial and found.step == kept.step)
        if found is not None and kept is not None:
            same = same and found.tensors.keys() == kept.tensors.keys()
            same = same and all(_same(found.tensors[kind], kept.tensors[kind]) for kind in kept.tensors)
        tally.note("\n".join(lines) if found is None else None, wrong=not same, what=f"{path.name}, {found is None}")
        path.write_bytes(whole)
    for k in range(2):
        other = scratch / f"half_{k}"
        shutil.copytree(where, other)
        for path in other.glob(f"store/*/*{PARTIAL}"):
            flipped(path, rng, end=1200 if k else None)
        written = finished(other)
        done = run(other)
        tally.note(done.said, lost=rewritten(written, other), wrong=done.status != 0 or not calm.equals(other), what=f"all, {done.status}")
    return tally


def times_of_files(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Write records again, of equal size and with times that are older, equal, or to come: the index of records is not deceived."""
    tally = Tally("file times that deceive", "")
    many, settled = discovery.MANY, discovery.is_settled
    discovery.MANY, discovery.is_settled = 2, lambda stamp, now: True
    try:
        for k in range(12):
            where = calm.copy(scratch / f"times_{k}")
            load_runs(where / "sweep")
            path = sorted(where.glob("sweep/*/record.json"))[k % 4]
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
            runs = load_runs(where / "sweep")
            seen = len(runs[(runs["run_id"] == path.parent.name) & (runs["loss_barrier"] == 123.0)]) == 1
            tally.note(None, wrong=not seen, what=f"{k}, {len(text)} bytes for {stamp.st_size}")
    finally:
        discovery.MANY, discovery.is_settled = many, settled
    return tally
