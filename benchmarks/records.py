"""Records of a sweep that nobody ran: as many as one likes, in the shape and size of real ones, in seconds."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from multirun_analysis.schema import sealed, sealed_line

WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
METHODS = ("identity", "weights", "covariance", "activations")
POINTS = 25
GAP = "<number>"  # stands in the template where a record has a number of its own
MEASURES = (
    "loss_a", "loss_b", "error_a", "error_b", "loss_barrier", "error_barrier", "loss_barrier_mean", "error_barrier_mean", "loss_midpoint",
    "error_midpoint", "loss_midpoint_barrier", "error_midpoint_barrier", "output_gap", "output_scale", "certificate", "certificate_ratio",
    "distance", "relative_movement", "seconds_train", "seconds_match", "seconds_evaluate",
)  # fmt: skip
LAYER_MEASURES = (
    "matching_cost", "identity_cost", "approximate_dimension", "approximate_dimension_b", "approximate_dimension_centred",
    "effective_dimension", "cost_lower_bound", "expected_slope", "recursion_tolerance",
)  # fmt: skip


def write_sweep(folder: Path, *, seeds: range = range(10), widths: tuple[int, ...] = WIDTHS, rates: range = range(250)) -> int:
    """Write the records of a sweep over seeds, widths and learning rates, and what it expected; return their number."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = []
    for width, seed, rate in ((width, seed, rate) for width in widths for rate in rates for seed in seeds):
        scope = _scope(width, seed, 0.001 * (rate + 1))
        run_id = hashlib.sha256(json.dumps(scope).encode()).hexdigest()[:16]
        (folder / run_id).mkdir()
        (folder / run_id / "record.json").write_bytes(sealed(record_text(run_id, scope)))
        job = f"width={width} seed={seed} optimizer.lr={scope['optimizer.lr']}"
        expected.append(sealed_line({"run_id": run_id, "job": job, "n_pairs": 1, "matching": _matching(), "scope": scope}))
    with (folder / "expected.jsonl").open("a") as stream:
        stream.writelines(expected)
    return len(expected)


def record_text(run_id: str, scope: dict[str, Any]) -> str:
    """Return a record but for its seal, about 28 kB, with barriers that fall with width, less for the identity than for the others."""
    text = json.dumps(_template(run_id, scope), indent=1, sort_keys=True).replace("%", "%%").replace(f'"{GAP}"', "%r")
    rng = np.random.default_rng(int(run_id, 16))
    numbers = rng.lognormal(-0.5 * np.log2(scope["width"]), 0.7, text.count("%r"))
    return text % tuple(numbers.tolist())


def _scope(width: int, seed: int, rate: float) -> dict[str, Any]:
    return {
        "code_version": 2, "dataset": "mnist", "dataset.fingerprint": "5a408b209c879f3b", "dataset.normalise": False,
        "dataset.test_size": None, "dataset.train_size": None, "depth": 1, "model": "mlp", "model.activation": "relu", "model.bias": True,
        "model.initialisation": "lecun", "model.intrinsic_dimension": 2, "model.law_seed": 0, "model.noise": 0.0, "networks": 2,
        "optimizer": "sgd", "optimizer.lr": rate, "optimizer.momentum": 0.9, "optimizer.weight_decay": 0.0, "precision": "float32",
        "seed": seed, "training.batch_size": 500, "training.data_order": "own", "training.epochs": 50,
        "training.schedule": "warmup_cosine", "training.warmup_lr": 1e-06, "training.warmup_steps": 10, "width": width,
    }  # fmt: skip


def _matching() -> list[dict[str, Any]]:
    settings = {"biases": False, "transport": "emd"}
    return [{"matching": name, "settings_hash": f"{k:08x}", "settings": settings if k else {}} for k, name in enumerate(METHODS)]


def _template(run_id: str, scope: dict[str, Any]) -> dict[str, Any]:
    names = [hashlib.sha256(f"{run_id} {k}".encode()).hexdigest()[:16] for k in range(2)]
    network = {"finite": True, "loss_final": GAP, "loss_initial": GAP, "seconds": GAP}
    pairs = list(_pairs(names))
    return {
        "schema_version": 1, "run_id": run_id, "status": "ok", "sentence": "measured.", "scope": scope, "points": POINTS, "seconds": GAP,
        "config": {**scope, "device": "auto", "store": "/home/someone/store", "matching": _matching()},
        "data": {"n_classes": 10, "n_inputs": 784, "n_test": 10_000, "n_train": 60_000},
        "machine": {"device": "cpu", "device_name": "x86_64", "system": "Linux-6.1-x86_64-with-glibc2.36", "threads": 2},
        "versions": {name: "1.2.3" for name in ("python", "lmc-sweeps", "torch", "numpy", "scipy", "pot", "scikit-learn", "pandas")},
        "matching": _matching(), "networks": [network | {"name": name} for name in names], "notes": [],
        "runs": [pair | _constants() | dict.fromkeys(MEASURES, GAP) for pair in pairs],
        "curves": [pair | {"t": np.linspace(0, 1, POINTS).tolist(), "loss": [GAP] * POINTS, "error": [GAP] * POINTS} for pair in pairs],
        "layers": [
            {key: value for key, value in pair.items() if key != "split"} | {"layer": 1, "layer_name": "hidden_1"}
            | dict.fromkeys(LAYER_MEASURES, GAP)
            for pair in pairs if pair["split"] == "test" and pair["matching"] != "identity"
        ],
    }  # fmt: skip


def _pairs(names: list[str]) -> Iterator[dict[str, Any]]:
    for entry in _matching():
        for split in ("train", "test"):
            yield {"network_a": names[0], "network_b": names[1], "split": split} | {k: entry[k] for k in ("matching", "settings_hash")}


def _constants() -> dict[str, Any]:
    return {"loss_barrier_t": 0.5, "error_barrier_t": 0.5, "function_gap": 0.0, "certificate_status": "vacuous"}
