"""A sweep with everything that tables must keep apart, and its analysis as a colleague publishes it: the tables without the records."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from analysis_sweeps import REPAIRS, expect, make_record, with_training

from multirun_analysis.report.report import write_report

MACHINE = {"machine": {"device": "cpu", "threads": 2}, "versions": {"python": "3.11"}}
SETTINGS: Sequence[dict[str, Any]] = (
    {"optimizer.lr": 1e-5, "model.activation": "relu", "model.bias": True, "dataset.shape": [1, 2]},
    {"optimizer.lr": 0.1, "model.activation": "1e5", "model.bias": False, "dataset.shape": None},
    {"optimizer.lr": None, "model.activation": "=1+1", "model.bias": False, "dataset.shape": "-"},
)


def varied_records() -> list[dict[str, Any]]:
    """Return records of keys of all kinds, under two repairs, one of them of a job that diverged, with notes, machines, seconds and training curves."""
    records = []
    for k, settings in enumerate(SETTINGS):
        for seed in (0, 1):
            for width in (8, 16):
                barrier = (seed + 1 + k) / width
                record = make_record(f"r{k}{seed}{width}", width=width, seed=seed, barrier=barrier, repairs=REPAIRS, **settings)
                networks = [{"name": f"{record['run_id']}-{n}", "seconds": 2.5} for n in (0, 1)]
                records.append(record | MACHINE | {"networks": networks, "notes": ["a note."] if seed == 0 else []})
    records[3]["status"] = "diverged"
    return [with_training(record) if record["scope"]["seed"] == 0 else record for record in records]


def with_two_settings(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose method `weights` was run with two settings, of which the second has half the barrier."""
    first = [entry | {"settings": {"biases": False}} for entry in record["matching"]]
    second = {"matching": "weights", "settings_hash": "w1", "settings": {"biases": True}}
    more: dict[str, Any] = {"matching": [*first, second]}
    for kind in ("runs", "curves", "layers"):
        copies = [row | {"settings_hash": "w1"} for row in record[kind] if row["matching"] == "weights"]
        copies = [row | {"loss_barrier": row["loss_barrier"] / 2} if kind == "runs" else row for row in copies]
        more[kind] = record[kind] + copies
    return record | more


def publish(write_sweep: Callable[..., Path], folder: Path, records: list[dict[str, Any]], missing: int = 0) -> Path:
    """Write the analysis of a sweep into a folder, that of its last jobs without their records, and remove the sweep."""
    measured = records[: len(records) - missing]
    sweep = write_sweep(measured, [expect(record, f"seed={record['scope']['seed']}") for record in records], name="sweep_to_publish")
    write_report([sweep], folder)
    shutil.rmtree(sweep)
    return folder
