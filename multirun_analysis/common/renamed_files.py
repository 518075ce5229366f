"""Writing a file beside its place and renaming it, so that a reader never meets half of one."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_renamed(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write a file beside its place, then rename it: a pipe or a link that stands there is replaced, never written into."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new") as fresh:
        write(Path(fresh) / path.name)
        os.replace(Path(fresh) / path.name, path)
