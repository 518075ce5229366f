"""From the rows of published tables back to the rows of records, in the same columns: all other tables follow from them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.records.packed import CURVES, Layout, Rows
from multirun_analysis.records.varying import setting_of
from multirun_analysis.schema import METHOD, REPAIR, WITHOUT_REPAIR

CURVE = ("run_id", *schema.PAIR, "matching", "repair", "split")  # what the points of one curve have in common


def method_of_label(label: str) -> tuple[str, str]:
    """Return a name and what stands for the hash of its settings, from which `matching_labels` makes the same label again.

    >>> method_of_label("weights[biases=true]"), method_of_label('"1e5"')
    (('weights[biases=true]', 'weights[biases=true]'), ('1e5', '"1e5"'))
    """
    return str(setting_of(label) if label.startswith('"') else label), label


def repair_of_label(label: str) -> tuple[str, str]:
    """Return the same of a repair; networks as they are have their own hash.

    >>> repair_of_label("none"), repair_of_label("reset")
    (('none', 'f91871fb'), ('reset', 'reset'))
    """
    unrepaired, settings_hash = (WITHOUT_REPAIR[key] for key in REPAIR)
    return (unrepaired, settings_hash) if label == unrepaired else method_of_label(label)


def rows_of_jobs(frame: pd.DataFrame, layout: Layout, run_ids: Sequence[str]) -> dict[str, Rows]:
    """Return the rows of every job, in columns.

    Parameters
    ----------
    frame : DataFrame
        As `read_tables` has it of this layout.
    layout : Layout
    run_ids : sequence of str
        The jobs; every row is of one of them.
    """
    numbers_of_jobs = {run_id: k for k, run_id in enumerate(run_ids)}
    owners = np.array([numbers_of_jobs[run_id] for run_id in frame["run_id"]], dtype=np.int64)
    groups = frame.groupby(list(CURVE), sort=False).ngroup().to_numpy() if layout is CURVES else np.arange(len(frame))
    order = np.lexsort((groups, owners))  # stable: the points of a curve stay in their order
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    lengths = np.diff(starts, append=len(frame))
    words, numbers = _words(frame, layout)[order][starts], _numbers(frame, layout)[order]
    first = np.searchsorted(owners[order][starts], np.arange(len(run_ids) + 1))  # where the rows of each job begin,
    point = np.append(starts, len(frame))[first]  # and their points
    return {
        run_id: Rows(words[first[k] : first[k + 1]], lengths[first[k] : first[k + 1]], numbers[point[k] : point[k + 1]])
        for k, run_id in enumerate(run_ids)
    }


def _words(frame: pd.DataFrame, layout: Layout) -> np.ndarray:
    """Return the words of rows, shape (rows, words) of object, None for those that a row may lack and does."""
    columns = {name: frame[name].to_numpy(dtype=object) for name in layout.all_words if name in frame}
    for names, parts in ((METHOD, method_of_label), (REPAIR, repair_of_label)):
        if names[0] in layout.words:
            labels = {label: parts(label) for label in frame[names[0]].unique()}
            columns |= {name: np.array([labels[label][k] for label in frame[names[0]]], dtype=object) for k, name in enumerate(names)}
    words = np.full((len(frame), len(layout.all_words)), None, dtype=object)
    for k, name in enumerate(layout.all_words):
        if name in columns:
            words[:, k] = columns[name]
            words[columns[name] == "", k] = None
    return words


def _numbers(frame: pd.DataFrame, layout: Layout) -> np.ndarray:
    """Return the numbers of rows, shape (rows, numbers), NaN where there is none."""
    nothing = np.full(len(frame), np.nan)
    columns = [frame[name].to_numpy(dtype=float) if name in frame else nothing for name in layout.all_numbers]
    return np.column_stack(columns)
