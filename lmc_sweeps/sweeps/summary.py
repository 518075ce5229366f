"""The output of the command line: a line per job, and at the end the table of a sweep with the folder of its CSVs."""

import math
import sys
from pathlib import Path

from lmc_sweeps.jobs.records import Record
from lmc_sweeps.sweeps.report_ahead import report_text
from multirun_analysis.checks import InputError
from multirun_analysis.common.media import for_terminal
from multirun_analysis.records.labels import matching_labels, method_order, repair_labels
from multirun_analysis.schema import WITHOUT_REPAIR, repair_of

NONE = WITHOUT_REPAIR["repair"]


def job_line(record: Record) -> str:
    """Return the result of a job: status, seconds, test error of the networks, and test loss barrier by method (mean over its pairs).

    Methods have the names and the order of the sweep's table.
    """
    if record["status"] != "ok":
        return f"{record['status']}: {record['sentence']}"
    rows = [row for row in record["runs"] if row["split"] == "test"]
    repairs = repair_labels(record.get("repair", []))
    errors = {row[f"network_{end}"]: row[f"error_{end}"] for row in rows for end in "ab"}  # each network once
    labels = matching_labels(record.get("matching", []))
    barriers: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        method = (row["matching"], row.get("settings_hash", ""))
        label = labels[method] if method in labels else row["matching"]
        repair = repairs.get(repair_of(row), repair_of(row)[0])
        barriers.setdefault(repair, {}).setdefault(label, []).append(math.nan if row["loss_barrier"] is None else row["loss_barrier"])
    listed = "; ".join(
        ("" if repair == NONE else f"repair={repair} ")
        + ", ".join(f"{label} {sum(by_method[label]) / len(by_method[label]):.3g}" for label in sorted(by_method, key=method_order))
        for repair, by_method in barriers.items()
    )
    return f"{record['seconds']:.1f} s; test error {sum(errors.values()) / len(errors):.3g}; test loss barrier: {listed}"


def end_sweep(sweep_dir: Path, has_report: bool) -> bool:
    """Print the table of a sweep, or with ``report=false`` how it is made; return whether all that was asked for is there."""
    if has_report:
        return print_summary(sweep_dir)
    sys.stdout.write(f"{for_terminal(f'No tables were made (report=false): python -m multirun_analysis {sweep_dir} makes them.')}\n")
    sys.stdout.flush()
    return True


def print_summary(*sweep_dirs: Path) -> bool:
    """Print the barrier-versus-width table of sweeps and where their CSVs lie, or why there is none; return whether there is one."""
    sys.stdout.write("\n")
    try:
        text = report_text(sweep_dirs)
        if text is None:
            # Plotting libraries take a second to import: not before there is something to plot.
            from multirun_analysis.report.report import write_report
            from multirun_analysis.report.terminal import show

            show(write_report(list(sweep_dirs), brief=True))
            return True
    except InputError as error:
        text = str(error)
    except Exception as error:  # a full disk, for example: it must not hide how the sweep itself ended
        text = (
            f"the tables could not be written ({type(error).__name__}: {error}); python -m multirun_analysis {sweep_dirs[0]} tries again."
        )
    else:
        sys.stdout.write(text)
        sys.stdout.flush()
        return True
    sys.stdout.write(f"{for_terminal(text)}\n")
    sys.stdout.flush()
    return False
