"""What loggers are given of a finished job: its settings, results and training curves as plain values under names."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from multirun_analysis.schema import MEASURES, TRAINING, method_of, repair_of

# Of the columns of runs.csv, those that are losses and errors: of networks, of the line between them, of its barriers.
COLUMNS = tuple(column.name for column in MEASURES if column.name.startswith(("loss_", "error_")))


class Point(NamedTuple):
    """A point of a training curve."""

    epoch: int
    value: float


@dataclass(frozen=True)
class LoggedJob:
    """A finished job, as it is logged.

    Parameters
    ----------
    run_id : str
    label : str
        What tells the job from others of its sweep, e.g. ``width=8 seed=0``; may be empty.
    status : str
        ``ok`` or ``diverged``.
    settings : mapping
        All that is in the job's name, under dotted names: ``width``, ``optimizer.lr``.
    results : mapping of str to float
        The losses and errors of a row of ``runs.csv``, as ``SPLIT/COLUMN/MATCHING/REPAIR/pair_0_1``.
    curves : mapping of str to list of Point
        Training curves, as ``training/SPLIT/loss/network_0``.
    """

    run_id: str
    label: str
    status: str
    settings: Mapping[str, Any]
    results: Mapping[str, float]
    curves: Mapping[str, list[Point]]

    @property
    def title(self) -> str:
        """What people tell it by: its label or, without one, its name."""
        return self.label or self.run_id

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that are others if anything but the label is: a job that was added to is logged again."""
        words = json.dumps([self.run_id, self.status, self.settings, self.results, self.curves], sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    def curves_by_epoch(self) -> dict[int, dict[str, float]]:
        """Return the values of all training curves by epoch, in order."""
        epochs = sorted({point.epoch for points in self.curves.values() for point in points})
        by_epoch: dict[int, dict[str, float]] = {epoch: {} for epoch in epochs}
        for name, points in self.curves.items():
            for epoch, value in points:
                by_epoch[epoch][name] = value
        return by_epoch


def logged_job(record: Mapping[str, Any], label: str) -> LoggedJob:
    """Return what is logged of the record of a finished job. What does not exist, or is not finite, is not logged."""
    numbers = {network["name"]: number for number, network in enumerate(record["networks"])}
    methods, repairs = _words(map(method_of, record["runs"])), _words(map(repair_of, record["runs"]))
    results: dict[str, float] = {}
    for row in record["runs"]:
        pair = f"pair_{numbers[row['network_a']]}_{numbers[row['network_b']]}"
        line = f"{methods[method_of(row)]}/{repairs[repair_of(row)]}/{pair}"
        results |= {f"{row['split']}/{column}/{line}": row[column] for column in COLUMNS if row.get(column) is not None}
    curves: dict[str, list[Point]] = {}
    for row in record.get(TRAINING, []):
        for measure in ("loss", "error"):
            if row[measure] is not None:
                name = f"training/{row['split']}/{measure}/network_{numbers[row['network']]}"
                curves.setdefault(name, []).append(Point(row["epoch"], row[measure]))
    return LoggedJob(record["run_id"], label, record["status"], record["scope"], results, {key: sorted(curves[key]) for key in curves})


def _words(parts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return what methods or repairs are called: by their names, with the hash of the settings where one was run with several."""
    every = list(dict.fromkeys(parts))
    count = Counter(name for name, _ in every)
    return {(name, settings): name if count[name] == 1 else f"{name}.{settings}" for name, settings in every}
