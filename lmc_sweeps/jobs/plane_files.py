"""`plane.csv` beside a record: which planes a job still lacks, and adding them to those that are there."""

import csv
import io
import itertools
import logging
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.devices import resolve_device
from lmc_sweeps.common.files import locked, write_atomically
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.network_files import StoredNetwork
from lmc_sweeps.jobs.permutation_files import read_maps
from lmc_sweeps.jobs.planned import taken_split
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import NO_PLANE, Record
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.measuring.lines import Pair
from lmc_sweeps.measuring.pairs import method_key
from lmc_sweeps.measuring.planes import N_ROWS, PlaneRow, plane_rows
from lmc_sweeps.symmetry.maps import Map
from multirun_analysis import schema
from multirun_analysis.schema import FILES, PERMUTATIONS, PLANE_FILE, RECORD

log = logging.getLogger(__name__)
KEY = (*schema.PAIR, *schema.METHOD)
Row = Mapping[str, Any]


def methods_without_plane(folder: Path, record: Record | None, names: Sequence[str], methods: Sequence[Matching]) -> list[Matching]:
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
    present = {key for key, count in counts.items() if count == N_ROWS} | {_key(row) for row in (record or {}).get(NO_PLANE, [])}
    pairs = list(itertools.combinations(names, 2))
    return [m for m in methods if m.name != "identity" and not all((*pair, m.name, m.settings_hash()) in present for pair in pairs)]


@dataclass(frozen=True)
class Planes:
    """What was measured: rows of ``plane.csv``, the pairs and methods that have no plane, and a sentence for each of these."""

    rows: list[dict[str, Any]]
    without: list[dict[str, Any]]
    notes: list[str]


def add_planes(
    job: PreparedJob, folder: Path, record: Record, networks: Sequence[StoredNetwork], methods: Sequence[Matching], start: float
) -> Record:
    """Measure the planes of some methods beside the record that is there, and return it as it is then.

    Parameters
    ----------
    job : PreparedJob
    folder : Path
    record : dict
        Of that folder, finished.
    networks : sequence of StoredNetwork
        On the job's device.
    methods : sequence of Matching
    start : float
        When the job began, by `time.perf_counter`.
    """
    planes = measure_planes(job, folder, record, networks, methods)
    seconds = time.perf_counter() - start
    log.info("measured the planes of %d methods; %.1f s in all", len(methods), seconds)
    return keep_planes(folder, planes, seconds, record["run_id"])


def measure_planes(
    job: PreparedJob, folder: Path, record: Record, networks: Sequence[StoredNetwork], methods: Sequence[Matching]
) -> Planes:
    """Return the planes of every pair of networks by some methods, with the permutations that are kept in a folder.

    Raises
    ------
    InputError
        If the permutations are lost.
    """
    maps = read_maps(folder, record)
    names, architecture, planes = job.network_names, job.architecture, Planes([], [], [])
    test = taken_split(architecture, job.data.test, resolve_device(job.settings.device))
    for (i, j), method in itertools.product(itertools.combinations(range(len(names)), 2), methods):
        key = dict(zip(KEY, (names[i], names[j], method.name, method.settings_hash()), strict=True))
        rows: list[PlaneRow] = []
        reason = "a weight of theirs is not finite"
        if networks[i].facts.finite and networks[j].facts.finite:
            pair = Pair(architecture, networks[i].parameters, networks[j].parameters, 0, test.inputs).seen_by(method)
            by_group = _of_method(folder, maps, f"{names[i]}.{names[j]}.{method_key(method)}")
            rows = plane_rows(architecture, pair.a, pair.b, pair.graph.apply(pair.b, by_group), test)
            reason = "A, B and permuted B lie on one line"
        planes.rows.extend(key | asdict(row) for row in rows)
        if not rows:
            planes.without.append(key)
            planes.notes.append(f"plane: there is none through networks {i} and {j} matched by {method.name}, for {reason}.")
    return planes


def _of_method(folder: Path, flat: Mapping[str, np.ndarray | Map], prefix: str) -> dict[str, np.ndarray | Map]:
    """Return by group the maps of one pair and method."""
    by_group = {key.partition("/")[2]: mapping for key, mapping in flat.items() if key.partition("/")[0] == prefix}
    if not by_group:
        path = str(folder / PERMUTATIONS)
        raise InputError(f"{path!r} is missing or damaged; remove {RECORD} beside it and run the job again.")
    return by_group


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
    with locked(folder / RECORD):
        record = records.read_record(folder)  # only now: another process may have added to either file meanwhile
        records.check_same_job(folder, record, run_id)
        if record is None or not records.is_finished(record):
            raise InputError(f"{str(folder / RECORD)!r} was lost while its planes were measured; run the job again.")
        fresh = {_key(row) for row in planes.rows}
        if fresh:
            others = [row for row in read_planes(folder, record) if _key(row) not in fresh]
            contents = _text([*others, *planes.rows]).encode()
            write_atomically(folder / PLANE_FILE, contents)
            record[FILES] = {**record.get(FILES, {}), PLANE_FILE: schema.digest(contents)}
        record[NO_PLANE] = [row for row in record.get(NO_PLANE, []) if row not in planes.without] + planes.without
        record["notes"] = list(dict.fromkeys([*record["notes"], *planes.notes]))
        record |= {"config": record["config"] | {"plane": True}, "seconds": seconds}
        record.pop("failure", None)  # of what was asked for, nothing is lacking now
        records.write_record(folder, record)
    return record


def read_planes(folder: Path, record: Record | None) -> list[dict[str, str]]:
    """Return the rows of a folder's ``plane.csv``; none if there is no such file or (the log says so) the record does not vouch for it."""
    path = folder / PLANE_FILE
    columns = schema.names(schema.PLANE)
    if PLANE_FILE not in (record or {}).get(FILES, {}):
        if path.exists():
            log.warning("%s has no seal in the record beside it; its planes are measured again where they are asked for.", path)
        return []
    try:
        text = records.read_beside(folder, record or {}, PLANE_FILE).decode()
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
