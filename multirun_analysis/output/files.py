"""Writing files: beside their place and renamed, so that a reader never meets half of one; equal contents give equal bytes."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from multirun_analysis.common.renamed_files import write_renamed
from multirun_analysis.output.csv_text import write_frame


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, floats in a fixed format."""
    write_by(path, partial(write_frame, frame))


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8; names of files that the locale could not read become the bytes that they are."""
    try:
        contents = text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        contents = text.encode(errors="backslashreplace")
    write_by(path, lambda temporary: temporary.write_bytes(contents))


def copy_table(source: Path, folder: Path) -> None:
    """Copy a table byte for byte into a folder, in place of its other form there, plain or compressed; into its own folder not at all."""
    path = folder / source.name
    if path.exists() and path.samefile(source):
        return
    write_by(path, partial(shutil.copyfile, source))
    path.with_name(source.name.removesuffix(".gz") if source.suffix == ".gz" else f"{source.name}.gz").unlink(missing_ok=True)


def write_by(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write a file beside its place, then rename it: a pipe or a link that stands there is replaced, never written into.

    Raises
    ------
    OSError
        If something else than a folder stands where the folder should be.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OSError(f"{str(path.parent)!r} must be a folder to write {path.name} into, and is none") from None
    write_renamed(path, write)
