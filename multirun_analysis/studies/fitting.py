"""Whether a study fits the sweeps that it is asked of: one sentence of what it needs and what they have, before anything is written."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from multirun_analysis.checks import InputError
from multirun_analysis.frames.provenance import distinct
from multirun_analysis.frames.tidy import Sweep, method_order, value_text
from multirun_analysis.studies.base import Study

OWN_COLUMNS = ("dataset", "model", "depth", "width")
SAME = 1e-3  # relative; however many digits of a number were typed
MOST_LISTED = 12  # values in a message


def check_keys(name: str, study: Study, sweep: Sweep) -> None:
    """Raise `InputError` if a key varies that the study knows nothing of: it would take means over it."""
    varying = [*(key for key in OWN_COLUMNS if len({scope[key] for scope in sweep.scopes}) > 1), *sweep.varying]
    others = [] if study.may is None else [key for key in varying if key not in (*study.needs, *study.may)]
    if others:
        raise InputError(f"the study {name} would take means over different values of {others[0]}; name sweeps in which it has one.")


def check_fit(name: str, study: Study, sweep: Sweep, runs: pd.DataFrame) -> None:
    """Raise `InputError` unless what was measured without diverging is what the study is about."""
    measured = runs[runs["status"] == "ok"]
    if measured.empty:
        raise InputError(f"the study {name} has nothing to show: no job of these sweeps has been measured without diverging.")
    known = set(measured["run_id"])
    scopes = [record["scope"] for record in sweep.records if record["run_id"] in known]
    lacking = [*_lacking_values(study, scopes), *_lacking_methods(study, measured)]
    if lacking:
        needs, has = (", ".join(dict.fromkeys(part)) for part in zip(*lacking, strict=True))
        raise InputError(f"the study {name} needs {needs}; these sweeps have {has}.")


def _lacking_values(study: Study, scopes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield what a study needs of a key and does not get, and what there is."""
    values = {key: distinct([scope.get(key) for scope in scopes]) for key in (*study.needs, *study.among)}
    for key in study.needs:
        if len(values[key]) < 2:
            yield f"several values of {key}", _listed(key, values[key])
    for key, wanted in study.among.items():
        if not any(_same(value, one) for value in values[key] for one in wanted):
            yield f"{key} {' or '.join(map(value_text, wanted))}", _listed(key, values[key])


def _lacking_methods(study: Study, measured: pd.DataFrame) -> Iterator[tuple[str, str]]:
    labels = sorted(measured["matching"].unique(), key=method_order)
    names = {label.partition("[")[0] for label in labels}
    if not names.issuperset(study.methods):
        yield f"the methods {', '.join(study.methods)}", f"the methods {', '.join(labels)}"


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) or isinstance(value, bool):
        return bool(value == wanted)
    try:
        return math.isclose(float(value), float(wanted), rel_tol=SAME)
    except (TypeError, ValueError):
        return False


def _listed(key: str, values: Sequence[Any]) -> str:
    known = [value_text(value) for value in values if value is not None]
    more = f", ... ({len(known)} values)" if len(known) > MOST_LISTED else ""
    return f"{key} {', '.join(known[:MOST_LISTED])}{more}" if known else f"no {key}"
