"""What lies in a store: networks, half-trained ones and what kills have left, each looked at without changing anything."""

import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from lmc_sweeps.jobs.network_files import DAMAGED, NETWORK, PARTIAL, SIDECAR, Misplaced, Unvouched, read_network, read_partial
from lmc_sweeps.jobs.store import Store

IDLE = 3_600.0  # seconds; what was written more lately may be of a process that still runs
NAME = r"[a-z_-]{0,8}[0-9a-f]{16}"
OURS = re.compile(rf"{NAME}\.(safetensors|json|partial)")
# What writing and locking make beside these, in this version and in earlier ones.
PASSING = re.compile(rf"\.{NAME}\.(safetensors|json|partial)\.(\d+\.[0-9a-f]{{8}}\.tmp|lock)|\.new[a-z0-9_]{{8}}")

TO_DO = "the next sweep that asks for it trains it again and replaces both files; or remove both by hand"


class State(Enum):
    """What a file of a store is found to be."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    UNVOUCHED = "without a sidecar that vouches for it"  # which says nothing of what it holds either
    MISPLACED = "misplaced"  # whole, in the place of another network
    UNREAD = "cannot be read"  # which says nothing of what it holds
    LEFT = "left over"  # of no use to anyone


@dataclass(frozen=True)
class Item:
    """A file of a store (or a folder of an earlier version's), as it was when the store was listed."""

    path: Path
    status: os.stat_result

    @property
    def seconds(self) -> float:
        """Its age."""
        return time.time() - self.status.st_mtime

    def is_same(self) -> bool:
        """Return whether it is still the file that was listed: another process may have written a new one in its place."""
        try:
            now = self.path.lstat()
        except OSError:
            return False
        return (now.st_ino, now.st_mtime_ns, now.st_size) == (self.status.st_ino, self.status.st_mtime_ns, self.status.st_size)


@dataclass(frozen=True)
class Finding:
    """A file, what it is found to be, why, the name of the network in it if it is misplaced, and its sidecar as it was when read."""

    item: Item
    state: State
    why: str = ""
    name: str = ""
    sidecar: Item | None = None


def items(store: Store) -> tuple[list[Item], list[str]]:
    """Return what lies in a store, sorted, and a sentence for each folder of it that could not be looked at.

    What vanishes meanwhile is left out: another process has removed it.
    """
    listed: list[Item] = []
    closed: list[str] = []
    for folder in _folders(store.folder, closed) if store.folder is not None else []:
        for name in _names(folder, closed):
            if name.endswith((NETWORK, SIDECAR, PARTIAL)) or PASSING.fullmatch(name):
                try:
                    listed.append(Item(folder / name, (folder / name).lstat()))
                except OSError:
                    continue
    return listed, closed


def _folders(folder: Path, closed: list[str]) -> list[Path]:
    """Return the folders of networks in a store, whose names have two letters."""
    return [folder / name for name in _names(folder, closed) if len(name) == 2 and (folder / name).is_dir()]


def _names(folder: Path, closed: list[str]) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        closed.append(f"{folder} cannot be looked into ({error.strerror})")
        return []


def findings(listed: list[Item]) -> Iterator[Finding]:
    """Yield what files of a store are found to be, reading each; a sidecar is told of with its network, and what is foreign is not."""
    for item in listed:
        if PASSING.fullmatch(item.path.name):
            if item.seconds > IDLE:
                yield Finding(item, State.LEFT, "a process that was killed has left it")
        elif item.path.name.endswith(SIDECAR):
            if OURS.fullmatch(item.path.name) and item.seconds > IDLE and not os.path.lexists(item.path.with_suffix(NETWORK)):
                yield Finding(item, State.LEFT, "a sidecar without its network")
        else:
            sidecar = _sidecar_of(item)  # looked at before it is read: what is written from here on is not what was read
            if (finding := _read(item)) is not None:
                yield replace(finding, sidecar=sidecar)


def _sidecar_of(item: Item) -> Item | None:
    """Return the sidecar of a network as it is now; None if there is none, or the file is no network's."""
    path = item.path.with_suffix(SIDECAR)
    try:
        return Item(path, path.lstat()) if item.path.name.endswith(NETWORK) else None
    except OSError:
        return None


def _read(item: Item) -> Finding | None:
    """Return what a file of a network, or of a half-trained one, is found to be; None if it is gone, or is not lmc_sweeps's."""
    is_partial = item.path.name.endswith(PARTIAL)
    try:
        _checked(item.path)
    except FileNotFoundError:
        leads_nowhere = stat.S_ISLNK(item.status.st_mode) and item.is_same()
        return Finding(item, State.UNREAD, "a link that leads nowhere") if leads_nowhere else None
    except OSError as error:
        return Finding(item, State.UNREAD, error.strerror or str(error))
    except Misplaced as error:
        return Finding(item, State.MISPLACED, str(error), error.name)
    except Unvouched as error:
        return Finding(item, State.UNVOUCHED, f"{error}; {TO_DO}") if OURS.fullmatch(item.path.name) else None
    except DAMAGED as error:
        return Finding(item, State.DAMAGED, str(error) or type(error).__name__) if OURS.fullmatch(item.path.name) else None
    if item.path.name[:2] != item.path.parent.name:
        return Finding(item, State.MISPLACED, f"it belongs in the folder {item.path.name[:2]}", item.path.stem)
    if is_partial and is_whole(item.path.with_suffix(NETWORK)):
        return Finding(item, State.LEFT, "half trained, and the network is finished")
    if is_partial and item.seconds > IDLE:
        return Finding(item, State.LEFT, "half trained, and nothing goes on with it")
    return Finding(item, State.WHOLE)


def _checked(path: Path) -> None:
    """Read a network, or a half-trained one; errors are those of `read_network`."""
    if path.name.endswith(PARTIAL):
        read_partial(path)
    else:
        read_network(path)


def is_whole(path: Path) -> bool:
    """Return whether a network, or a half-trained one, is there and is what was written."""
    try:
        _checked(path)
    except (OSError, *DAMAGED):
        return False
    return True
