"""Whether a page need be drawn again: a sweep that is run again with nothing left to do has the page that it would get."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from multirun_analysis.common.registry import PACKAGES, folders_of_parts
from multirun_analysis.page import REPORT_FILE

PACKAGE = Path(__file__).resolve().parents[1]
LIBRARIES = ("pandas", "matplotlib", "seaborn", "jinja2")
LAST_LINE = re.compile(rb"<!-- made of ([0-9a-f]{64}): ([^\n]*) -->\n\Z")
LONGEST = 4096  # bytes of that line


def made_of(tables: Collection[Path], others: Sequence[Any]) -> str:
    """Return a digest of all that a page is made of: the files of its tables, what else it says, our code, a user's, and libraries.

    Parameters
    ----------
    tables : collection of Path
    others : sequence
        Ready for JSON.
    """
    digest = hashlib.sha256(json.dumps([others, [version(name) for name in LIBRARIES]], sort_keys=True).encode(errors="surrogateescape"))
    for file in (*tables, *_code()):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def last_line(digest: str, files: Collection[str]) -> str:
    """Return the comment with which a page ends: what it is made of, and the names of the files that were drawn beside it."""
    return f"<!-- made of {digest}: {', '.join(files)} -->\n"


def is_drawn(folder: Path, digest: str) -> bool:
    """Return whether a folder has the page that is made of these things, and all files that were drawn with it."""
    page = folder / REPORT_FILE
    if not page.is_file():  # a pipe would be waited for
        return False
    with page.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, 2) - LONGEST))
        written = LAST_LINE.search(stream.read())
    if written is None or written[1].decode() != digest:
        return False
    return all((folder / name).is_file() for name in written[2].decode(errors="replace").split(", ") if name)


def _code() -> Iterator[Path]:
    for folder in (PACKAGE, *(folder / name for folder in folders_of_parts() for name in PACKAGES)):
        yield from sorted(folder.rglob("*.py"))
