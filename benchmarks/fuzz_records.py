"""The readers of what a sweep writes: records, their index, expected jobs, commands, planes."""

import contextlib
import json
import tempfile
from pathlib import Path

from benchmarks import mutating
from benchmarks.fuzz_base import Reader, unless
from benchmarks.records import write_sweep
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs import plane_files, records
from lmc_sweeps.jobs.merged_records import merged
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.sweeps import expected
from multirun_analysis import schema
from multirun_analysis.frames import planes
from multirun_analysis.records import commands, index, reading
from multirun_analysis.records.packed import PackedRecord
from multirun_analysis.schema import PLANE_FILE, RECORD

RUN = "0123456789abcdef"


def _records() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write_sweep(Path(folder), seeds=range(1), widths=(8,), rates=range(1))
        record = json.loads(next(Path(folder).glob("*/record.json")).read_bytes())
    record |= {name: record[name][:4] for name in ("runs", "curves", "layers")}
    record["points"] = 3
    record["curves"] = [curve | {name: curve[name][:3] for name in ("t", "loss", "error")} for curve in record["curves"]]
    failed = {"schema_version": 1, "run_id": RUN, "status": "failed", "sentence": "it failed.", "scope": {"width": 8}}
    return [json.dumps(record).encode(), json.dumps(failed).encode(), schema.sealed(schema.canonical(record))]


def _seal(path: Path) -> None:
    """Seal a damaged record again where that can be: behind the seal, too, nothing may come as a surprise."""
    with contextlib.suppress(Exception):
        record = json.loads(path.read_bytes())
        record.pop(schema.SEAL_KEY, None)
        path.write_bytes(schema.sealed(schema.canonical(record)))


def _read_sealed(path: Path) -> None:
    _seal(path)
    reading.read_record(path)


def _use_record(path: Path) -> bool:
    """Read a record, and do with it what a job does with one that it finds."""
    _seal(path)
    try:
        record = records.read_record(path.parent)
    except InputError:  # a later version's
        return False
    if record is not None and records.is_finished(record):
        records.is_measured(record, Weights(), [NoRepair()])
        merged(record, record)
        plane_files.methods_without_plane(path.parent, record, ["a", "b"], [Weights()])
    return record is not None


def _lines() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write_sweep(Path(folder), seeds=range(2), widths=(8,), rates=range(1))
        return [(Path(folder) / "expected.jsonl").read_bytes()]


def _seal_lines(path: Path) -> None:
    """Seal the damaged lines of a file again where that can be, as `_seal` does records."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines):
        with contextlib.suppress(Exception):
            entry = json.loads(line)
            entry.pop(schema.SEAL_KEY, None)
            lines[number] = schema.sealed_line(entry).removesuffix("\n")
    with contextlib.suppress(UnicodeError):  # half a letter, which stands in no file
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _expect(path: Path) -> bool:
    """Read what a sweep expects, and number its jobs."""
    _seal_lines(path)
    expected.labels(path.parent)
    return len(expected.read_expected(path.parent)) == 2


def _read_lines(path: Path) -> None:
    _seal_lines(path)
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        reading.read_expected(line)


def _typed() -> list[bytes]:
    return ["".join(schema.sealed_line({"command": f"python -m lmc_sweeps{more}"}) for more in (" width=8 -m", "")).encode()]


def _load_typed(path: Path) -> bool:
    """Read what was typed; both commands, if nothing is damaged."""
    _seal_lines(path)
    return len(commands.load_commands([path.parent])) == 2


def _indexes() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write_sweep(Path(folder), seeds=range(2), widths=(8,), rates=range(1))
        entries = {
            path.parent.name: index.Entry((1, 2, 3, 4), reading.read_record(path)) for path in sorted(Path(folder).glob("*/record.json"))
        }
        index.save_index(Path(folder) / "records.index", entries)
        return [(Path(folder) / "records.index").read_bytes()]


def _planes() -> list[bytes]:
    pair = json.loads(_records()[0])["runs"][-1]
    key = ",".join(str(pair[name]) for name in ("network_a", "network_b", "matching", "settings_hash"))
    points = [f"{x},{y},,0.5,0.25" for x in (0, 1) for y in (0, 1)] + [
        f"{k},0,{name},0.5,0.25" for k, name in enumerate(schema.PLANE_NETWORKS)
    ]
    return ["\n".join([",".join(schema.names(schema.PLANE)), *(f"{key},{point}" for point in points), ""]).encode()]


class _PlaneOfRecord:
    """The analysis' reader of planes, beside one and the same record."""

    record: PackedRecord | None = None

    def __call__(self, path: Path) -> None:
        if self.record is None:
            path.with_name("record.json").write_bytes(_records()[2])
            self.record = reading.read_record(path.with_name("record.json"))
        planes._read(path, {path.name: schema.digest(path.read_bytes())}, self.record)


_ERRORS = reading.UNREADABLE  # what the analysis' readers end in
READERS = {
    "record, as jobs read it": Reader(RECORD, 6000, _records, mutating.by_json, _use_record),
    "record, as the analysis reads it": Reader(RECORD, 12_000, _records, mutating.by_json, unless(_read_sealed, *_ERRORS)),
    "expected.jsonl, as sweeps read it": Reader(expected.EXPECTED, 10_000, _lines, mutating.by_lines, _expect),
    "expected.jsonl, as the analysis reads it": Reader(expected.EXPECTED, 10_000, _lines, mutating.by_lines, unless(_read_lines, *_ERRORS)),
    "commands.jsonl": Reader(commands.COMMANDS, 10_000, _typed, mutating.by_lines, _load_typed),
    "records.index": Reader("records.index", 10_000, _indexes, mutating.by_index, lambda path: bool(index.load_index(path))),
    "plane.csv, as jobs read it": Reader(
        PLANE_FILE,
        10_000,
        _planes,
        mutating.by_csv,
        lambda path: bool(plane_files.read_planes(path.parent, {schema.FILES: {path.name: schema.digest(path.read_bytes())}})),
    ),
    "plane.csv, as the analysis reads it": Reader(PLANE_FILE, 4000, _planes, mutating.by_csv, unless(_PlaneOfRecord(), *_ERRORS)),
}
