"""The settings of a job as a record shows them: to others too, so without secrets, homes and what stood in the environment."""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lmc_sweeps.common.identity import code_of, identity_fields
from lmc_sweeps.datasets.base import Dataset
from lmc_sweeps.jobs.settings import MEASURED, PARTS, JobSettings, scalar_keys
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.repair.base import Repair
from lmc_sweeps.training.loop import CODE_VERSION
from multirun_analysis.common.redaction import MASK, is_secret, redacted_text, redacted_value
from multirun_analysis.schema import mark_of, safe_name

# Modules of parts all of whose texts are names of choices. A part that is not here may have a secret: a user's own lie beside ours.
OF_CHOICES = frozenset(
    f"lmc_sweeps.{name}"
    for name in ("matching.activations", "matching.covariance", "matching.identity", "matching.weights", "models.cnn", "models.gpt",
                 "models.mean_field", "models.mlp", "models.resnet", "models.vgg", "models.vit", "training.optimizers", "training.recipe")
)  # fmt: skip
_MARKED = re.compile(rf"(?:.*\$\{{.*|{re.escape(MASK)}) \((x?[0-9a-f]{{8}})\)", re.DOTALL)


def scope(settings: JobSettings, fingerprint: str) -> dict[str, Any]:
    """Return a job's identity under dotted names, defaults included: what a sweep can vary and a table can show.

    A text of the dataset's, or of a part of the user's own, that came from the environment, or stands under the key of a secret, is shown
    as where it came from and a digest: two of them are told apart, and neither can be read. (Those of other parts are names of choices.)

    A part's own name stands under the part's key, e.g. ``{"optimizer": "sgd", "optimizer.lr": 0.05}``.
    """
    keys = {field.name: getattr(settings, field.name) for field in identity_fields(settings) if field.name not in PARTS}
    for key in PARTS:
        part = getattr(settings, key)
        keys |= {key: part.name} if hasattr(part, "name") else {}
        shown = _shown_part(key, part, settings, apart=True)
        keys |= {f"{key}.{field.name}": shown[field.name] for field in identity_fields(part)}
        keys |= {f"{key}.{name}": digest for name, digest in code_of(type(part)).items()}
    return {**keys, "dataset.fingerprint": safe_name(fingerprint), "code_version": CODE_VERSION}


def mark_in(shown: Any) -> str | None:
    """Return the digest in a setting of a `scope` that stands for a text which is not shown; None if there is none."""
    marked = _MARKED.fullmatch(shown) if isinstance(shown, str) else None
    return None if marked is None else marked[1]


def plain_config(settings: JobSettings) -> dict[str, Any]:
    """Return the settings as plain values, for the record, which others may be sent.

    Interpolations are resolved, but for those of environment variables in the store's folder and in texts of the dataset and of parts of
    the user's own: there their text stands. Secrets are masked, and the home of whoever runs this is ``~``. `load_networks` builds the
    model of this, and looks for its networks in the store: what it needs it looks up again.
    """
    parts = {}
    for key in PARTS:
        part = getattr(settings, key)
        name = {"name": part.name} if hasattr(part, "name") else {}
        parts[key] = name | _shown_part(key, part, settings, apart=False)
    return {
        **{key: getattr(settings, key) for key in scalar_keys(settings)},
        **parts,
        **{
            key: [{"name": part.name, **measured_settings(settings, part, apart=False)} for part in getattr(settings, key)]
            for key in MEASURED
        },
        "store": None if settings.store is None else _shown_store(settings),
    }


def _shown_store(settings: JobSettings) -> str:
    written = dict(settings.from_environment).get("store.dir")
    return redacted_text(str(settings.store)) if written is None else redacted_value(written)


def measured_settings(settings: JobSettings, part: Matching | Repair, apart: bool = True) -> dict[str, Any]:
    """Return the settings of a matching method or of a repair as a record shows them.

    With `apart`, they tell one from another: digests stand for texts that are not shown, and places are left out.
    """
    places = {field.name for field in fields(part)} - {field.name for field in identity_fields(part)} if apart else set()
    values = {name: value for name, value in part.settings().items() if name not in places}
    if not _may_be_anything(part):
        return values
    outside = dict(settings.from_environment)
    return {key: _shown(f"{environment_key(part)}.{key}", value, outside, apart) for key, value in values.items()}


def environment_key(part: Matching | Repair) -> str:
    """Return the key under which `JobSettings.from_environment` has the settings of a part, whatever its key in the config was."""
    key = "matching" if isinstance(part, Matching) else "repair"
    return f"{key}.{part.name}.{part.settings_hash()}"


def _shown_part(key: str, part: Any, settings: JobSettings, apart: bool) -> dict[str, Any]:
    """Return the settings of a part as a record shows them."""
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    if not _may_be_anything(part):
        return values
    outside = dict(settings.from_environment)
    shown = {name: _shown(f"{key}.{name}", value, outside, apart) for name, value in values.items()}
    if isinstance(part, Dataset) and not apart:
        return {name: redacted_text(value) if isinstance(value, str) and value == values[name] else value for name, value in shown.items()}
    return shown


def _may_be_anything(part: Any) -> bool:
    """Return whether the texts of a part may be: a dataset's, or those of a part of the user's own. Others are names of choices."""
    return isinstance(part, Dataset) or type(part).__module__ not in OF_CHOICES


def _shown(key: str, value: Any, outside: Mapping[str, str], apart: bool) -> Any:
    """Return the value of a setting as a record shows it."""
    if (key in outside and isinstance(value, str | Mapping | list | tuple)) or (isinstance(value, str) and is_secret(key)):
        shown = redacted_value(outside.get(key, MASK))
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        return f"{shown} ({mark_of(text)})" if apart else shown
    if isinstance(value, Mapping):
        return {name: _shown(f"{key}.{name}", item, outside, apart) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_shown(f"{key}.{index}", item, outside, apart) for index, item in enumerate(value))
    return value
