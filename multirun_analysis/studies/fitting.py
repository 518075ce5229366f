"""Whether a study fits the sweeps: one sentence on what it needs and what they have, before anything is written."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from multirun_analysis.checks import InputError
from multirun_analysis.frames.provenance import distinct
from multirun_analysis.frames.tidy import Sweep, value_text
from multirun_analysis.records.labels import method_order
from multirun_analysis.schema import CELL
from multirun_analysis.studies.base import Study
from multirun_analysis.studies.rows import measured

OWN_COLUMNS = (*CELL, "width")
SAME = 1e-3  # relative; however many digits of a number were typed
MOST_LISTED = 12  # values in a message


def check_keys(name: str, study: Study, sweep: Sweep) -> None:
    """Raise `InputError` if a key varies that the study knows nothing of: it would take means over it."""
    varying = [*(key for key in OWN_COLUMNS if len({scope[key] for scope in sweep.scopes}) > 1), *sweep.varying]
    others = [] if study.may is None else [key for key in varying if key not in (*study.needs, *study.may, *study.apart)]
    for key in others:
        if not _follows(key, study.apart, sweep.scopes):
            each = f" of {' and '.join(study.apart)} each" if study.apart else ""
            raise InputError(f"the study {name} would take means over different values of {key}; name sweeps in which it has one{each}.")


def _follows(key: str, others: Sequence[str], scopes: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a key has one value for each combination of values of other keys."""
    groups: dict[str, list[Any]] = {}
    for scope in scopes:
        groups.setdefault(repr([scope.get(other) for other in others]), []).append(scope.get(key))
    return all(len(distinct(values)) == 1 for values in groups.values())


def check_fit(name: str, study: Study, sweep: Sweep, runs: pd.DataFrame) -> None:
    """Raise `InputError` unless what was measured without diverging is what the study is about."""
    usable = measured(runs)
    if usable.empty:
        raise InputError(f"the study {name} has nothing to show: no job of these sweeps has been measured without diverging.")
    run_ids = set(usable["run_id"])
    scopes = [record["scope"] for record in sweep.records if record["run_id"] in run_ids]
    lacking = [*_lacking_values(study, scopes), *_lacking_methods(study, usable)]
    if lacking:
        needs, has = (", ".join(dict.fromkeys(part)) for part in zip(*lacking, strict=True))
        raise InputError(f"the study {name} needs {needs}; these sweeps have {has}.")


def _lacking_values(study: Study, scopes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield every requirement on the values of a key that the sweeps do not meet, and the values that they have."""
    values = {key: distinct([scope.get(key) for scope in scopes]) for key in (*study.needs, *study.among)}
    for key in study.needs:
        if len(values[key]) < 2:
            yield f"several values of {key}", _listed(key, values[key])
    for key, accepted in study.among.items():
        if not any(_same(value, one) for value in values[key] for one in accepted):
            yield f"{key} {' or '.join(map(value_text, accepted))}", _listed(key, values[key])


def _lacking_methods(study: Study, runs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield the methods that a study needs, where the sweeps lack one of them, and those that they have."""
    labels = sorted(runs["matching"].unique(), key=method_order)
    names = {label.partition("[")[0] for label in labels}
    if not names.issuperset(study.methods):
        yield f"the methods {', '.join(study.methods)}", f"the methods {', '.join(labels)}"


def _same(value: Any, accepted: Any) -> bool:
    """Return whether a value is the one that a study names; numbers may have been typed with fewer digits."""
    if isinstance(accepted, str) or isinstance(value, bool):
        return bool(value == accepted)
    try:
        return math.isclose(float(value), float(accepted), rel_tol=SAME)
    except (TypeError, ValueError):
        return False


def _listed(key: str, values: Sequence[Any]) -> str:
    texts = [value_text(value) for value in values if value is not None]
    more = f", ... ({len(texts)} values)" if len(texts) > MOST_LISTED else ""
    return f"{key} {', '.join(texts[:MOST_LISTED])}{more}" if texts else f"no {key}"
