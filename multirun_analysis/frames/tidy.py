"""From records to tidy frames: one row per job, pair, method and split (and t, and layer), with the keys that vary."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.common.redaction import redacted_text
from multirun_analysis.frames.origin import Origin
from multirun_analysis.frames.sorting import Table, make_table, sortable
from multirun_analysis.records.labels import Method, matching_labels, method_order, repair_labels, repair_order
from multirun_analysis.records.packed import CURVES, LAYERS, RUNS, TRAINING_CURVES, Layout, PackedRecord, Record
from multirun_analysis.records.varying import ABSENT, FIXED, key_column, varying_keys

__all__ = ["ABSENT", "FIXED"]

LONGEST = 1000  # letters of a sentence


@dataclass(frozen=True)
class Sweep:
    """What sweeps left behind: finished records and expected jobs, one per run_id, and a row for everything that went wrong.

    Where it was read from the tables of an analysis, `origin` says from which, and what else is known.
    """

    packed: tuple[PackedRecord, ...]
    expected: tuple[Record, ...]
    failures: pd.DataFrame
    origin: Origin | None = None

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The finished records without their rows."""
        return tuple(packed.head for packed in self.packed)

    @property
    def n_asked(self) -> int:
        """The number of jobs, expected or found; without records, those that the tables name."""
        if self.origin is not None:
            return len({*(record["run_id"] for record in self.records), *self.failures["run_id"]} - {schema.NO_RUN})
        return len({job["run_id"] for job in (*self.expected, *self.records)})

    @cached_property
    def _scopes(self) -> dict[str, Mapping[str, Any]]:
        """The settings of every job, found or else expected, by its name."""
        scopes = {job["run_id"]: job["scope"] for job in (*self.expected, *self.records) if job.get("scope")}
        later = {key: value for key, value in schema.WITHOUT_SETTINGS.items() if any(key in scope for scope in scopes.values())}
        return {name: {**scope, **{key: later[key] for key in later.keys() - scope.keys()}} for name, scope in scopes.items()}

    @property
    def scopes(self) -> list[Mapping[str, Any]]:
        """The settings of every job, expected or found, under dotted names."""
        return list(self._scopes.values())

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
        if self.origin is not None:
            return list(self.origin.varying), {}
        computed = {job["run_id"]: job["computed"] for job in self.expected if "computed" in job}
        return varying_keys(self.scopes, [computed.get(run_id, {}) for run_id in self._scopes])

    @cached_property
    def _keys(self) -> dict[str, dict[str, Any]]:
        """The keys that have columns, with their value in every job, by its name."""
        columns = {key: key_column([scope.get(key) for scope in self.scopes]) for key in (*FIXED, *self.varying)}
        return {key: dict(zip(self._scopes, column, strict=True)) for key, column in columns.items()}

    def keys_of(self, jobs: Sequence[Record]) -> dict[str, list[Any]]:
        """Return the name of every one of some jobs, and the keys that have columns."""
        names = [job["run_id"] for job in jobs]
        return {"run_id": names} | {key: [values[name] for name in names] for key, values in self._keys.items()}

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """The keys of every record, a row each: run_id, status, those with columns of their own, and those that vary."""
        keys = self.keys_of(self.records) | {"status": [record["status"] for record in self.records]}
        frame = pd.DataFrame(keys, columns=[*schema.names(schema.RUN_KEYS), *self.varying])
        text = [column.name for column in schema.RUN_KEYS if column.kind == "string"]  # would be numbers where there is none
        return as_keys(frame, [*text, *self.varying])

    @cached_property
    def runs(self) -> Table:
        """The measures of all records, sorted."""
        return table_of(self, RUNS)

    @cached_property
    def labels(self) -> dict[Method, str]:
        """The label of every matching method, as `matching_labels` gives them."""
        return matching_labels([entry for job in (*self.expected, *self.records) for entry in job["matching"]])

    @cached_property
    def repair_labels(self) -> dict[Method, str]:
        """The label of every repair, as `repair_labels` gives them."""
        return repair_labels([entry for job in (*self.expected, *self.records) for entry in job["repair"]])

    @property
    def notes(self) -> list[str]:
        """What readers of the numbers must know, each sentence once, with the number of jobs that say it."""
        if self.origin is not None:
            return [*([] if self.origin.facts is None else self.origin.facts["notes"]), *self.origin.notes]
        counts = Counter(shortened(note) for record in self.records for note in record["notes"])
        notes = [f"{note} ({count} of {len(self.records)} jobs)" for note, count in sorted(counts.items())]
        points = sorted({int(length) for packed in self.packed if packed.rows for length in packed.rows[CURVES.name].lengths})
        if len(points) > 1:  # no setting of a job, so there is no column for it in means
            listed = ", ".join(map(str, points))
            notes.append(
                f"lines were measured at {listed} points, in means together: the more points, the nearer a barrier is to the line's own."
            )
        return notes


def shortened(sentence: str) -> str:
    """Return a sentence as people can read it, and send it on: without secrets; a megabyte is none."""
    sentence = redacted_text(sentence[: LONGEST + 1])
    return sentence if len(sentence) <= LONGEST else f"{sentence[:LONGEST]}..."


def runs_frame(sweep: Sweep) -> pd.DataFrame:
    """Return the measures: one row per job, pair, method, repair and split, the columns of ``runs.csv``."""
    return sweep.runs.frame(columns_of(sweep, schema.RUNS_TAIL))


def blocks_column(sweep: Sweep) -> pd.Series:
    """Return the test blocks of every row of `runs_frame`, as records have them: texts, and nothing where there are none."""
    return sweep.runs.keys[schema.TEST_BLOCKS]


def curves_frame(sweep: Sweep, run_ids: Collection[str] | None = None) -> pd.DataFrame:
    """Return the curves, of all jobs or of some: one row per job, pair, method, repair, split and t, the columns of ``curves.csv``."""
    return table_of(sweep, CURVES, run_ids).frame(columns_of(sweep, schema.CURVES_TAIL))


def layers_frame(sweep: Sweep) -> pd.DataFrame:
    """Return what matching says of layers: one row per job, pair, method and layer, the columns of ``layers.csv``."""
    return table_of(sweep, LAYERS).frame(columns_of(sweep, schema.LAYERS_TAIL))


def training_curves_frame(sweep: Sweep) -> pd.DataFrame:
    """Return the training curves: one row per job, network, split and epoch, the columns of ``training_curves.csv``."""
    columns = [*schema.names(schema.RUN_KEYS), *sweep.varying, *schema.names(schema.TRAINING_TAIL)]
    return table_of(sweep, TRAINING_CURVES).frame(columns)


def expected_frame(sweep: Sweep) -> pd.DataFrame:
    """Return what was to be measured: one row per expected job, method and repair, with its number of pairs."""
    varying, jobs = sweep.varying, sweep.expected
    frame = pd.DataFrame(sweep.keys_of(jobs) | {"n_pairs": [job["n_pairs"] for job in jobs]})
    measured = [(job, list(product(job["matching"], job["repair"]))) for job in jobs]
    frame = frame.iloc[np.repeat(np.arange(len(jobs)), [len(entries) for _, entries in measured])].reset_index(drop=True)
    frame["matching"] = [sweep.labels[schema.method_of(method)] for _, entries in measured for method, _ in entries]
    frame["repair"] = [sweep.repair_labels[schema.repair_of(repair)] for _, entries in measured for _, repair in entries]
    return as_keys(frame[["run_id", *FIXED, *varying, "matching", "repair", "n_pairs"]], varying)


def as_keys(frame: pd.DataFrame, varying: Sequence[str]) -> pd.DataFrame:
    """Return the frame with its varying keys as plain objects: frames are joined by them, so they must be of one kind in all."""
    return frame.astype(dict.fromkeys(varying, object))


def table_of(sweep: Sweep, layout: Layout, run_ids: Collection[str] | None = None) -> Table:
    """Return the rows of one kind of all records, or of some, with the keys that every table has."""
    chosen = [k for k, head in enumerate(sweep.records) if run_ids is None or head["run_id"] in run_ids]
    order = [*schema.CELL, *sweep.varying, "width", "seed", "run_id"]
    rows = [sweep.packed[k].rows[layout.name] for k in chosen]
    return make_table(rows, layout, sweep.jobs.iloc[chosen].reset_index(drop=True), order, sweep.labels, sweep.repair_labels)


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
    """Return the distinct values of a key in the order in which they are shown: methods and repairs in their usual one, others by value."""
    values = ordered(frame[key])
    orders = {"matching": method_order, "repair": repair_order}
    return sorted(values, key=orders[key]) if key in orders else values
