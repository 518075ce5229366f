"""`plane.csv` beside a record: which planes a job still lacks, and adding them to those that are there."""

import csv
import io
import itertools
import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.files import locked, write_atomically
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.records import NO_PLANE, Record
from lmc_sweeps.jobs.store import StoredNetwork
from lmc_sweeps.matching.base import Matching, Permutations
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.measuring.pairs import method_key
from lmc_sweeps.measuring.planes import N_ROWS, PlaneRow, plane_rows
from lmc_sweeps.models.base import Architecture
from multirun_analysis import schema
from multirun_analysis.schema import FILES

log = logging.getLogger(__name__)
PLANE = "plane.csv"
KEY = ("network_a", "network_b", "matching", "settings_hash")
Row = Mapping[str, Any]


def missing_planes(folder: Path, record: Record | None, names: Sequence[str], methods: Sequence[Matching]) -> list[Matching]:
    """Return the methods of which a folder lacks a plane of a pair, where one exists; the identity moves nothing and has none.

    Parameters
    ----------
    folder : Path
    record : dict or None
        Of that folder.
    names : sequence of str
        The job's networks.
    methods : sequence of Matching
    """
    counts = Counter(_key(row) for row in read_planes(folder, record))
    there = {key for key, count in counts.items() if count == N_ROWS} | {_key(row) for row in (record or {}).get(NO_PLANE, [])}
    pairs = list(itertools.combinations(names, 2))
    return [m for m in methods if m.name != "identity" and not all((*pair, m.name, m.settings_hash()) in there for pair in pairs)]


@dataclass(frozen=True)
class Planes:
    """What was measured: rows of ``plane.csv``, the pairs and methods that have no plane, and a sentence for each of these."""

    rows: list[dict[str, Any]]
    without: list[dict[str, Any]]
    notes: list[str]


def measure_planes(
    folder: Path,
    record: Record,
    names: Sequence[str],
    networks: Sequence[StoredNetwork],
    architecture: Architecture,
    test: Split,
    methods: Sequence[Matching],
) -> Planes:
    """Return the planes of every pair of networks by some methods, with the permutations that are kept in a folder.

    Parameters
    ----------
    folder : Path
    record : dict
        Of that folder, finished.
    names : sequence of str
    networks : sequence of StoredNetwork
        On the device of `test`.
    architecture : Architecture
    test : Split
    methods : sequence of Matching

    Raises
    ------
    InputError
        If the permutations are lost.
    """
    permutations = records.read_permutations(folder, record)
    planes = Planes([], [], [])
    for (i, j), method in itertools.product(itertools.combinations(range(len(names)), 2), methods):
        key = dict(zip(KEY, (names[i], names[j], method.name, method.settings_hash()), strict=True))
        found: list[PlaneRow] = []
        why = "a weight of theirs is not finite"
        if networks[i].facts["finite"] and networks[j].facts["finite"]:
            a, b = networks[i].parameters, networks[j].parameters
            moved = _permutations(folder, permutations, f"{names[i]}.{names[j]}.{method_key(method)}")
            found = plane_rows(architecture, a, b, apply_permutations(b, architecture.spec, moved), test)
            why = "A, B and permuted B lie on one line"
        planes.rows.extend(key | asdict(row) for row in found)
        if not found:
            planes.without.append(key)
            planes.notes.append(f"plane: there is none through networks {i} and {j} matched by {method.name}, for {why}.")
    return planes


def _permutations(folder: Path, flat: Permutations, prefix: str) -> dict[str, Any]:
    """Return by group the permutations of one pair and method."""
    found = {key.partition("/")[2]: permutation for key, permutation in flat.items() if key.partition("/")[0] == prefix}
    if not found:
        lost = str(folder / records.PERMUTATIONS)
        raise InputError(f"{lost!r} is missing or damaged; remove {records.RECORD} beside it and run the job again.")
    return found


def keep_planes(folder: Path, planes: Planes, seconds: float, run_id: str) -> Record:
    """Add planes to the folder's file, and to its record which have none; return the record.

    Parameters
    ----------
    folder : Path
    planes : Planes
    seconds : float
        That the job has taken.
    run_id : str
        Of the job whose planes they are.
    """
    with locked(folder / records.RECORD):
        record = records.read_record(folder)  # only now: another process may have added to either file meanwhile
        records.check_same_job(folder, record, run_id)
        if record is None or not records.is_finished(record):
            raise InputError(f"{str(folder / records.RECORD)!r} was lost while its planes were measured; run the job again.")
        fresh = {_key(row) for row in planes.rows}
        if fresh:
            kept = [row for row in read_planes(folder, record) if _key(row) not in fresh]
            contents = _text([*kept, *planes.rows]).encode()
            write_atomically(folder / PLANE, contents)
            record[FILES] = {**record.get(FILES, {}), PLANE: schema.digest(contents)}
        record[NO_PLANE] = [row for row in record.get(NO_PLANE, []) if row not in planes.without] + planes.without
        record["notes"] = list(dict.fromkeys([*record["notes"], *planes.notes]))
        record |= {"config": record["config"] | {"plane": True}, "seconds": seconds}
        record.pop("failure", None)  # of what was asked for, nothing is lacking now
        records.write_record(folder, record)
    return record


def read_planes(folder: Path, record: Record | None) -> list[dict[str, str]]:
    """Return the rows of a folder's ``plane.csv``; none if there is no such file or, said in the log, the record does not vouch for it."""
    path = folder / PLANE
    columns = schema.names(schema.PLANE)
    if PLANE not in (record or {}).get(FILES, {}):
        if path.exists():
            log.warning("%s has no seal in the record beside it; its planes are measured again where they are asked for.", path)
        return []
    try:
        text = records.read_beside(folder, record or {}, PLANE).decode()
        table = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error) as error:
        log.warning("%s cannot be read (%s); its planes are measured again.", path, error)
        return []
    if not table or table[0] != columns or any(len(row) != len(columns) for row in table):
        log.warning("%s is damaged; its planes are measured again.", path)
        return []
    return [dict(zip(columns, row, strict=True)) for row in table[1:]]


def _text(rows: Sequence[Row]) -> str:
    """Return rows as CSV, numbers in a fixed format; those that do not exist are empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(schema.names(schema.PLANE))
    writer.writerows([_cell(row[name]) for name in schema.names(schema.PLANE)] for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}" if math.isfinite(value) else ""
    return str(value)


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)
