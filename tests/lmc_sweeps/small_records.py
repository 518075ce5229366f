"""A record of two methods, written out by hand."""

from lmc_sweeps.jobs.records import matching_entries
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from multirun_analysis.schema import NO_REPAIR, SCHEMA_VERSION

METHODS = (Identity(), Weights())


def record(methods=METHODS, value=1.0, **changes) -> dict:
    """Return a small record that holds one row of every table for each method."""
    rows = [{"matching": method.name, "settings_hash": method.settings_hash(), "value": value} for method in methods]
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": "abc",
        "status": "ok",
        "points": 3,
        "matching": matching_entries(methods),
        "runs": rows,
        "curves": [{**row, "t": [0.0, 0.5, 1.0]} for row in rows],
        "layers": [row for row in rows if row["matching"] != "identity"],
        "repair": [NO_REPAIR],
        "notes": [],
        "networks": [],
        "config": {},
        "data": {},
        **changes,
    }
