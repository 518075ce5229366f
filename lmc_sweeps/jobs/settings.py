"""What a job is asked for, and what it is called: the settings that determine a network, hashed into names."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lmc_sweeps.common import checks
from lmc_sweeps.common.devices import resolve_device
from lmc_sweeps.datasets.base import Data, Dataset
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.maths import interpolation
from lmc_sweeps.models.base import Model
from lmc_sweeps.training.loop import CODE_VERSION, Training
from lmc_sweeps.training.optimizers import Optimizer
from multirun_analysis.common.redaction import MASK, is_secret, redacted_text, redacted_value
from multirun_analysis.schema import mark_of, safe_name

# Of the factors and results of training's matrix products. Weights, losses and all that is measured afterwards are float32 always.
PRECISIONS = ("float32", "tf32", "bfloat16")
# Modules of parts all of whose texts are names of choices. A part that is not here may have a secret: a user's own lie beside ours.
OF_CHOICES = frozenset(
    f"lmc_sweeps.{name}"
    for name in ("matching.activations", "matching.covariance", "matching.identity", "matching.weights", "models.mean_field", "models.mlp",
                 "training.optimizers", "training.loop")
)  # fmt: skip
_MARKED = re.compile(rf"(?:.*\$\{{.*|{re.escape(MASK)}) \((x?[0-9a-f]{{8}})\)", re.DOTALL)
MOST_LAYERS = 10_000  # Python takes seconds to build more, before anything is computed


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """One composed config, checked; `store` is the folder of trained networks, or None."""

    width: int
    depth: int
    networks: int
    seed: int
    dataset: Dataset
    model: Model
    optimizer: Optimizer
    training: Training
    matching: tuple[Matching, ...]
    device: str
    precision: str
    points: int
    plane: bool = False
    time_limit: float | None = None
    store: Path | None
    from_environment: tuple[tuple[str, str], ...] = dataclasses.field(
        default=(), compare=False
    )  # keys, with the interpolations that gave their values

    def __post_init__(self) -> None:
        checks.integer("width", self.width)
        checks.integer("depth", self.depth)
        if self.depth > MOST_LAYERS:
            raise checks.InputError(f"`depth` must be at most {MOST_LAYERS:,}, got {self.depth}.")
        checks.integer("networks", self.networks, least=2)
        checks.integer("seed", self.seed, least=0, below=2**64)
        checks.one_of("precision", self.precision, PRECISIONS)
        interpolation.check_points(self.points)  # and no list of them: there may be too many for any memory
        if not self.matching:
            raise checks.InputError("`matching` must name at least one method, got none; e.g. matching=[weights,activations].")
        checks.boolean("plane", self.plane)
        if self.plane and all(method.name == "identity" for method in self.matching):
            raise checks.InputError("`plane` needs a matching method that moves B: the plane goes through A, B and permuted B.")
        if self.time_limit is not None:
            object.__setattr__(self, "time_limit", checks.number("time_limit", self.time_limit, above=0.0, below=1e8))
        device = resolve_device(self.device)
        if self.precision == "tf32" and device.type != "cuda":
            raise checks.InputError(f"`precision` tf32 is for CUDA devices; here `device` is {device}. Choose float32 or bfloat16.")

    def check_against(self, data: Data) -> None:
        """Raise `InputError` where the settings do not fit the data."""
        self.model.check_shape(data.n_inputs, self.width, self.depth)
        if self.training.batch_size > len(data.train):
            raise checks.InputError(
                f"`training.batch_size` must be at most the size of the training set ({len(data.train)}), got {self.training.batch_size}."
            )


def part_identity(part: Any) -> dict[str, Any]:
    """Return the name of a part (a dataset, a model, ...) and the settings that differ from their defaults.

    Leaving defaults out lets a part grow a field whose default does nothing without renaming every finished run.
    """
    found = {"name": part.name} if hasattr(part, "name") else {}
    for field in fields(part):
        if field.metadata.get("identity", True) and getattr(part, field.name) != field.default:
            found[field.name] = getattr(part, field.name)
    return found


def identity(settings: JobSettings, fingerprint: str) -> dict[str, Any]:
    """Return everything that determines a job's networks and their evaluation, as plain values."""
    return {
        "code": CODE_VERSION,
        "fingerprint": fingerprint,
        "width": settings.width,
        "depth": settings.depth,
        "networks": settings.networks,
        "seed": settings.seed,
        "precision": settings.precision,
        **{key: part_identity(getattr(settings, key)) for key in ("dataset", "model", "optimizer", "training")},
    }


def scope(settings: JobSettings, fingerprint: str) -> dict[str, Any]:
    """Return the same as `identity` under dotted names, defaults included: what a sweep can vary and a table can show.

    A text of the dataset's, or of a part of the user's own, that came from the environment, or stands under the key of a secret, is shown
    as where it came from and a digest: two of them are told apart, and neither is told. (Those of other parts are names of choices.)

    A part's own name stands under the part's key, e.g. ``{"optimizer": "sgd", "optimizer.lr": 0.05}``.
    """
    keys: dict[str, Any] = {key: getattr(settings, key) for key in ("width", "depth", "networks", "seed", "precision")}
    for key in ("dataset", "model", "optimizer", "training"):
        part = getattr(settings, key)
        keys |= {key: part.name} if hasattr(part, "name") else {}
        told = _told_part(key, part, settings, apart=True)
        keys |= {f"{key}.{field.name}": told[field.name] for field in fields(part) if field.metadata.get("identity", True)}
    return {**keys, "dataset.fingerprint": safe_name(fingerprint), "code_version": CODE_VERSION}


def told_mark(told: Any) -> str | None:
    """Return the digest in a setting of a `scope` that is not told; None if it is."""
    found = _MARKED.fullmatch(told) if isinstance(told, str) else None
    return None if found is None else found[1]


def digest(words: Mapping[str, Any]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of plain values, keys in order, as a safe name."""
    return safe_name(_sha256(json.dumps(words, sort_keys=True, allow_nan=False))[:16])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def run_id(settings: JobSettings, fingerprint: str) -> str:
    """Return the name of a job: the same for every job with the same networks, whatever is measured on them."""
    return digest(identity(settings, fingerprint))


def network_identity(settings: JobSettings, fingerprint: str, number: int) -> dict[str, Any]:
    """Return everything that determines one network of a job: its weights do not depend on how many others there are."""
    words = identity(settings, fingerprint)
    del words["networks"]
    return {**words, "network": number}


def network_name(settings: JobSettings, fingerprint: str, number: int) -> str:
    """Return the name of a network in the store."""
    return name_of(network_identity(settings, fingerprint, number))


def name_of(network: Mapping[str, Any]) -> str:
    """Return the name of a network with this identity: what is stored under another name is another network."""
    return digest(network)


def plain_config(settings: JobSettings) -> dict[str, Any]:
    """Return the settings as plain values, for the record, which others may be sent.

    Interpolations are resolved, but for those of environment variables in the store's folder and in texts of the dataset and of parts of
    the user's own: there their text stands. Secrets are masked, and the home of whoever runs this is ``~``. `load_networks` builds the
    model of this, and looks for its networks in the store: what it needs it looks up again.
    """
    parts = {}
    for key in ("dataset", "model", "optimizer", "training"):
        part = getattr(settings, key)
        name = {"name": part.name} if hasattr(part, "name") else {}
        parts[key] = name | _told_part(key, part, settings, apart=False)
    scalars = ("width", "depth", "networks", "seed", "device", "precision", "points", "plane", "time_limit")
    return {
        **{key: getattr(settings, key) for key in scalars},
        **parts,
        "matching": [{"name": method.name, **told_method(settings, method, apart=False)} for method in settings.matching],
        "store": None if settings.store is None else _told_store(settings),
    }


def _told_store(settings: JobSettings) -> str:
    written = dict(settings.from_environment).get("store.dir")
    return redacted_text(str(settings.store)) if written is None else redacted_value(written)


def told_method(settings: JobSettings, method: Matching, apart: bool = True) -> dict[str, Any]:
    """Return the settings of a matching method as a record tells them; with `apart`, digests tell two texts apart that are not told."""
    told = method.settings()
    if _may_be_anything(method):
        outside = dict(settings.from_environment)
        return {key: _told(f"{place_of(method)}.{key}", value, outside, apart) for key, value in told.items()}
    return told


def place_of(method: Matching) -> str:
    """Return the key under which `JobSettings.from_environment` has the settings of a method, whatever its key in the config was."""
    return f"matching.{method.name}.{method.settings_hash()}"


def _told_part(key: str, part: Any, settings: JobSettings, apart: bool) -> dict[str, Any]:
    """Return the settings of a part as a record tells them."""
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    if not _may_be_anything(part):
        return values
    outside = dict(settings.from_environment)
    told = {name: _told(f"{key}.{name}", value, outside, apart) for name, value in values.items()}
    if isinstance(part, Dataset) and not apart:
        return {name: redacted_text(value) if isinstance(value, str) and value == values[name] else value for name, value in told.items()}
    return told


def _may_be_anything(part: Any) -> bool:
    """Return whether the texts of a part may be: a dataset's, or those of a part of the user's own. Others are names of choices."""
    return isinstance(part, Dataset) or type(part).__module__ not in OF_CHOICES


def _told(key: str, value: Any, outside: Mapping[str, str], apart: bool) -> Any:
    """Return the value of a setting as a record tells it."""
    if (key in outside and isinstance(value, str | Mapping | list | tuple)) or (isinstance(value, str) and is_secret(key)):
        shown = redacted_value(outside.get(key, MASK))
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        return f"{shown} ({mark_of(text)})" if apart else shown
    if isinstance(value, Mapping):
        return {name: _told(f"{key}.{name}", item, outside, apart) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_told(f"{key}.{place}", item, outside, apart) for place, item in enumerate(value))
    return value
