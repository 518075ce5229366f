"""``lmc-sweeps ls DIR``: the jobs of a sweep by their keys, with what has become of each and the folder in which it lies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from multirun_analysis.common.media import for_terminal, terminal_columns
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.tidy import Sweep
from multirun_analysis.schema import NO_RUN

HEAD = ("status", "job", "folder")
ALONE = "(the defaults)"  # a job of which nothing was typed


def listing(sweep_dirs: Sequence[Path]) -> str:
    """Return a line for every job, in the order in which they were asked for, and how many there are of each status.

    Parameters
    ----------
    sweep_dirs : sequence of Path

    Raises
    ------
    InputError
        If a folder does not exist, or holds no job and expects none.
    """
    sweep = find_sweep(sweep_dirs)
    status = _statuses(sweep)
    # The tables of an analysis say that pairs are missing, not of which job.
    expected = sweep.expected if sweep.origin is None else ()
    labels = {record["run_id"]: _settings(record["scope"]) for record in sweep.records}
    labels |= {entry["run_id"]: str(entry.get("job", "")) or ALONE for entry in expected}
    run_ids = dict.fromkeys([*(entry["run_id"] for entry in expected), *status])
    rows = [HEAD, *((status.get(run_id, "missing"), labels.get(run_id, ALONE), run_id) for run_id in run_ids)]
    widths = [max(terminal_columns(for_terminal(row[k])) for row in rows) for k in range(2)]
    lines = ["  ".join([_padded(row[0], widths[0]), _padded(row[1], widths[1]), for_terminal(row[2])]).rstrip() for row in rows]
    counts = dict.fromkeys((row[0] for row in rows[1:]), 0)
    for row in rows[1:]:
        counts[row[0]] += 1
    total = ", ".join(f"{count} {name}" for name, count in counts.items())
    return "\n".join([*lines, "", f"{len(rows) - 1} jobs: {total}" if total else "no jobs"])


def _statuses(sweep: Sweep) -> dict[str, str]:
    """Return what has become of each job: the worst where several things have."""
    status = {record["run_id"]: str(record["status"]) for record in sweep.records}
    for row in sweep.failures.to_dict("records"):
        if row["run_id"] != NO_RUN and status.get(row["run_id"], "ok") == "ok":
            status[str(row["run_id"])] = str(row["status"])
    return status


def _settings(scope: Mapping[str, Any]) -> str:
    """Return the settings by which a job that no sweep expects can be told: those that nearly every sweep varies."""
    return " ".join(f"{key}={scope[key]}" for key in ("width", "depth", "seed") if key in scope) or ALONE


def _padded(text: str, width: int) -> str:
    shown = for_terminal(text)
    return shown + " " * (width - terminal_columns(shown))
