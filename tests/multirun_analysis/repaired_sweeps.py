"""Records whose lines were measured under two repairs."""

import copy
from typing import Any

from analysis_sweeps import make_record

from multirun_analysis import schema

MEND = {"repair": "mend", "repair_hash": "mend1234", "settings": {"examples": 7}}


def repaired_record(run_id: str, factor: float = 0.5, **changes: Any) -> dict[str, Any]:
    """Return a record whose repaired barriers are `factor` times those without repair, and whose test rows are calibrated."""
    record = make_record(run_id, **changes)
    for kind in ("runs", "curves"):
        plain = [row | schema.WITHOUT_REPAIR for row in record[kind]]
        mended = [copy.deepcopy(row) | {key: MEND[key] for key in schema.REPAIR} for row in plain]
        for row in mended if kind == "runs" else ():
            row |= {name: factor * row[name] for name in ("loss_barrier", "error_barrier")}
        record[kind] = plain + mended
    for row in record["runs"]:
        calibrated = row["loss_barrier"] / 3 if row["split"] == "test" else None
        row |= {"loss_barrier_calibrated": calibrated, "matching_status": "optimal", "loss_ensemble": 0.2}
    return record | {"repair": [schema.NO_REPAIR, MEND]}
