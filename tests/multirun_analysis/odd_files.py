"""What can stand where a file should: pipes, devices, folders, and links that lead nowhere."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


def _to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "device": _device,
    "folder": os.mkdir,
    "circle": _circle,
    "link to nothing": _to_nothing,
}


def put(kind: str, path: Path) -> None:
    """Put one of the kinds in a place, whatever stands there."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    KINDS[kind](path)
