"""The keys that vary between jobs, and their values as tables hold them: no two settings look alike."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from multirun_analysis.records.names import unmistakable
from multirun_analysis.schema import CODE

FIXED = ("dataset", "model", "width", "depth", "seed")  # columns of their own in every table
ABSENT = "-"
FINGERPRINT = "dataset.fingerprint"


def key_column(values: Sequence[Any]) -> list[Any]:
    """Return the values of a key as tables hold them: equal where they are one setting, and only there.

    Numbers and truths stay what they are (beside numbers a truth is a word, for True is 1 to pandas); text is `unmistakable`, lists and
    mappings are JSON, and what is absent or null is ``-``. What is no finite number is a word that no text looks like.
    """
    numbers = any(type(value) in (int, float) for value in values)
    return [str(value) if numbers and value is True or numbers and value is False else _as_key(value) for value in values]


def _as_key(value: Any) -> Any:
    if value is None:
        return ABSENT
    if isinstance(value, float) and not math.isfinite(value):
        return f"<{value}>"  # a text that begins so stands in quotation marks, and no reader takes it for a number
    if isinstance(value, str):
        return unmistakable(value)
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value


def setting_of(word: str) -> Any:
    """Return the value of a key from the word that a CSV has of it: `key_column` undone.

    >>> setting_of("0.1"), setting_of("relu"), setting_of('"1e5"'), setting_of("-"), setting_of("True"), setting_of("[1, 2]")
    (0.1, 'relu', '1e5', None, True, [1, 2])
    """
    if word == ABSENT:
        return None
    if word in ("True", "False"):
        return word == "True"
    if word in ("<nan>", "<inf>", "<-inf>"):
        return float(word[1:-1])
    try:
        return json.loads(word)
    except (ValueError, RecursionError):
        return word


def varying_keys(scopes: Sequence[Mapping[str, Any]], computed: Sequence[Mapping[str, Any]] = ()) -> tuple[list[str], dict[str, str]]:
    """Return the keys that differ between jobs and have a column, sorted, and those that have none, with what they are computed from.

    Means are taken over seeds, and over nothing else: a key has no column only where the configs of all jobs compute it by one expression
    from keys that are in the scope too (``dataset.seed=${seed}``), so that no two settings are averaged that were set by hand. The
    fingerprint of the data has none where the dataset's own settings tell as much, and the code of a user's part has none where its name
    does.

    Parameters
    ----------
    scopes : sequence of mappings
        The settings of every job under dotted names.
    computed : sequence of mappings, optional
        Of every job, the keys that its config computes from others: ``{key: {"expression": ..., "keys": [...]}}``. Earlier versions did
        not write that down: of their jobs every key that differs has a column.
    """
    columns = {key: [scope.get(key) for scope in scopes] for key in sorted(set[str]().union(*scopes))}
    differing = {key: key_column(values) for key, values in columns.items() if key not in FIXED and _may_differ(values)}
    shown, following = [], {}
    for key, values in differing.items():
        if len(set(values)) == 1:
            continue
        if key == FINGERPRINT:
            reason = _dataset_tells(values, columns)
        elif key.endswith(f".{CODE}"):
            reason = _name_tells(key.removesuffix(f".{CODE}"), values, columns)
        else:
            reason = _computed_from(key, values, columns, computed)
        if reason is None:
            shown.append(key)
        else:
            following[key] = reason
    return shown, following


def _may_differ(values: Sequence[Any]) -> bool:
    """Return whether the values need a closer look; most keys of most sweeps do not."""
    return len(set(map(type, values))) > 1 or values.count(values[0]) < len(values)


def _computed_from(
    key: str, values: Sequence[Any], columns: Mapping[str, Sequence[Any]], computed: Sequence[Mapping[str, Any]]
) -> str | None:
    """Return the keys that all jobs compute a key from, in the same way, as text; None if they do not."""
    if len(computed) < len(values) or key not in computed[0]:
        return None
    how = computed[0][key]
    if any(computed_keys.get(key) != how for computed_keys in computed) or not set(how["keys"]) <= columns.keys():
        return None
    return " and ".join(how["keys"]) if _is_function(values, [columns[name] for name in how["keys"]]) else None


def _dataset_tells(values: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> str | None:
    settings = [column for key, column in columns.items() if (key == "dataset" or key.startswith("dataset.")) and key != FINGERPRINT]
    return "the dataset" if _is_function(values, settings) else None


def _name_tells(part: str, values: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> str | None:
    return part if part in columns and _is_function(values, [columns[part]]) else None


def _is_function(values: Sequence[Any], keys: Sequence[Sequence[Any]]) -> bool:
    """Return whether jobs that are equal in all of `of` are equal in `values`."""
    arguments = list(zip(*map(key_column, keys), strict=True))
    return len(set(zip(arguments, values, strict=True))) == len(set(arguments))
