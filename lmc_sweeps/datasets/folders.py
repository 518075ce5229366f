"""Where the files of a dataset may lie below the folder that a user names: as published, or as other programs unpack them."""

import os
from collections.abc import Sequence
from pathlib import Path

from lmc_sweeps.common import checks


def folders_below(root: str, contents: str, names: Sequence[str], inner: Sequence[str] = ("",)) -> list[Path]:
    """Return the folders to look in, the most specific first: those called like the dataset, then `root` itself.

    Parameters
    ----------
    root : str
        What stands behind ``dataset.root``.
    contents : str
        What the folder should hold, for messages.
    names : sequence of str
        What the dataset's own folder may be called.
    inner : sequence of str
        Folders inside of these, the first of them first; empty for the folder itself.

    Raises
    ------
    InputError
        If `root` is not a folder that can be looked into.
    """
    folder = checks.user_path("dataset.root", root)
    if os.path.isfile(folder):
        raise checks.InputError(
            f"`dataset.root` must be a folder that holds {contents}, got {root!r}, which is a file: name the folder that it lies in."
        )
    if not root or not os.path.isdir(folder):
        raise checks.InputError(f"`dataset.root` must be a folder that holds {contents}, got {root!r}, which is not a folder.")
    if not os.access(folder, os.X_OK):
        raise checks.InputError(f"`dataset.root` must be a folder that you may look into, got {root!r}.")
    outer = (*(folder / name for name in dict.fromkeys(names)), folder)
    return [path / part for path in outer for part in inner]


def listed(folders: Sequence[Path]) -> str:
    """Return the folders as a message lists them."""
    return ", ".join(str(folder) for folder in folders)
