"""What a job and its networks are called: digests of everything that determines them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from lmc_sweeps.common.identity import code_of, identity_settings
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.training.loop import CODE_VERSION
from multirun_analysis.schema import safe_name


def identity(settings: JobSettings, fingerprint: str) -> dict[str, Any]:
    """Return everything that determines a job's networks and their evaluation, as plain values; `fingerprint` is that of its data."""
    values = identity_settings(settings)
    return {
        "code": CODE_VERSION,
        "fingerprint": fingerprint,
        **{key: part_identity(value) if is_dataclass(value) else value for key, value in values.items()},
    }


def part_identity(part: Any) -> dict[str, Any]:
    """Return the name of a part (a dataset, a model, ...), the settings in its identity, and the digest of a user's own code."""
    name = {"name": part.name} if hasattr(part, "name") else {}
    return name | code_of(type(part)) | identity_settings(part)


def run_id(settings: JobSettings, fingerprint: str) -> str:
    """Return the name of a job: the same for every job with the same networks, whatever is measured on them."""
    return digest(identity(settings, fingerprint))


def network_identity(settings: JobSettings, fingerprint: str, number: int) -> dict[str, Any]:
    """Return everything that determines one network of a job: its weights do not depend on how many others there are."""
    words = identity(settings, fingerprint)
    del words["networks"]
    if number == 0:  # whose data orders are its own, whether others share them or not
        words["training"] = {key: value for key, value in words["training"].items() if key != "data_order"}
    return {**words, "network": number}


def network_name(identity: Mapping[str, Any]) -> str:
    """Return the name of the network with this identity: what is stored under another name is another network."""
    return digest(identity)


def digest(words: Mapping[str, Any]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of plain values, keys in order, as a safe name."""
    text = json.dumps(words, sort_keys=True, allow_nan=False)
    return safe_name(hashlib.sha256(text.encode()).hexdigest()[:16])
