"""From records to tidy frames: one row per job, pair, method and split (and t, and layer), with the keys that vary."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.packed import CURVES, LAYERS, RUNS, Layout, PackedRecord, Record
from multirun_analysis.redaction import redacted_text
from multirun_analysis.table import Table, make_table, sortable

FIXED = ("dataset", "model", "width", "depth", "seed")  # columns of their own in every table
ABSENT = "-"
LONGEST = 1000  # letters of a sentence


@dataclass(frozen=True)
class Sweep:
    """What sweeps left behind: finished records and expected jobs, one per run_id, and a row for everything that went wrong."""

    packed: tuple[PackedRecord, ...]
    expected: tuple[Record, ...]
    failures: pd.DataFrame
    folders: Mapping[str, int]  # of each job, by run_id: the number of the first folder that has or expects it

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The finished records without their rows."""
        return tuple(packed.head for packed in self.packed)

    @property
    def n_asked(self) -> int:
        """The number of jobs, expected or found."""
        return len({job["run_id"] for job in (*self.expected, *self.records)})

    @cached_property
    def scopes(self) -> list[Mapping[str, Any]]:
        """The settings of every job, expected or found, under dotted names."""
        known = {job["run_id"]: job["scope"] for job in (*self.expected, *self.records) if job.get("scope")}
        return list(known.values())

    @property
    def varying(self) -> list[str]:
        """The keys that vary and have a column, as `varying_keys` finds them."""
        return self._varying[0]

    @property
    def following(self) -> dict[str, str]:
        """The keys that vary and have no column, with what they follow from."""
        return self._varying[1]

    @cached_property
    def _varying(self) -> tuple[list[str], dict[str, str]]:
        known = dict.fromkeys(job["run_id"] for job in (*self.expected, *self.records) if job.get("scope"))
        return varying_keys(self.scopes, [self.folders.get(run_id, 0) for run_id in known])

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """The keys of every record, a row each: run_id, status, those with columns of their own, and those that vary."""
        own = {key: [of[key] for of in self.records] for key in ("run_id", "status")}
        keys = own | _scope_keys([of["scope"] for of in self.records], self.varying)
        frame = pd.DataFrame(keys, columns=[*schema.names(schema.RUN_KEYS), *self.varying])
        text = [column.name for column in schema.RUN_KEYS if column.kind == "string"]  # would be numbers where there is none
        return as_keys(frame, [*text, *self.varying])

    @cached_property
    def labels(self) -> dict[str, str]:
        """The label of every matching method by the hash of its settings, as `matching_labels` gives them."""
        return matching_labels([entry for job in (*self.expected, *self.records) for entry in job["matching"]])

    @property
    def notes(self) -> list[str]:
        """What readers of the numbers must know, each sentence once, with the number of jobs that say it."""
        counts = Counter(shortened(note) for record in self.records for note in record["notes"])
        return [f"{note} ({count} of {len(self.records)} jobs)" for note, count in sorted(counts.items())]


def shortened(sentence: str) -> str:
    """Return a sentence as people can read it, and send it on: without secrets; a megabyte is none."""
    sentence = redacted_text(sentence[: LONGEST + 1])
    return sentence if len(sentence) <= LONGEST else f"{sentence[:LONGEST]}..."


def varying_keys(scopes: Sequence[Mapping[str, Any]], folders: Sequence[int] | None = None) -> tuple[list[str], dict[str, str]]:
    """Return the keys that differ between jobs and have a column, sorted, and those that have none, with what they follow from.

    No column have the keys that are a function of the seed, or of width and depth, in these jobs (``optimizer.lr=${...}``, say), and the
    fingerprint of the data where the dataset's own settings tell as much. A key that is constant within every folder and differs between
    folders is another setting of another sweep, and has a column.

    Parameters
    ----------
    scopes : sequence of mappings
        The settings of every job under dotted names.
    folders : sequence of int, optional
        The folder of every job; one and the same if not given.
    """
    folders = [0] * len(scopes) if folders is None else folders
    columns = {key: [scope.get(key) for scope in scopes] for key in sorted(set[str]().union(*scopes))}
    data_keys = tuple(key for key in columns if (key == "dataset" or key.startswith("dataset.")) and key != "dataset.fingerprint")
    shown, following = [], {}
    for key, values in columns.items():
        if key in FIXED or not _differs(values):
            continue
        within = any(_differs([value for value, place in zip(values, folders, strict=True) if place == f]) for f in set(folders))
        reasons: list[tuple[str, ...]] = [("seed",), ("width", "depth")] if within else []
        reasons += [data_keys] if key == "dataset.fingerprint" else []
        reason = next((of for of in reasons if _is_function(values, [columns[name] for name in of], once=of != ("seed",))), None)
        if reason is None:
            shown.append(key)
        else:
            following[key] = "the dataset" if reason == data_keys else " and ".join(reason)
    return shown, following


def _differs(values: Sequence[Any]) -> bool:
    kinds = set(map(type, values))
    if len(kinds) == 1 and not kinds & {list, dict} and values.count(values[0]) == len(values):  # most keys of most sweeps
        return False
    return len(set(map(_frozen, values))) > 1


def _is_function(values: Sequence[Any], of: Sequence[Sequence[Any]], *, once: bool) -> bool:
    """Return whether `of` takes several values in the jobs, one at least twice unless `once` will do, each with one of `values`."""
    arguments = list(zip(*(map(_frozen, column) for column in of), strict=True))
    n_distinct = len(set(arguments))
    repeated = n_distinct < len(arguments) or once
    return n_distinct > 1 and repeated and len(set(zip(arguments, map(_frozen, values), strict=True))) == n_distinct


def _frozen(value: Any) -> Any:
    return repr(value)


def matching_labels(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return labels by settings hash: the method's name, with the settings that differ in brackets where it was run with several."""
    by_name: dict[str, dict[str, Mapping[str, Any]]] = {}
    for entry in entries:
        by_name.setdefault(entry["matching"], {})[entry["settings_hash"]] = entry["settings"]
    labels = {}
    for name, variants in by_name.items():
        differing = [
            key for key in sorted({k for s in variants.values() for k in s}) if len({_frozen(s.get(key)) for s in variants.values()}) > 1
        ]
        for settings_hash, settings in variants.items():
            inside = ", ".join(f"{key}={str(settings.get(key)).lower()}" for key in differing)
            labels[settings_hash] = f"{name}[{inside}]" if len(variants) > 1 else name
    return labels


def runs_frame(sweep: Sweep) -> pd.DataFrame:
    """Return the measures: one row per job, pair, method and split, the columns of ``runs.csv``."""
    return table_of(sweep, RUNS).frame(columns_of(sweep, schema.RUNS_TAIL))


def curves_frame(sweep: Sweep, run_ids: Collection[str] | None = None) -> pd.DataFrame:
    """Return the curves, of all jobs or of some: one row per job, pair, method, split and t, the columns of ``curves.csv``."""
    return table_of(sweep, CURVES, run_ids).frame(columns_of(sweep, schema.CURVES_TAIL))


def layers_frame(sweep: Sweep) -> pd.DataFrame:
    """Return what matching says of layers: one row per job, pair, method and layer, the columns of ``layers.csv``."""
    return table_of(sweep, LAYERS).frame(columns_of(sweep, schema.LAYERS_TAIL))


def expected_frame(sweep: Sweep) -> pd.DataFrame:
    """Return what was to be measured: one row per expected job and method, with its number of pairs."""
    varying, jobs = sweep.varying, sweep.expected
    keys = {"run_id": [job["run_id"] for job in jobs], **_scope_keys([job["scope"] for job in jobs], varying)}
    frame = pd.DataFrame(keys | {"n_pairs": [job["n_pairs"] for job in jobs]})
    frame = frame.iloc[np.repeat(np.arange(len(jobs)), [len(job["matching"]) for job in jobs])].reset_index(drop=True)
    frame["matching"] = [sweep.labels[entry["settings_hash"]] for job in jobs for entry in job["matching"]]
    return as_keys(frame[["run_id", *FIXED, *varying, "matching", "n_pairs"]], varying)


def _scope_keys(scopes: Sequence[Mapping[str, Any]], varying: Sequence[str]) -> dict[str, list[Any]]:
    """Return the keys that have columns, with their values in each of the jobs."""
    return {key: [_as_key(scope.get(key)) for scope in scopes] for key in (*FIXED, *varying)}


def _as_key(value: Any) -> Any:
    """Return a value that frames can be grouped by: lists and mappings as text."""
    if value is None:
        return ABSENT
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value


def as_keys(frame: pd.DataFrame, varying: Sequence[str]) -> pd.DataFrame:
    """Return the frame with its varying keys as plain objects: frames are joined by them, so they must be of one kind in all."""
    return frame.astype(dict.fromkeys(varying, object))


def table_of(sweep: Sweep, layout: Layout, run_ids: Collection[str] | None = None) -> Table:
    """Return the rows of one kind of all records, or of some, with the keys that every table has."""
    chosen = [k for k, head in enumerate(sweep.records) if run_ids is None or head["run_id"] in run_ids]
    order = ["dataset", "model", "depth", *sweep.varying, "width", "seed", "run_id"]
    rows = [sweep.packed[k].rows[layout.name] for k in chosen]
    return make_table(rows, layout, sweep.jobs.iloc[chosen].reset_index(drop=True), order, sweep.labels)


def columns_of(sweep: Sweep, tail: tuple[schema.Column, ...]) -> list[str]:
    """Return the columns of a table: the job's keys, the varying keys, the pair, then those of `tail`."""
    return [*schema.names(schema.RUN_KEYS), *sweep.varying, *schema.names(schema.PAIR_KEYS), *schema.names(tail)]


def value_text(value: Any) -> str:
    """Return the value of a key as it is read: long numbers in six figures."""
    return f"{value:.6g}" if isinstance(value, float) and len(str(value)) > 8 else str(value)


def cell_title(keys: Sequence[str], values: Iterable[object]) -> str:
    """Return the keys of a cell with their values, as text; absent values are left out."""
    return ", ".join(f"{key}={value_text(value)}" for key, value in zip(keys, values, strict=True) if value != ABSENT)


def ordered(column: pd.Series) -> list[Any]:
    """Return the distinct values of a column in the order of `sortable`."""
    unique = column.drop_duplicates()
    return list(unique.iloc[sortable(unique).argsort(kind="stable")])


def ordered_values(frame: pd.DataFrame, key: str) -> list[Any]:
    """Return the distinct values of a key in the order in which they are shown: methods in their usual one, others by value."""
    values = ordered(frame[key])
    return sorted(values, key=method_order) if key == "matching" else values


def method_order(method: str) -> tuple[int, str]:
    """Return where a method stands among others: the control first, then the paper's three, then the rest by name."""
    known = ["identity", "weights", "covariance", "activations"]
    name = method.partition("[")[0]
    return (known.index(name) if name in known else len(known), method)
