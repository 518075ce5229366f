"""Writing files: beside their place and renamed, so that a reader never meets half of one; equal contents give equal bytes."""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from multirun_analysis.csv_text import write_frame


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, floats in a fixed format."""
    write_by(path, partial(write_frame, frame))


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8; names of files that the locale could not read go back to the bytes that they are."""
    write_by(path, lambda temporary: temporary.write_bytes(text.encode(errors="surrogateescape")))


def write_by(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write a file beside its place, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new") as fresh:
        write(Path(fresh) / path.name)
        os.replace(Path(fresh) / path.name, path)
