"""What a job's folder still lacks of what it is asked for, and what becomes of what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lmc_sweeps import matching, repair
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.permutation_files import permutations_are_damaged
from lmc_sweeps.jobs.plane_files import methods_without_plane
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import POINTS_NOTE, Record
from lmc_sweeps.jobs.settings import SPLITS, JobSettings
from lmc_sweeps.jobs.training_curves import lacks_training_curves
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.measuring.pairs import with_identity, with_none
from lmc_sweeps.repair.base import Repair
from multirun_analysis.schema import CODE, RECORD, method_of, repair_of

Part = TypeVar("Part", Matching, Repair)


def is_complete(job: PreparedJob, folder: Path) -> bool:
    """Return whether a job's folder holds all that it is asked for, and nothing that failed."""
    try:
        record = records.read_record(folder)
        if record is None or record["run_id"] != job.run_id:
            return False
        if missing_methods(job.settings, record, folder) or missing_planes(job, folder, record):
            return False
        return "failure" not in record and not lacks_training_curves(job, record)
    except InputError:  # of a later version, or with methods unknown here: the job itself will say so
        return False


@dataclass(frozen=True)
class Forecast:
    """What will happen to a job for what its folder holds: the points of its lines, if these are not those asked for; why it cannot run."""

    points: int | None = None
    obstacle: str | None = None


def forecast(job: PreparedJob, folder: Path) -> Forecast:
    """Return what a job's folder does to it, for a plan."""
    try:
        record = records.read_record(folder)
        repairs_of_missing(job.settings, record, folder, missing_methods(job.settings, record, folder))
    except InputError as error:
        return Forecast(obstacle=str(error))
    is_other = record is not None and records.is_finished(record) and record["points"] != job.settings.points
    return Forecast(points=record["points"] if record is not None and is_other else None)


def missing_methods(settings: JobSettings, record: Record | None, folder: Path) -> list[Matching]:
    """Return the methods to measure; with more `points`, or damaged permutations, all of the record are measured again."""
    requested = list(with_identity(settings.matching))
    if record is None or not records.is_finished(record):
        return requested
    if record["points"] < settings.points or permutations_are_damaged(folder, record):
        earlier = [
            _recorded("matching method", method_of(entry), entry, matching.choices(), folder, requested) for entry in record["matching"]
        ]
        return list(dict.fromkeys([*earlier, *requested]))
    repairs = with_none(settings.repair)
    return [method for method in requested if not records.is_measured(record, method, repairs, settings.pairs(), SPLITS[settings.splits])]


def repairs_of_missing(settings: JobSettings, record: Record | None, folder: Path, methods: Sequence[Matching]) -> list[Repair]:
    """Return the repairs to measure missing methods with: those asked for, and those that the record has of any of them."""
    requested = list(with_none(settings.repair))
    if record is None or not records.is_finished(record):
        return requested
    held = set().union(*(records.repairs_of(record, (method.name, method.settings_hash())) for method in methods))
    entries = [entry for entry in record.get("repair", []) if repair_of(entry) in held]
    earlier = [_recorded("repair", repair_of(entry), entry, repair.choices(), folder, requested) for entry in entries]
    return list(with_none([*dict.fromkeys([*earlier, *requested])]))


def _recorded(
    kind: str, key: tuple[str, str], entry: Mapping[str, Any], choices: Mapping[str, type[Part]], folder: Path, requested: Sequence[Part]
) -> Part:
    """Return a method or a repair of a record, to be measured again; `key` is its name and the hash of its settings.

    Raises
    ------
    InputError
        If it is unknown here, or means something else.
    """
    for part in requested:  # whose settings the record may not show
        if (part.name, part.settings_hash()) == key:
            return part
    try:
        settings = {name: value for name, value in entry["settings"].items() if name.rpartition(".")[2] != CODE}
        part = choices[key[0]](**settings)
        if part.settings_hash() == key[1]:
            return part
    except (KeyError, TypeError, InputError):
        pass
    raise InputError(
        f"{folder / RECORD} holds results of the {kind} {key[0]!r} with the settings {entry.get('settings')}. "
        "They would have to be measured again, and are unknown here: of a later version, of a part that is not on this machine, or with a "
        "secret, which no record holds, or of a part whose code was changed. The job is left as it is; run it where they are known, with "
        f"this {kind.split()[-1]} asked for too, or in another hydra.sweep.dir."
    )


def missing_planes(job: PreparedJob, folder: Path, record: Record | None) -> list[Matching]:
    """Return the methods whose planes are asked for and lacking."""
    return methods_without_plane(folder, record, job.network_names, job.settings.matching) if job.settings.plane else []


def points_of_lines(settings: JobSettings, record: Record | None) -> int:
    """Return the number of points of a job's lines: nothing coarser replaces those of its record."""
    return settings.points if record is None or not records.is_finished(record) else max(settings.points, record["points"])


def points_note(requested: int, record: Record | None, methods: Sequence[Matching]) -> str | None:
    """Return the note on lines that have other points than were asked for, or than those that were there."""
    present = requested if record is None or not records.is_finished(record) else record["points"]
    if present < requested:
        return f"{POINTS_NOTE} all lines were measured again at {requested} points, in place of {present}."
    if present > requested:
        names = ", ".join(dict.fromkeys(method.name for method in methods))
        return (
            f"{POINTS_NOTE} {names}: measured at the {present} points of the lines that were there, not at the {requested} that were "
            "asked for."
        )
    return None
