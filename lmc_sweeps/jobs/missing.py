"""What a job's folder still lacks of what it is asked for, and what becomes of what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmc_sweeps import matching
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.plane_files import missing_planes
from lmc_sweeps.jobs.records import POINTS_NOTE, Record
from lmc_sweeps.jobs.settings import JobSettings, network_name, run_id
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.measuring.pairs import with_identity


def is_complete(settings: JobSettings, fingerprint: str, folder: Path) -> bool:
    """Return whether a job's folder holds all that it is asked for, and nothing that failed."""
    try:
        known = records.read_record(folder)
        if known is None or known["run_id"] != run_id(settings, fingerprint):
            return False
        lacking = missing_methods(settings, known, folder) or planes_lacking(settings, fingerprint, folder, known)
        return "failure" not in known and not lacking
    except InputError:  # of a later version, or with methods unknown here: the job itself will say so
        return False


@dataclass(frozen=True)
class Forecast:
    """What will happen to a job for what its folder holds: the points of its lines, if these are not those asked for; why it cannot run."""

    points: int | None = None
    obstacle: str | None = None


def forecast(settings: JobSettings, folder: Path) -> Forecast:
    """Return what a job's folder does to it, for a plan."""
    try:
        known = records.read_record(folder)
        missing_methods(settings, known, folder)
    except InputError as error:
        return Forecast(obstacle=str(error))
    is_other = known is not None and records.is_finished(known) and known["points"] != settings.points
    return Forecast(points=known["points"] if known is not None and is_other else None)


def missing_methods(settings: JobSettings, known: Record | None, folder: Path) -> list[Matching]:
    """Return the methods to measure; with more `points`, or damaged permutations, all of the record are measured anew."""
    asked = list(with_identity(settings.matching))
    if known is None or not records.is_finished(known):
        return asked
    if known["points"] < settings.points or records.permutations_are_damaged(folder, known):
        return list(dict.fromkeys([*(_method(entry, folder, asked) for entry in known["matching"]), *asked]))
    return [method for method in asked if not records.is_measured(known, method)]


def _method(entry: Mapping[str, Any], folder: Path, asked: Sequence[Matching]) -> Matching:
    """Return a method of a record, to be measured anew.

    Raises
    ------
    InputError
        If it is unknown here, or means something else.
    """
    for method in asked:  # whose settings the record may not tell
        if (method.name, method.settings_hash()) == (entry["matching"], entry["settings_hash"]):
            return method
    try:
        method = matching.choices()[entry["matching"]](**entry["settings"])
        if method.settings_hash() == entry["settings_hash"]:
            return method
    except (KeyError, TypeError, InputError):
        pass
    raise InputError(
        f"{folder / records.RECORD} holds results of the matching method {entry['matching']!r} with the settings {entry.get('settings')}. "
        "They would have to be measured anew, and are unknown here: of a later version, of a part that is not on this machine, or with a "
        "secret, which no record holds. The job is left as it is; run it where they are known, with this method asked for too, or in "
        "another hydra.sweep.dir."
    )


def planes_lacking(settings: JobSettings, fingerprint: str, folder: Path, known: Record | None) -> list[Matching]:
    """Return the methods whose planes are asked for and lacking."""
    return missing_planes(folder, known, network_names(settings, fingerprint), settings.matching) if settings.plane else []


def line_points(settings: JobSettings, known: Record | None) -> int:
    """Return the number of points of a job's lines: nothing coarser replaces those of its record."""
    return settings.points if known is None or not records.is_finished(known) else max(settings.points, known["points"])


def points_note(asked: int, known: Record | None, methods: Sequence[Matching]) -> str | None:
    """Return what must be said of lines that have other points than were asked for, or than those that were there."""
    there = asked if known is None or not records.is_finished(known) else known["points"]
    if there < asked:
        return f"{POINTS_NOTE} all lines were measured anew at {asked} points, in place of {there}."
    if there > asked:
        names = ", ".join(dict.fromkeys(method.name for method in methods))
        return (
            f"{POINTS_NOTE} {names}: measured at the {there} points of the lines that were there, not at the {asked} that were asked for."
        )
    return None


def network_names(settings: JobSettings, fingerprint: str) -> list[str]:
    """Return the names of a job's networks in the store."""
    return [network_name(settings, fingerprint, number) for number in range(settings.networks)]
