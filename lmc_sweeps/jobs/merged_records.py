"""What becomes of two records of one job that were measured at different times."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from lmc_sweeps.jobs.records import NO_PLANE, POINTS_NOTE, SEARCHES, Record, Row, methods_of
from multirun_analysis.schema import FILES, NO_REPAIR, TRAINING, method_of, repair_of


def with_repairs(entries: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the entries of repairs, and those of others that are not among them."""
    present = set(map(repair_of, entries))
    return [*entries, *(entry for entry in others if repair_of(entry) not in present)]


def merged(old: Record, new: Record) -> Record:
    """Return a record that holds the results of both; of methods that both have, those of the new one.

    Raises
    ------
    ValueError
        If it would hold lines of several numbers of points.
    """
    fresh = set(methods_of(new))
    if old["points"] != new["points"] and not fresh.issuperset(methods_of(old)):
        raise ValueError(f"lines of {old['points']} and of {new['points']} points do not go into one record")

    def both(table: Literal["matching", "runs", "curves", "layers"]) -> list[Any]:
        return [row for row in old[table] if method_of(row) not in fresh] + list(new[table])

    measured = (*(f"{entry['matching']}:" for entry in new["matching"]), *(() if old["points"] == new["points"] else (POINTS_NOTE,)))
    notes = [note for note in old["notes"] if not note.startswith(measured)]  # of what was measured again, the notes of this time
    record: Record = {
        **new,
        "matching": both("matching"),
        "repair": with_repairs(old.get("repair", [NO_REPAIR]), new.get("repair", [NO_REPAIR])),
        "runs": both("runs"),
        "curves": both("curves"),
        "layers": both("layers"),
        "files": {**old.get(FILES, {}), **new.get(FILES, {})},
        "notes": list(dict.fromkeys(notes + new["notes"])),
    }
    searches = [row for row in old.get(SEARCHES, []) if method_of(row) not in fresh] + list(new.get(SEARCHES, []))
    if searches:
        record[SEARCHES] = searches
    if TRAINING in old or TRAINING in new:
        record[TRAINING] = joined_curves(old.get(TRAINING, []), new.get(TRAINING, []))
    if NO_PLANE in old:  # measured apart, and still true
        record[NO_PLANE] = old[NO_PLANE]
    return record


def joined_curves(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """Return the points of training curves of two records of a job, by network, epoch and split; of those that both have, the new one's."""
    points = {(row["network"], row["epoch"], row["split"]): row for row in (*old, *new)}
    return [points[key] for key in sorted(points)]
