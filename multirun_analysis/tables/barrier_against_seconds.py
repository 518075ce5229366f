"""Which method is worth its time: the mean test loss barrier beside the mean time to match, one row per cell, method, repair and width."""

import pandas as pd

from multirun_analysis import schema
from multirun_analysis.frames.tidy import as_keys
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.summary import summarise_all
from multirun_analysis.tables.barrier_vs_width import varying_columns

SECONDS = {"mean": "seconds", "ci_low": "seconds_low", "ci_high": "seconds_high"}


def barrier_against_seconds(runs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean test loss barrier and the mean time to match of every cell, method, repair and width, with their intervals.

    Times are those of the machines that the jobs ran on: they compare methods of one sweep, not sweeps.

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it. Diverged jobs do not count.
    table : DataFrame
        As `barrier_vs_width` returns it, of the same runs. The interval of a time is on the log scale, at the level of the table.

    Returns
    -------
    DataFrame
        The cell's keys, ``matching``, ``repair``, ``width``, ``mean``, ``ci_low``, ``ci_high`` [nats], ``interval``, ``seconds``,
        ``seconds_low``, ``seconds_high`` [s]. A cell without a barrier or a time has no row.
    """
    varying = varying_columns(runs)
    cell = [*schema.CELL, *varying, "matching", "width"]
    measured = runs[(runs["status"] == "ok") & (runs["split"] == "test")]
    matched = measured.drop_duplicates(["run_id", *schema.PAIR, "matching"])  # once, whatever the repairs
    levels = table["level"].dropna()
    choice = IntervalChoice(level=float(levels.iloc[0])) if len(levels) else DEFAULT
    times = as_keys(summarise_all(matched, cell, ["seconds_match"], choice), varying)
    times = times[times["n_pairs"] > 0].rename(columns=SECONDS)[[*cell, *SECONDS.values()]]

    shown = table[(table["split"] == "test") & (table["metric"] == "loss_barrier") & (table["n_pairs"] > 0)]
    barriers = shown[[*schema.CELL, *varying, "matching", "repair", "width", "mean", "ci_low", "ci_high", "interval"]]
    return barriers.merge(times, on=cell) if len(times) else barriers.head(0).assign(**dict.fromkeys(SECONDS.values(), 0.0))
