"""Sweeps from the tables of an analysis, where their records are gone: what `find_sweep` returns, with nothing measured anew.

A CSV has ten digits of every measure: what is computed from it differs in the last of them from what was computed from the records.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from multirun_analysis import schema
from multirun_analysis.checks import InputError
from multirun_analysis.frames.csv_words import read_words, table_file
from multirun_analysis.frames.folders import job_folders
from multirun_analysis.frames.origin import PROVENANCE, Origin, read_facts
from multirun_analysis.frames.published_rows import CURVE, method_of_label, repair_of_label, rows_of_jobs
from multirun_analysis.frames.published_tables import FAILURES, OF_PAIRS, PublishedTables, check_columns, read_tables
from multirun_analysis.frames.tidy import Sweep
from multirun_analysis.records.packed import LAYOUTS, RUNS, TRAINING_CURVES, PackedRecord, Record
from multirun_analysis.records.reading import check_head
from multirun_analysis.records.varying import FIXED, key_column, setting_of
from multirun_analysis.schema import CELL, METHOD, PAIR, REPAIR, WITHOUT_REPAIR

NOTHING = pd.DataFrame(columns=CURVE)  # the rows of a table that is not there
EXPECTED = "barrier_vs_width"  # the table that says how many pairs were to be measured


def is_published(folder: Path) -> bool:
    """Return whether a folder holds the tables of an analysis, and no job."""
    if table_file(folder, RUNS.name) is None:
        return False
    try:
        return not job_folders(folder)
    except InputError:
        return True


def published_sweep(folder: Path) -> Sweep:
    """Return the sweep of which a folder holds the tables.

    Parameters
    ----------
    folder : Path
        With ``runs.csv``; ``curves.csv``, ``layers.csv``, ``training_curves.csv``, ``failures.csv``, ``barrier_vs_width.csv`` (of which
        only the numbers of pairs expected count) and ``provenance.json`` are taken where they are. Each CSV may be compressed.

    Returns
    -------
    Sweep
        Its records say no more than the tables do, and it expects, beside what was measured, what the tables say is missing.

    Raises
    ------
    InputError
        If a table is not as this version, or an earlier one, writes it: column, rule and file are named.
    """
    tables, facts = read_tables(folder), read_facts(folder)
    settings = {} if facts is None else facts["settings"]
    heads = _heads(tables, settings)
    rows = {layout.name: rows_of_jobs(tables.frames.get(layout.name, NOTHING), layout, list(heads)) for layout in LAYOUTS}
    packed = [PackedRecord(heads[run_id], {name: parts[run_id] for name, parts in rows.items()}) for run_id in sorted(heads)]
    failures = tables.frames.get(FAILURES, pd.DataFrame(columns=schema.names(schema.FAILURES)))
    expected_file = table_file(folder, EXPECTED)
    missing = [] if expected_file is None else _missing(expected_file, tables, settings)
    origin = Origin(tables.files, tuple(tables.varying), facts, tuple(_notes(tables, facts is not None, expected_file is not None)))
    return Sweep(tuple(packed), tuple(missing), failures, origin)


def _heads(tables: PublishedTables, settings: Mapping[str, Any]) -> dict[str, Record]:
    """Return what a record says of its job apart from its rows, by the job's name."""
    runs, path, keys = tables.frames[RUNS.name], tables.files[RUNS.name], tables.job_keys
    rows = runs[keys].drop_duplicates()
    differing = rows[rows.duplicated("run_id", keep=False)].sort_values("run_id", kind="stable")
    if len(differing):
        one, other = differing.iloc[0], differing.iloc[1]
        key = next(name for name in keys if one[name] != other[name])
        raise InputError(f"`{key}` in {str(path)!r} must be one for each job, and is {one[key]} and {other[key]} for {one['run_id']}.")
    cells = runs.groupby("run_id", sort=False)
    methods, repairs, *networks = (cells[name].unique() for name in ("matching", "repair", *PAIR))
    heads: dict[str, Record] = {}
    for row in rows.to_dict("records"):
        run_id = row["run_id"]
        scope = _scope({key: row[key] for key in (*FIXED, *tables.varying)}, settings, path)
        names = sorted({name for ends in networks for name in ends[run_id]})
        head = _head(run_id, scope, methods[run_id], repairs[run_id])
        head |= {"status": row["status"], "sentence": "", "notes": [], "networks": [{"name": name} for name in names]}
        try:
            check_head(head)
        except (ValueError, TypeError) as error:
            raise InputError(f"the job {run_id} in {str(path)!r} is none that a sweep has: {error}.") from error
        heads[run_id] = head
    return heads


def _scope(words: Mapping[str, str], settings: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the settings of a job that was measured: those that all such jobs share, and those of its own columns."""
    own = {key: setting_of(word) for key, word in words.items()}
    for key in own.keys() & settings.keys():
        if key_column([own[key]]) != key_column([settings[key]]):
            raise InputError(f"`{key}` must be the same in {PROVENANCE} and in {str(path)!r}, and is {settings[key]!r} and {own[key]!r}.")
    return {**settings, **own}


def _head(run_id: str, scope: Mapping[str, Any], methods: Sequence[str], repairs: Sequence[str]) -> dict[str, Any]:
    """Return a job with methods and repairs under the labels that they have in the tables."""
    return {
        "run_id": run_id,
        "scope": scope,
        "matching": [dict(zip(METHOD, method_of_label(label), strict=True)) | {"settings": {}} for label in methods],
        "repair": [dict(zip(REPAIR, repair_of_label(label), strict=True)) | {"settings": {}} for label in repairs],
    }


def _missing(path: Path, tables: PublishedTables, settings: Mapping[str, Any]) -> list[Record]:
    """Return the parts of a sweep that nothing was measured of: as jobs with a name of their own, for whose it was is not known."""
    cell = [*CELL, *tables.varying, "matching", "repair", "width"]
    table = read_words(path)
    if "repair" not in table:
        table["repair"] = WITHOUT_REPAIR["repair"]
    check_columns(table, path, [*cell, "n_expected"])
    runs = tables.frames[RUNS.name]
    measured = Counter(map(_key, runs.loc[runs["split"] == "test", cell].itertuples(index=False, name=None)))
    jobs: list[Record] = []
    for *words, count in table[[*cell, "n_expected"]].drop_duplicates().itertuples(index=False, name=None):
        if not re.fullmatch(r"[0-9]{1,15}", count):
            raise InputError(f"`n_expected` in {str(path)!r} must hold counts, got {count[:40]!r}.")
        lacking = int(count) - measured[_key(words)]
        if lacking > 0:
            values = dict(zip(cell, words, strict=True))
            own = {key: setting_of(values[key]) for key in cell if key not in ("matching", "repair")}
            scope = {**settings, **own, "seed": None}
            head = _head(f"missing-{len(jobs) + 1}", scope, [values["matching"]], [values["repair"]])
            jobs.append(head | {"job": "", "n_pairs": lacking})
    return jobs


def _key(words: Iterable[str]) -> tuple[Any, ...]:
    """Return the values of a cell in a form that is the same in all tables, however they write numbers."""
    return tuple(key_column([setting_of(word)])[0] for word in words)


def _notes(tables: PublishedTables, has_facts: bool, has_expected: bool) -> list[str]:
    """Return what readers must know of an analysis without records."""
    notes = ["these tables were made from tables of pairs, whose measures have ten digits, not from the sweep's records."]
    lacking = [f"{name}.csv" for name in OF_PAIRS if name not in (*tables.files, TRAINING_CURVES.name)]
    if lacking:
        notes.append(f"there is no {', '.join(lacking)}, and nothing that is made of it.")
    if not has_facts:
        notes.append(f"there is no {PROVENANCE}: settings that all jobs share, machines, versions and seconds of training are not known.")
    if not has_expected:
        notes.append(f"there is no {EXPECTED}.csv: the pairs that were measured count as those that were to be.")
    return notes
