"""The labels of methods and repairs, and the order in which they are shown: the same in tables, figures and the lines of jobs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from multirun_analysis import schema
from multirun_analysis.records.names import unmistakable

Method = tuple[str, str]  # a matching method's name, and the hash of its settings


def matching_labels(entries: Sequence[Mapping[str, Any]]) -> dict[Method, str]:
    """Return labels by name and settings hash: the name, with the settings that differ in brackets where the method was run with several.

    Methods that would look alike have their hash too.
    """
    return _labels([(schema.method_of(entry), entry["settings"]) for entry in entries])


def repair_labels(entries: Sequence[Mapping[str, Any]]) -> dict[Method, str]:
    """Return labels of repairs by name and settings hash, as those of methods."""
    return _labels([(schema.repair_of(entry), entry["settings"]) for entry in entries])


def _labels(entries: Sequence[tuple[Method, Mapping[str, Any]]]) -> dict[Method, str]:
    by_name: dict[str, dict[str, Mapping[str, Any]]] = {}
    for (name, settings_hash), settings in entries:
        by_name.setdefault(name, {})[settings_hash] = settings
    labels = {}
    for name, variants in by_name.items():
        differing = [
            key for key in sorted({k for s in variants.values() for k in s}) if len({repr(s.get(key)) for s in variants.values()}) > 1
        ]
        for settings_hash, settings in variants.items():
            inside = ", ".join(f"{key}={str(settings.get(key)).lower()}" for key in differing)
            labels[name, settings_hash] = f"{name}[{inside}]" if inside else name
    times = Counter(labels.values())
    full = {method: label if times[label] == 1 else f"{label}[{method[1]}]" for method, label in labels.items()}
    return {method: label if label == schema.WITHOUT_REPAIR["repair"] else unmistakable(label) for method, label in full.items()}


def method_order(method: str) -> tuple[int, str]:
    """Return where a method stands among others: the control first, then the paper's three, then the rest by name."""
    first_methods = ["identity", "weights", "covariance", "activations"]
    name = method.partition("[")[0]
    return (first_methods.index(name) if name in first_methods else len(first_methods), method)


def repair_order(repair: str) -> tuple[bool, str]:
    """Return where a repair stands among others: networks as they are first, then the rest by name."""
    return repair != schema.WITHOUT_REPAIR["repair"], repair
