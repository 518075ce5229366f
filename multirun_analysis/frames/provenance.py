"""What was run: the settings that all jobs share, the keys that vary, machines, versions, and the seconds spent."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from multirun_analysis.frames.tidy import FIXED, Sweep, sortable


def provenance(sweep: Sweep, runs: pd.DataFrame) -> dict[str, Any]:
    """Return the settings that all jobs share, the keys that vary, machines, versions, and the seconds spent, ready for JSON.

    Of a sweep that was read from tables they are what the ``provenance.json`` beside them says.
    """
    if sweep.origin is not None and sweep.origin.facts is not None:
        return dict(sweep.origin.facts)
    scopes = [record["scope"] for record in sweep.records]
    shared = {key: value for key, value in scopes[0].items() if all(scope.get(key) == value for scope in scopes)} if scopes else {}
    varying = [key for key in dict.fromkeys((*FIXED, *sweep.varying)) if key not in shared]
    training = dict(_seconds(network) for record in sweep.records for network in _listed(record.get("networks")))
    once = runs.drop_duplicates(["run_id", "network_a", "network_b", "matching"])
    seconds = {"matching": once["seconds_match"].sum(), "evaluation": runs["seconds_evaluate"].sum()}
    if sweep.origin is None:  # tables have those of both networks of a pair together
        seconds["training"] = sum(training.values())
    return {
        "jobs": len(sweep.records),
        "failures": len(sweep.failures),
        "networks": len(training),
        "settings": shared,
        "varying": {key: distinct([scope.get(key) for scope in scopes]) for key in varying},
        "seconds": {key: round(float(value)) for key, value in seconds.items()},
        "machines": sorted({json.dumps(record.get("machine"), sort_keys=True) for record in sweep.records}),
        "versions": sorted({json.dumps(record.get("versions"), sort_keys=True) for record in sweep.records}),
        "notes": sweep.notes,
    }


def provenance_text(facts: Mapping[str, Any]) -> str:
    """Return what `provenance` returns as the text of ``provenance.json``."""
    return json.dumps(facts, indent=1, sort_keys=True) + "\n"


def distinct(values: Sequence[Any]) -> list[Any]:
    """Return the distinct values of a key, sorted, numbers before words."""
    by_text = {json.dumps(value, sort_keys=True): value for value in values}
    keys = pd.Series([value if isinstance(value, int | float | str) else text for text, value in by_text.items()], dtype=object)
    return [list(by_text.values())[k] for k in sortable(keys).argsort(kind="stable")]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _seconds(network: Any) -> tuple[str, float]:
    """Return the name of a network and the seconds that its training took, as far as a record says so."""
    network = network if isinstance(network, dict) else {}
    seconds = network.get("seconds")
    return str(network.get("name")), float(seconds) if isinstance(seconds, int | float) else 0.0
