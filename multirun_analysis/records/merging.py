"""One job found twice: what one record adds to another, and where the two contradict each other."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from multirun_analysis.records.packed import LAYOUTS, ROW_KEY, TRAINING_CURVES, Layout, PackedRecord, Record, Rows
from multirun_analysis.schema import MASKED, TEST_BLOCKS, mark_of, method_of, repair_of

NAMES = {"matching": method_of, "repair": repair_of}  # what a record has several of, and what tells one from another
TIMES = ("seconds_train", "seconds_match", "seconds_evaluate")


def with_methods(old: Record, new: Record) -> Record:
    """Return a job with the methods and the repairs of another that it lacks."""
    joined = {}
    for key, name_of in NAMES.items():
        present = set(map(name_of, old[key]))
        joined[key] = [*old[key], *(entry for entry in new[key] if name_of(entry) not in present)]
    return {**old, **joined}


def of_other_settings(head: Record, settings_by_method: dict[tuple[str, ...], Mapping[str, Any]]) -> list[str]:
    """Return the methods and repairs of a record whose settings another record has not under the same hash, and note those that are new.

    A hash that two settings share would put both into one mean. Settings that only one of the records has are of another version.
    """
    differing = []
    for kind, name_of in NAMES.items():
        for entry in head[kind]:
            settings = settings_by_method.setdefault((kind, *name_of(entry)), entry["settings"])
            if any(_mark(settings[key]) != _mark(entry["settings"][key]) for key in settings.keys() & entry["settings"].keys()):
                differing.append(str(entry[kind]))
    return differing


def _mark(value: Any) -> str:
    """Return what tells a setting from others: of a text the digest that stands in place of one that is not told."""
    if not isinstance(value, str):
        return repr(value)
    masked = MASKED.fullmatch(value)
    return masked[1] if masked else mark_of(value)


def merged(old: PackedRecord, new: PackedRecord) -> tuple[PackedRecord, list[str]]:
    """Return one record with the rows of two of the same job, and what they contradict each other in.

    Of rows with one key the first counts. Of records whose settings or status differ the first counts as a whole: the other's rows are of
    another job.
    """
    differing = _differing(old.head["scope"], new.head["scope"])
    differing += ["status"] if old.head["status"] != new.head["status"] else []
    if differing:
        return old, [f"another {', '.join(differing)}"]
    rows, sentences = {}, []
    for layout in LAYOUTS:
        rows[layout.name], methods = _merged_rows(old.rows[layout.name], new.rows[layout.name], layout)
        sentences += [f"other {layout.name} for {', '.join(sorted(methods))}"] if methods else []
    head = {**with_methods(old.head, new.head), "notes": list(dict.fromkeys([*old.head["notes"], *new.head["notes"]]))}
    if reason := old.head.get("failure") or new.head.get("failure"):
        head["failure"] = reason
    return PackedRecord(head, rows), sentences


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the settings that both records have and that are not the same; another version may know of more."""
    return sorted(key for key in old.keys() & new.keys() if type(old[key]) is not type(new[key]) or old[key] != new[key])


def _merged_rows(old: Rows, new: Rows, layout: Layout) -> tuple[Rows, set[str]]:
    """Return the rows of both, and the methods, or networks, of rows that are in both and differ, times aside."""
    # Times differ; blocks are of the barriers, which are compared, and a record of an earlier version has none.
    compared = [np.array([name not in (*TIMES, TEST_BLOCKS) for name in names]) for names in (layout.all_numbers, layout.all_words)]
    if old.equal_to(new, *compared):
        return old, set()
    places = {key: index for index, key in enumerate(old.keys(layout, ROW_KEY))}
    fresh, differing = [], set()
    for index, key in enumerate(new.keys(layout, ROW_KEY)):
        if key not in places:
            fresh.append(index)
        elif not old.chosen([places[key]]).equal_to(new.chosen([index]), *compared):
            differing.add(str(key[0] if layout is TRAINING_CURVES else key[2]))
    return old.joined(new.chosen(fresh)), differing
