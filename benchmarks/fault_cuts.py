"""Faults of files: records, and what lies beside them, cut off at any length."""

import random
import shutil
from pathlib import Path

from benchmarks.fault_runs import FOLDER, SWEEP, Calm, finished, logged, rewritten, rows, run, undisturbed
from benchmarks.fault_tally import Tally
from lmc_sweeps.jobs import permutation_files, plane_files, records
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.weights import Weights
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes

AGAIN = r"run the sweep again with the same hydra\.sweep\.dir"


def cut_records(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Cut the smallest record off at every length, and let the same command mend it at some."""
    tally = Tally("a record cut off", f"{AGAIN}|is damaged, so the job is run again")
    folder = calm.copy(scratch / "cut_records")
    path = min(folder.glob("sweep/*/record.json"), key=lambda record: record.stat().st_size)
    whole, victim = path.read_bytes(), path.parent.name
    pair = folder / "pair" / "sweep"  # the record and one other: there are many lengths
    for job in (path.parent, next(other.parent for other in folder.glob("sweep/*/record.json") if other != path)):
        shutil.copytree(job, pair / job.name)
    expected = {row for row in rows(pair.parent) if victim not in row}
    for length in range(len(whole)):
        (pair / victim / "record.json").write_bytes(whole[:length])
        sweep = find_sweep(pair)
        same = len(sweep.packed) == 1 and victim != sweep.packed[0].head["run_id"] and (length % 100 > 0 or rows(pair.parent) == expected)
        wrong = not same or records.read_record(pair / victim) is not None
        message = "\n".join(f"{row.status}: {row.sentence}" for row in sweep.failures.itertuples() if row.run_id == victim)
        tally.note(message, wrong=wrong, case=f"{length} bytes")
    for length in (0, *(rng.randrange(len(whole)) for _ in range(2)), len(whole) - 1):
        path.write_bytes(whole[:length])
        written = {name: stamp for name, stamp in finished(folder).items() if name != path}
        completed = run(folder)
        tally.note(
            completed.printed if victim in completed.printed else "",
            lost=rewritten(written, folder),
            wrong=not calm.equals(folder),
            case=f"{length}, mended",
        )
    return tally


def cut_others(calm: Calm, scratch: Path, rng: random.Random) -> Tally:
    """Cut off what lies beside records: expected jobs, permutations, planes."""
    tally = Tally("other files cut off", f"{AGAIN}|the same command measures them again|is damaged; its planes are measured again")
    folder = scratch / "cut_others"
    own = undisturbed(folder, *SWEEP, FOLDER, "plane=true")
    _cut_expected(tally, own, rng)
    _cut_permutations(tally, own, rng)
    _cut_planes(tally, own, rng)
    return tally


def _cut_expected(tally: Tally, own: Calm, rng: random.Random) -> None:
    path = own.folder / "sweep" / "expected.jsonl"
    whole, all_rows, tables = path.read_bytes(), rows(own.folder), own.copy(own.folder.with_name("cut_expected"))
    for _ in range(30):
        length = rng.randrange(len(whole))
        path.write_bytes(whole[:length])
        sweep = find_sweep(own.folder / "sweep")
        is_cut = whole[length - 1 : length] not in (b"", b"\n")  # whole lines show nothing
        message = "\n".join(sweep.failures["sentence"]) if is_cut else None
        tally.note(message, wrong=rows(own.folder) != all_rows, case=f"expected.jsonl, {length} bytes")
    for _ in range(2):
        path.write_bytes(whole[: rng.randrange(len(whole))])
        completed = run(own.folder, *SWEEP, FOLDER, "plane=true")
        wrong = path.read_bytes() != whole or completed.status != 0 or not Calm(tables, 0.0).equals(own.folder)
        tally.note(None, wrong=wrong, case=f"expected.jsonl, mended, {completed.status}")


def _cut_permutations(tally: Tally, own: Calm, rng: random.Random) -> None:
    path = sorted(own.folder.glob("sweep/*/permutations.npz"))[0]
    whole, expected = (
        path.read_bytes(),
        {
            key: measured.tolist()
            for key, measured in permutation_files.read_permutations(path.parent, records.read_record(path.parent) or {}).items()
        },
    )
    for _ in range(30):
        length = rng.randrange(len(whole))
        path.write_bytes(whole[:length])
        with logged() as lines:
            wrong = permutation_files.read_permutations(path.parent, records.read_record(path.parent) or {}) != {}
        tally.note("\n".join(lines), wrong=wrong, case=f"permutations.npz, {length} bytes")
    for _ in range(2):
        path.write_bytes(whole[: rng.randrange(len(whole))])
        before = own.copy(own.folder.with_name(f"permutations_{tally.injected}"))
        completed = run(own.folder, *SWEEP, FOLDER, "plane=true")
        measured = {
            key: array.tolist()
            for key, array in permutation_files.read_permutations(path.parent, records.read_record(path.parent) or {}).items()
        }
        wrong = measured != expected or completed.status != 0 or not Calm(before, 0.0).equals(own.folder)
        tally.note(completed.printed, wrong=wrong, case=f"permutations.npz, mended, {completed.status}")


def _cut_planes(tally: Tally, own: Calm, rng: random.Random) -> None:
    path = sorted(own.folder.glob("sweep/*/plane.csv"))[0]
    whole, record = path.read_bytes(), records.read_record(path.parent)
    names = [network["name"] for network in (record or {})["networks"]]
    methods: list[Matching] = [Weights()]
    lengths = [*(rng.randrange(len(whole)) for _ in range(24)), *(len(whole) - k for k in range(1, 9))]
    expected_frame = find_planes(find_sweep(own.folder / "sweep"), own.folder / "sweep").frame
    expected_frame = expected_frame[expected_frame["run_id"] != path.parent.name]
    for length in lengths:
        path.write_bytes(whole[:length])
        planes = find_planes(find_sweep(own.folder / "sweep"), own.folder / "sweep")
        with logged():
            lacking = plane_files.methods_without_plane(path.parent, record, names, methods)
        lacking_last = whole[:length].count(b"weights") == whole.count(b"weights") and not lacking
        others = planes.frame[planes.frame["run_id"] != path.parent.name].reset_index(drop=True)
        wrong = lacking_last or not others.equals(expected_frame.reset_index(drop=True)) or len(planes.frame) != len(others)
        tally.note("\n".join(planes.notes), wrong=wrong, case=f"plane.csv, {length} bytes of {len(whole)}")
    for length in (rng.randrange(len(whole)), len(whole) - 3):
        path.write_bytes(whole[:length])
        completed = run(own.folder, *SWEEP, FOLDER, "plane=true")
        tally.note(
            completed.printed, wrong=path.read_bytes() != whole or completed.status != 0, case=f"plane.csv, mended, {completed.status}"
        )
