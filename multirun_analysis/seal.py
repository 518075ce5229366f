"""The seal of a record: the digest of its text as its last key, so that a number that has changed since it was written is noticed."""

import hashlib
import re

KEY = "sha256"
SEAL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n}$')
LENGTH = len(',\n "sha256": ""\n}') + 64


def sealed(text: str) -> bytes:
    """Return the text of a JSON object, as ``json.dumps`` with an indent of 1 gives it, with its SHA-256 as the last key."""
    return text.removesuffix("\n}").encode() + f',\n "{KEY}": "{hashlib.sha256(text.encode()).hexdigest()}"\n}}'.encode()


def check_seal(contents: bytes) -> None:
    """Raise `ValueError` if a sealed text is no longer what was sealed; one without a seal, of an earlier version, has nothing to show."""
    found = SEAL.search(contents, max(0, len(contents) - LENGTH))
    if found is not None and hashlib.sha256(contents[: found.start()] + b"\n}").hexdigest() != found[1].decode():
        raise ValueError("it was changed after it was written: its sha256 is not that of its text")
