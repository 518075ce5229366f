"""The tables of an analysis as it wrote them, read back and checked: runs, curves, layers, training curves, failures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.checks import InputError, nearest
from multirun_analysis.frames.csv_words import read_words, table_file
from multirun_analysis.records.packed import CURVES, LAYERS, LAYOUTS, RUNS, TRAINING_CURVES, Layout
from multirun_analysis.records.varying import FIXED
from multirun_analysis.schema import PAIR, WITHOUT_REPAIR

FAILURES = "failures"
OF_PAIRS = (*(layout.name for layout in LAYOUTS), FAILURES)  # the tables of which all others are made
TAILS = {  # the columns behind the varying keys
    RUNS.name: (*schema.PAIR_KEYS, *schema.RUNS_TAIL),
    CURVES.name: (*schema.PAIR_KEYS, *schema.CURVES_TAIL),
    LAYERS.name: (*schema.PAIR_KEYS, *schema.LAYERS_TAIL),
    TRAINING_CURVES.name: schema.TRAINING_TAIL,
}
# Tells rows of one pair, method, repair and split apart, or of one job.
LAST_KEY = {RUNS.name: [], CURVES.name: ["t"], LAYERS.name: ["layer"], TRAINING_CURVES.name: ["network", "split", "epoch"]}
CHOICES = {"status": ("ok", "diverged"), "split": ("train", "test")}
REPAIR = "repair"  # a column that tables of earlier versions lack


@dataclass(frozen=True)
class PublishedTables:
    """What `read_tables` found in a folder.

    Parameters
    ----------
    files : mapping of str to Path
        Of the tables in `OF_PAIRS` that are there.
    frames : mapping of str to DataFrame
        Of the same: measures as numbers, all else as text.
    varying : list of str
        The varying keys, in the order of their columns.
    """

    files: Mapping[str, Path]
    frames: Mapping[str, pd.DataFrame]
    varying: list[str]

    @property
    def job_keys(self) -> list[str]:
        """The columns that are one for each job."""
        return ["run_id", "status", *FIXED, *self.varying]


def read_tables(folder: Path) -> PublishedTables:
    """Return the tables of pairs in a folder that has ``runs.csv``, plain or compressed.

    Raises
    ------
    InputError
        If one of them is not as this version, or an earlier one, writes it: column, rule and file are named.
    """
    files = {name: path for name in OF_PAIRS if (path := table_file(folder, name)) is not None}
    frames = {layout.name: _read(files[layout.name], layout) for layout in LAYOUTS if layout.name in files}
    runs = frames[RUNS.name]
    tables = PublishedTables(files, frames | _failures(files), _varying(runs, RUNS.name))
    for name, frame in frames.items():
        if _varying(frame, name) != tables.varying:
            listed = ", ".join(tables.varying) or "none"
            raise InputError(
                f"the columns of {str(files[name])!r} between seed and {TAILS[name][0].name} must be those of runs.csv: {listed}."
            )
        of_pairs = [*PAIR, "matching", *(key for key in (REPAIR, "split") if key in frame)] if PAIR[0] in frame else []
        _check_rows(frame, runs, files[name], [*tables.job_keys, *of_pairs], LAST_KEY[name])
    return tables


def _read(path: Path, layout: Layout) -> pd.DataFrame:
    """Return the rows of runs, curves, layers or training curves, without repair where an earlier version knew of none."""
    tail = TAILS[layout.name]
    named = schema.names((*schema.RUN_KEYS, *tail))
    frame = read_words(path, [column.name for column in tail if column.kind != "string"])
    later = {REPAIR, *layout.optional_words, *layout.optional_numbers}
    check_columns(frame, path, [name for name in named if name not in later])
    for name in frame.columns[frame.columns.get_loc(tail[0].name) :]:
        if name not in named:
            raise InputError(f"`{name}` in {str(path)!r} is no column of {layout.name}.csv that this version knows.{nearest(name, named)}")
    if REPAIR in named and REPAIR not in frame:
        frame[REPAIR] = WITHOUT_REPAIR[REPAIR]
    for name in ("run_id", *PAIR, "network", "matching", REPAIR):
        if name in frame and (frame[name] == "").any():
            raise InputError(f"`{name}` in {str(path)!r} must be a name in every row, and is empty in row {_first(frame[name] == '')}.")
    for name, choices in CHOICES.items():
        if name in frame and not frame[name].isin(choices).all():
            row = _first(~frame[name].isin(choices))
            raise InputError(f"`{name}` in {str(path)!r} must be {' or '.join(choices)}, got {frame[name].iloc[row - 1]!r} in row {row}.")
    return frame


def check_columns(frame: pd.DataFrame, path: Path, names: list[str]) -> None:
    """Raise `InputError` unless the table of a file has the columns named."""
    for name in names:
        if name not in frame:
            raise InputError(f"{str(path)!r} must have the column `{name}`, and has not.{nearest(name, frame.columns)}")


def _failures(files: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    if FAILURES not in files:
        return {}
    frame, names = read_words(files[FAILURES]), schema.names(schema.FAILURES)
    check_columns(frame, files[FAILURES], names)
    return {FAILURES: frame[names]}


def _first(mask: pd.Series) -> int:
    """Return the number of the first row that a mask chooses, counted from 1."""
    return int(np.flatnonzero(mask)[0]) + 1


def _varying(frame: pd.DataFrame, table: str) -> list[str]:
    """Return the varying keys: the columns before the pair, or the network, that are not common to all sweeps."""
    before = frame.columns[: frame.columns.get_loc(TAILS[table][0].name)]
    return [name for name in before if name not in schema.names(schema.RUN_KEYS)]


def _check_rows(frame: pd.DataFrame, runs: pd.DataFrame, path: Path, keys: list[str], last: list[str]) -> None:
    """Raise `InputError` if a row stands twice, or is of a job, a pair or a method that ``runs.csv`` does not have."""
    repeated = frame.duplicated([*keys, *last])
    if repeated.any():
        told_apart = ", ".join([*keys, *last])
        raise InputError(f"no two rows of {str(path)!r} may be equal in {told_apart}; row {_first(repeated)} repeats an earlier one.")
    rows = frame[keys].drop_duplicates()
    measured = set(runs[keys].itertuples(index=False, name=None))
    unknown = [number for number, *row in rows.itertuples(name=None) if tuple(row) not in measured]
    if unknown:
        named = ", ".join(keys)
        raise InputError(f"every row of {str(path)!r} must have one in runs.csv that is equal in {named}; row {unknown[0] + 1} has none.")
