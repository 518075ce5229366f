"""The code of a user's own part, as a digest: of its file, and of the files in folders of parts that it imports."""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from multirun_analysis.common.registry import PACKAGES, folder_of, folders_of_parts


@cache  # of the code that was imported, whatever becomes of the file
def code_digest(kind: type) -> str | None:
    """Return 8 hexadecimal digits of the code of a part in a user's folder, and None for a part of ours.

    It is of the contents of the part's file and of all files in folders of parts that these import, directly or through one another: not
    of where they lie, nor of what they import from elsewhere.
    """
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is None or folder_of(file) is None:
        return None
    contents = sorted(_contents(path) for path in _with_imports(Path(file)))
    digest = hashlib.sha256()
    for text in contents:
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()[:8]


def _contents(file: Path) -> bytes:
    return file.read_bytes().replace(b"\r\n", b"\n")  # which a checkout may have put there


def _with_imports(file: Path) -> set[Path]:
    """Return a file of a folder of parts, and those that it imports."""
    files: set[Path] = set()
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting += [imported for name in _imported_names(path) for imported in _files_of(name)]
    return files


def _imported_names(file: Path) -> Iterator[str]:
    """Yield the dotted names that a file may import; those of functions and classes among them."""
    for node in ast.walk(ast.parse(_contents(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            base = importlib.util.resolve_name(f"{'.' * node.level}{module}", _package_of(file)) if node.level else module
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _package_of(file: Path) -> str:
    """Return the package in which a file of a folder of parts is a module."""
    folder = folder_of(file)
    kind, *inner = file.relative_to(folder or file.anchor).parts[:-1]
    return ".".join([PACKAGES.get(kind, kind), *inner])


def _files_of(name: str) -> Iterator[Path]:
    """Yield the files in folders of parts that are read when a dotted name is imported."""
    for kind, package in PACKAGES.items():
        if name.startswith(f"{package}."):
            words = name.removeprefix(f"{package}.").split(".")
            for folder in folders_of_parts():
                for k in range(1, len(words) + 1):
                    module = folder.joinpath(kind, *words[:k])
                    yield from (path for path in (module.with_suffix(".py"), module / "__init__.py") if path.is_file())
