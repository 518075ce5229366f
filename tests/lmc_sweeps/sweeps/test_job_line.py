"""The line of a finished job: its methods under the names and in the order of the sweep's table."""

from typing import Any

import pandas as pd

from lmc_sweeps.jobs.records import Record
from lmc_sweeps.sweeps.summary import job_line
from multirun_analysis.frames.tidy import ordered_values
from multirun_analysis.records.labels import matching_labels


def record(*methods: tuple[str, dict[str, Any]]) -> Record:
    """Return a record of several methods; each has its place among them as its barrier."""
    rows, entries = [], []
    for k, (name, settings) in enumerate(methods):
        method = {"matching": name, "settings_hash": f"h{k}"}
        entries.append({**method, "settings": settings})
        rows.append({**method, "split": "test", "network_a": "a", "network_b": "b", "error_a": 0.5, "error_b": 0.5, "loss_barrier": k})
    return {"status": "ok", "seconds": 1.0, "runs": rows, "matching": entries}  # type: ignore[typeddict-item]


def test_methods_stand_in_the_order_of_the_table_whatever_they_were_asked_for_in() -> None:
    requested = record(("identity", {}), ("zeros", {}), ("activations", {}), ("norms", {}), ("weights", {}))
    table = pd.DataFrame({"matching": list(matching_labels(requested["matching"]).values())})
    line = job_line(requested)
    assert line.endswith("test loss barrier: identity 0, weights 4, activations 2, norms 3, zeros 1")
    assert [word.split()[0] for word in line.partition("barrier: ")[2].split(", ")] == ordered_values(table, "matching")


def test_one_method_with_two_settings_or_states_of_its_code_is_two_as_in_the_table() -> None:
    line = job_line(record(("identity", {}), ("norms", {"code": "cd"}), ("norms", {"code": "ab"})))
    assert line.endswith("test loss barrier: identity 0, norms[code=ab] 2, norms[code=cd] 1")
