"""Records made by hand: the analysis is tested without torch, Hydra or training."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multirun_analysis import schema

METHODS = {"identity": "i0", "weights": "w0"}
REPAIRS = {"none": schema.WITHOUT_REPAIR["repair_hash"], "reset": "s0"}
HEIGHTS = {"none": 1.0, "reset": 0.5}  # of barriers under a repair, in terms of those without
BASE = {"dataset": "digits", "model": "mlp", "width": 8, "depth": 1, "seed": 0}  # the settings that have a column in every table


def make_record(
    run_id: str,
    *,
    width: int = 8,
    seed: int = 0,
    barrier: float = 0.1,
    status: str = "ok",
    networks: int = 2,
    repairs: Mapping[str, str] | None = None,
    **scope: Any,
) -> dict[str, Any]:
    """Return a record whose loss barrier is `barrier` for weights and ten times that for identity, on every pair.

    Under every one of some repairs it is as many times that as `HEIGHTS` says; without any the record is one of a version before repairs.
    """
    record = _record_without_repairs(run_id, width, seed, barrier, status, networks, scope)
    return record if repairs is None else repaired(record, repairs)


def repaired(record: dict[str, Any], repairs: Mapping[str, str]) -> dict[str, Any]:
    """Return a record of a version before repairs with its lines measured under every one of some repairs."""
    runs, curves = [], []
    for repair, repair_hash in repairs.items():
        words = {"repair": repair, "repair_hash": repair_hash}
        runs += [row | words | measures(row["loss_barrier"] * HEIGHTS[repair]) for row in record["runs"]]
        curves += [curve | words for curve in record["curves"]]
    entries = [{"repair": repair, "repair_hash": repair_hash, "settings": {}} for repair, repair_hash in repairs.items()]
    return record | {"repair": entries, "runs": runs, "curves": curves}


def _record_without_repairs(
    run_id: str, width: int, seed: int, barrier: float, status: str, networks: int, scope: Mapping[str, Any]
) -> dict[str, Any]:
    names = [f"{run_id}-{k}" for k in range(networks)]
    runs, curves, layers = [], [], []
    for a in range(networks):
        for b in range(a + 1, networks):
            for method, settings_hash in METHODS.items():
                pair = {"network_a": names[a], "network_b": names[b], "matching": method, "settings_hash": settings_hash}
                height = 10 * barrier if method == "identity" else barrier
                for split in ("train", "test"):
                    runs.append(pair | {"split": split} | measures(height))
                    curves.append(pair | {"split": split, "t": [0.0, 0.5, 1.0], "loss": [0.2, 0.3 + height, 0.4], "error": [0.0, 0.1, 0.0]})
                if method != "identity":
                    layer = {"layer": 1, "layer_name": "hidden_1", "matching_cost": 1.0, "identity_cost": 2.0}
                    dimensions = {"approximate_dimension": 3.0, "approximate_dimension_b": 3.5}
                    dimensions |= {"approximate_dimension_centred": 5.0, "approximate_dimension_centred_b": 5.5}
                    layers.append(pair | layer | dimensions)
    return {
        "schema_version": 1,
        "run_id": run_id,
        "status": status,
        "sentence": "measured." if status == "ok" else "network 0 had a loss, before or after training, or a weight that was not finite.",
        "points": 3,
        "scope": {"dataset": "digits", "model": "mlp", "width": width, "depth": 1, "seed": seed, "optimizer.lr": 0.05} | dict(scope),
        "matching": [{"matching": name, "settings_hash": settings_hash, "settings": {}} for name, settings_hash in METHODS.items()],
        "runs": runs,
        "curves": curves,
        "layers": layers,
        "notes": [],
    }


def with_blocks(record: dict[str, Any], examples: int = 20, most: float = 0.1) -> dict[str, Any]:
    """Return a record that has test blocks, an example each: of every measure the row's own value, and an error with mean 0 that all share.

    `most` is the largest error, as a share of the value.
    """
    errors = np.linspace(-1, 1, examples) ** 3 * most

    def blocks(row: dict[str, Any]) -> str:
        return schema.packed_blocks(np.stack([np.ones(examples), *(row[measure] * (1 + errors) for measure in schema.BLOCK_MEASURES)]))

    return record | {"runs": [row | {schema.TEST_BLOCKS: blocks(row) if row["split"] == "test" else None} for row in record["runs"]]}


def with_training(record: dict[str, Any], epochs: Sequence[int] = (0, 1, 2)) -> dict[str, Any]:
    """Return a record that has training curves: after e epochs the k-th network has the loss (k + 1) / (e + 1), on the test split twice it.

    The error is a tenth of the loss.
    """
    names = sorted({row[key] for row in record["runs"] for key in schema.PAIR})
    curves = []
    for k, name in enumerate(names):
        for epoch in epochs:
            for split, factor in (("train", 1.0), ("test", 2.0)):
                loss = factor * (k + 1) / (epoch + 1)
                curves.append({"network": name, "epoch": epoch, "split": split, "loss": loss, "error": loss / 10})
    return record | {schema.TRAINING: curves}


def four_records() -> list[dict[str, Any]]:
    """Return the records of two widths and two seeds."""
    return [
        make_record(f"r{seed}{width}", seed=seed, width=width, barrier=0.1 / width * (seed + 1)) for seed in (0, 1) for width in (8, 16)
    ]


def in_both_directions(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose pairs are measured the other way round too, with the same values."""
    tables = {name: record[name] for name in ("runs", "curves", "layers")}
    return record | {
        name: [*rows, *(row | {"network_a": row["network_b"], "network_b": row["network_a"]} for row in rows)]
        for name, rows in tables.items()
    }


def record_bytes(record: dict[str, Any]) -> bytes:
    """Return the contents of a record's file, sealed."""
    return schema.sealed(schema.canonical(record))


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write a record into the folder of its job, sealed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_bytes(record_bytes(record))


def resealed(text: str) -> bytes:
    """Return the text of a record that a test has changed under a seal that fits, if it is JSON still."""
    try:
        record = json.loads(text)
        record.pop(schema.SEAL_KEY, None)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return text.encode("utf-8", errors="surrogatepass")
    return record_bytes(record)


def seal_beside(path: Path) -> None:
    """Note the digest of a file in the record beside it, as the job that has written both does."""
    record = schema.open_record(path.with_name("record.json").read_bytes())
    digests = {**record.get(schema.FILES, {}), path.name: schema.digest(path.read_bytes())}
    write_record(path.parent, {**record, schema.FILES: digests})


def measures(height: float) -> dict[str, float | None]:
    """Return the measures of a symmetric curve from loss 0.2 to 0.4 with a peak at the middle."""
    return {
        "loss_a": 0.2, "loss_b": 0.4, "error_a": 0.02, "error_b": 0.04,
        "loss_barrier": height, "error_barrier": height / 10, "loss_barrier_t": 0.5, "error_barrier_t": 0.5,
        "loss_barrier_mean": height, "error_barrier_mean": height / 10, "loss_midpoint": 0.3 + height, "error_midpoint": 0.03 + height / 10,
        "loss_midpoint_barrier": height, "error_midpoint_barrier": height / 10, "function_gap": 1e-7,
        "seconds_train": 1.0, "seconds_match": 0.1, "seconds_evaluate": 0.1,
    }  # fmt: skip


def expect(record: dict[str, Any], job: str = "") -> dict[str, Any]:
    """Return the line of `expected.jsonl` that belongs to a record."""
    pairs = len({(row["network_a"], row["network_b"]) for row in record["runs"]})
    line = {"run_id": record["run_id"], "job": job, "n_pairs": pairs, "matching": record["matching"], "scope": record["scope"]}
    return line | {"repair": record["repair"]} if "repair" in record else line


def labelled(ax: Any) -> dict[str, Any]:
    """Return the lines of axes that stand in a legend, by their labels."""
    return {str(line.get_label()): line for line in ax.get_lines() if not str(line.get_label()).startswith("_")}
