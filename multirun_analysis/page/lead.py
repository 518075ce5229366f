"""The sentence with which a page begins: what the sweep found, at its largest width, and what is decided of it."""

import pandas as pd

from multirun_analysis.common.digits import decimals, number
from multirun_analysis.frames.tidy import ABSENT, cell_title, ordered
from multirun_analysis.schema import WITHOUT_REPAIR
from multirun_analysis.tables.barrier_vs_width import with_two_way

METRIC, SPLIT, CONTROL = "loss_barrier", "test", "identity"
NONE = "No pair of networks has been measured yet."


def result_sentence(table: pd.DataFrame, differences: pd.DataFrame, x: str) -> str:
    """Return the mean test loss barrier without matching and with the method of the lowest mean, and how many settings decide between them.

    Parameters
    ----------
    table : DataFrame
        As `barrier_vs_width` returns it.
    differences : DataFrame
        As `method_differences` returns it, of the same runs.
    x : str
        The key against which barriers are shown: of its values the last one is told of.
    """
    shown = table[(table["split"] == SPLIT) & (table["metric"] == METRIC) & (table["n_pairs"] > 0) & table["mean"].notna()]
    if shown.empty:
        return NONE
    shown = with_two_way(shown.reset_index(drop=True))
    shown = shown[shown[x].map(str) == str(ordered(shown[x])[-1])]
    keys = [key for key in (*table.columns[: list(table.columns).index("matching")], "width") if key != x]
    *_, cell = (rows for _, rows in shown.groupby(keys, sort=False))
    named = [x, *(key for key in keys if table[key].nunique() > 1)]
    setting = cell_title(named, cell[named].iloc[0])
    is_control = cell["matching"] == CONTROL
    best = cell[~is_control].nsmallest(1, "mean")
    # The control is repaired as the method is: matching must not be told to gain what a repair does.
    repair = best["repair"].iloc[0] if len(best) else WITHOUT_REPAIR["repair"]
    control = cell[is_control & (cell["repair"] == repair)]
    repaired = "" if repair in (WITHOUT_REPAIR["repair"], ABSENT) or "repair" in named else f", repair={repair}"
    parts = [f"{_estimate(control.iloc[0])} without matching"] if len(control) else []
    if len(best):
        count = int((~is_control).sum())
        parts.append(f"{_estimate(best.iloc[0])} with {best['matching'].iloc[0]}" + (f", the lowest of {count}" if count > 1 else ""))
    value = " and ".join(parts) if parts else _estimate(cell.iloc[0])
    return f"At {setting}{repaired} the mean test loss barrier is {value}.{_decided(differences)}"


def _estimate(row: pd.Series) -> str:
    """Return a mean with its interval."""
    ends = [float(row[name]) for name in ("ci_low", "ci_high") if pd.notna(row[name])]
    places = decimals([float(row["mean"]), *ends])
    interval = f" [{', '.join(number(end, places) for end in ends)}]" if ends else ""
    return f"{number(float(row['mean']), places)}{interval} nats"


def _decided(differences: pd.DataFrame) -> str:
    """Return in how many of all comparisons with the control it is decided which is better."""
    rows = differences[(differences["split"] == SPLIT) & (differences["metric"] == METRIC)]
    rows = rows[(rows["method"] == CONTROL) ^ (rows["other"] == CONTROL)]
    if rows.empty:
        return ""
    undecided, worse = int((rows["better_holm"] == "undecided").sum()), int((rows["better_holm"] == CONTROL).sum())
    counts = f"better in {len(rows) - undecided - worse} of {len(rows)} comparisons and worse in {worse}"
    corrected = "with Holm's correction over the methods of each setting, " if rows["n_comparisons"].max() > 1 else ""
    return f" On the same pairs, {corrected}matching is {counts}{f'; undecided: {undecided}' if undecided else ''}."
