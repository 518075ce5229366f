"""From records to tidy frames: one row per job, pair, method and split (and t, and layer), with the keys that vary."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from multirun_analysis import schema

Record = Mapping[str, Any]
FIXED = ("dataset", "model", "width", "depth", "seed")  # columns of their own in every table
ABSENT = "-"


@dataclass(frozen=True)
class Sweep:
    """What sweeps left behind: finished records and expected jobs, one per run_id, and a row for everything that went wrong."""

    records: tuple[Record, ...]
    expected: tuple[Record, ...]
    failures: pd.DataFrame
    folders: Mapping[str, int]  # of each job, by run_id: the number of the first folder that has or expects it

    @property
    def n_asked(self) -> int:
        """The number of jobs, expected or found."""
        return len({job["run_id"] for job in (*self.expected, *self.records)})

    @cached_property
    def scopes(self) -> list[Mapping[str, Any]]:
        """The settings of every job, expected or found, under dotted names."""
        known = {job["run_id"]: job["scope"] for job in (*self.expected, *self.records) if job.get("scope")}
        return list(known.values())

    @cached_property
    def varying(self) -> list[str]:
        """The keys that vary and have a column, as `varying_keys` finds them."""
        return varying_keys(self.scopes, self._places)[0]

    @property
    def following(self) -> dict[str, str]:
        """The keys that vary and have no column, with what they follow from."""
        return varying_keys(self.scopes, self._places)[1]

    @cached_property
    def _places(self) -> list[int]:
        known = dict.fromkeys(job["run_id"] for job in (*self.expected, *self.records) if job.get("scope"))
        return [self.folders.get(run_id, 0) for run_id in known]

    @cached_property
    def labels(self) -> dict[str, str]:
        """The label of every matching method by the hash of its settings, as `matching_labels` gives them."""
        return matching_labels([entry for job in (*self.expected, *self.records) for entry in job["matching"]])

    @property
    def notes(self) -> list[str]:
        """What readers of the numbers must know, each sentence once, with the number of jobs that say it."""
        counts = Counter(note for record in self.records for note in record["notes"])
        return [f"{note} ({count} of {len(self.records)} jobs)" for note, count in sorted(counts.items())]


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
    keys = sorted({key for scope in scopes for key in scope} - set(FIXED))
    data_keys = tuple(
        sorted({key for scope in scopes for key in scope if key == "dataset" or key.startswith("dataset.")} - {"dataset.fingerprint"})
    )
    shown, following = [], {}
    for key in keys:
        if not _differs(scopes, key):
            continue
        within = any(_differs([s for s, place in zip(scopes, folders, strict=True) if place == f], key) for f in set(folders))
        reasons: list[tuple[str, ...]] = [("seed",), ("width", "depth")] if within else []
        reasons += [data_keys] if key == "dataset.fingerprint" else []
        reason = next((of for of in reasons if _is_function(scopes, key, of)), None)
        if reason is None:
            shown.append(key)
        else:
            following[key] = "the dataset" if reason == data_keys else " and ".join(reason)
    return shown, following


def _differs(scopes: Sequence[Mapping[str, Any]], key: str) -> bool:
    return len({_frozen(scope.get(key)) for scope in scopes}) > 1


def _is_function(scopes: Sequence[Mapping[str, Any]], key: str, of: tuple[str, ...]) -> bool:
    """Return whether `of` takes several values in the jobs, one of them at least twice, and each goes with one value of `key`."""
    found: dict[tuple[Any, ...], set[Any]] = {}
    for scope in scopes:
        found.setdefault(tuple(_frozen(scope.get(name)) for name in of), set()).add(_frozen(scope.get(key)))
    repeated = len(found) < len(scopes) or of != ("seed",)
    return len(found) > 1 and repeated and all(len(values) == 1 for values in found.values())


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
    rows = [key | row for record in sweep.records for key in [_job_keys(sweep, record)] for row in record["runs"]]
    return _frame(sweep, rows, schema.RUNS_TAIL)


def curves_frame(sweep: Sweep) -> pd.DataFrame:
    """Return the curves: one row per job, pair, method, split and t, the columns of ``curves.csv``."""
    rows = []
    for record in sweep.records:
        key = _job_keys(sweep, record)
        for curve in record["curves"]:
            points = zip(curve["t"], curve["loss"], curve["error"], strict=True)
            rows += [key | curve | {"t": t, "loss": loss, "error": error} for t, loss, error in points]
    return _frame(sweep, rows, schema.CURVES_TAIL)


def layers_frame(sweep: Sweep) -> pd.DataFrame:
    """Return what matching says of layers: one row per job, pair, method and layer, the columns of ``layers.csv``."""
    rows = [key | row for record in sweep.records for key in [_job_keys(sweep, record)] for row in record["layers"]]
    return _frame(sweep, rows, schema.LAYERS_TAIL)


def expected_frame(sweep: Sweep) -> pd.DataFrame:
    """Return what was to be measured: one row per expected job and method, with its number of pairs."""
    labels, varying = sweep.labels, sweep.varying
    rows = [
        {
            "run_id": job["run_id"],
            **_scope_keys(job["scope"], varying),
            "matching": labels[entry["settings_hash"]],
            "n_pairs": job["n_pairs"],
        }
        for job in sweep.expected
        for entry in job["matching"]
    ]
    return as_keys(pd.DataFrame(rows, columns=["run_id", *FIXED, *varying, "matching", "n_pairs"]), varying)


def _job_keys(sweep: Sweep, record: Record) -> dict[str, Any]:
    return {"run_id": record["run_id"], "status": record["status"], **_scope_keys(record["scope"], sweep.varying)}


def _scope_keys(scope: Mapping[str, Any], varying: Sequence[str]) -> dict[str, Any]:
    return {key: _as_key(scope.get(key)) for key in (*FIXED, *varying)}


def _as_key(value: Any) -> Any:
    """Return a value that frames can be grouped by: lists and mappings as text."""
    if value is None:
        return ABSENT
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value


def as_keys(frame: pd.DataFrame, varying: Sequence[str]) -> pd.DataFrame:
    """Return the frame with its varying keys as plain objects: frames are joined by them, so they must be of one kind in all."""
    return frame.astype(dict.fromkeys(varying, object))


def _frame(sweep: Sweep, rows: list[dict[str, Any]], tail: tuple[schema.Column, ...]) -> pd.DataFrame:
    """Return rows as a sorted frame: the job's keys, the varying keys, the pair, then the columns of `tail`."""
    keys = (*schema.RUN_KEYS, *(schema.Column(key, "mixed", "", "") for key in sweep.varying), *schema.PAIR_KEYS)
    columns = (*keys, *tail)
    frame = pd.DataFrame(rows, columns=["settings_hash", *schema.names(columns)])
    frame["matching"] = frame.pop("settings_hash").map(sweep.labels)
    for column in columns:
        if column.kind == "number":
            frame[column.name] = frame[column.name].astype(float)
        elif column.kind == "string":  # one without any value would be taken for numbers
            frame[column.name] = frame[column.name].astype(object)
    frame = as_keys(frame, sweep.varying)
    order = ["dataset", "model", "depth", *sweep.varying, "width", "seed", "run_id", "network_a", "network_b", "matching"]
    order += [name for name in ("split", "t", "layer") if name in schema.names(tail)]
    return frame.sort_values(order, key=sortable, kind="stable", ignore_index=True)


def sortable(column: pd.Series) -> pd.Series:
    """Return a column in a form that sorts, numbers by value before words, whatever kinds it mixes."""
    if column.dtype != object:
        return column
    numbers = pd.to_numeric(column, errors="coerce")
    ranks = {
        value: rank for rank, value in enumerate(sorted(set(zip(numbers.isna(), numbers.fillna(0.0), column.astype(str), strict=True))))
    }
    return pd.Series([ranks[key] for key in zip(numbers.isna(), numbers.fillna(0.0), column.astype(str), strict=True)], index=column.index)


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


def method_order(method: str) -> tuple[int, str]:
    """Return where a method stands among others: the control first, then the paper's three, then the rest by name."""
    known = ["identity", "weights", "covariance", "activations"]
    name = method.partition("[")[0]
    return (known.index(name) if name in known else len(known), method)
