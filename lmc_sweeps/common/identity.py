"""What is in a name: the one rule by which the settings of a part, of a matching method or of a whole job become its identity.

Of a part in a user's own folder the code is in it too: an edited file is another part. Ours have a version of their own, in their settings
and in that of the training code.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields
from typing import Any, ClassVar

from multirun_analysis.common.part_code import code_digest
from multirun_analysis.schema import CODE, safe_name

# Metadata of a field. NEVER: it says where something lies or how it is computed, not what it is. ALWAYS: in the identity at its default
# too, as the names of finished runs have it; no new field is. LATER: it was added to a class that users' own parts extend, whose YAMLs
# need not have it.
NEVER: dict[str, Any] = {"identity": False}
ALWAYS: dict[str, Any] = {"identity": "always"}
LATER: dict[str, Any] = {"later": True}


def identity_fields(part: Any) -> list[Field[Any]]:
    """Return the fields of a part that can be in its identity."""
    return [field for field in fields(part) if field.metadata.get("identity", True)]


def left_out(part: Any, values: Mapping[str, Any] | None = None) -> frozenset[str]:
    """Return the settings that are not in a part's identity: places, and what is at its default.

    Leaving defaults out lets a part grow a field whose default changes nothing without renaming a finished run.

    Parameters
    ----------
    part : dataclass
    values : mapping, optional
        What the settings count as, where a part computes it; its fields, if not given.
    """
    values = {field.name: getattr(part, field.name) for field in fields(part)} if values is None else values
    named = {
        field.name
        for field in identity_fields(part)
        if field.metadata.get("identity") == "always" or field.name not in values or values[field.name] != _default(field)
    }
    return frozenset(field.name for field in fields(part) if field.name not in named)


def identity_settings(part: Any) -> dict[str, Any]:
    """Return the settings in a part's identity: those that differ from their defaults, and those without one."""
    outside = left_out(part)
    return {field.name: getattr(part, field.name) for field in fields(part) if field.name not in outside}


def code_of(kind: type) -> dict[str, str]:
    """Return the digest of the code of a part in a user's folder, under its key; nothing for a part of ours."""
    digest = code_digest(kind)
    return {} if digest is None else {CODE: safe_name(digest)}


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


class Measuring:
    """A part of which a job takes several, all measured on the same networks: it is identified by its name and its settings.

    A subclass is a dataclass, whose fields are the settings.
    """

    name: ClassVar[str]

    def settings(self) -> dict[str, Any]:
        """Return the fields that a user can set."""
        settings: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        return settings

    def code(self) -> dict[str, str]:
        """Return the digests of the code of a user's own that decides what the part returns, under their keys; none of ours."""
        return code_of(type(self))

    def settings_hash(self) -> str:
        """Return 8 hexadecimal digits that identify the part with its settings, behind a letter where they look like a number.

        Settings at their defaults are left out, and the code of a user's own is in it.
        """
        settings = self.settings()
        outside = left_out(self, settings)
        named = {name: settings[name] for name in settings if name not in outside} | self.code()
        words = json.dumps([self.name, named], sort_keys=True)
        return safe_name(hashlib.sha256(words.encode()).hexdigest()[:8])
