"""``lmc-sweeps-store list|verify|prune``: what the store of trained networks holds, whether it is whole, and how to make room."""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lmc_sweeps.common.checks import InputError, user_path
from lmc_sweeps.jobs.network_files import DAMAGED, NETWORK, PARTIAL, SIDECAR, read_words
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.jobs.store_contents import PASSING, Finding, Item, State, findings, is_whole, items
from multirun_analysis.common.leaving import run_and_leave
from multirun_analysis.common.media import for_terminal
from multirun_analysis.common.streams import command_streams

DAY = 86_400.0


@dataclass(frozen=True)
class Entry:
    """A network in the store: its name, what it is, its size in bytes and its age in days."""

    name: str
    description: str
    size: int
    days: float


@command_streams()
def main(arguments: list[str] | None = None) -> None:
    """List, verify or prune a store."""
    parser = argparse.ArgumentParser(prog="lmc-sweeps-store", description="The store of trained networks.")
    parser.add_argument(
        "command", choices=["list", "verify", "prune"], help="prune removes what is damaged, half trained, left by kills, or old"
    )
    parser.add_argument("--dir", type=Path, help="the store; LMC_SWEEPS_STORE, else ~/.cache/lmc_sweeps/networks, if not given")
    parser.add_argument("--older-than", type=float, metavar="DAYS", help="prune: remove networks of more than so many days too")
    options = parser.parse_args(arguments)
    if options.older_than is not None and (options.command != "prune" or not options.older_than >= 0):
        sys.exit(f"`--older-than` goes with prune and must be at least 0, got {options.older_than:g} with {options.command}.")
    folder = options.dir or Path(os.environ.get("LMC_SWEEPS_STORE") or "~/.cache/lmc_sweeps/networks")
    try:
        store = Store(user_path("--dir", folder))
    except InputError as error:
        sys.exit(for_terminal(error))
    if store.folder is None or not store.folder.is_dir():
        sys.exit(f"there is no store at {str(store.folder)!r}.")
    if options.command == "prune":
        _prune(store, options.older_than)
    else:
        {"list": _list, "verify": _verify}[options.command](store)


def _list(store: Store) -> None:
    listed, closed = items(store)
    total = count = 0
    for entry in entries(listed):
        _say(f"{entry.name}  {entry.size / 1e6:8.2f} MB  {entry.days:6.1f} days  {entry.description}")
        total, count = total + entry.size, count + 1
    for sentence in closed:
        _say(sentence)
    partial = [item.status.st_size for item in listed if item.path.name.endswith(PARTIAL)]
    passing = [item for item in listed if PASSING.fullmatch(item.path.name)]
    more = f", {len(passing)} files of processes that write or were killed" if passing else ""
    _say(f"{count} networks, {total / 1e6:,.1f} MB; {len(partial)} half trained, {sum(partial) / 1e6:,.1f} MB{more}, in {store.folder}")


def _verify(store: Store) -> None:
    listed, closed = items(store)
    count = dict.fromkeys(State, 0)
    for finding in findings(listed):
        count[finding.state] += finding.state != State.WHOLE or finding.item.path.name.endswith(NETWORK)
        if finding.state != State.WHOLE:
            _say(_sentence(finding))
    for sentence in closed:
        _say(sentence)
    text = f"{count[State.WHOLE]} networks are whole"
    text += f", {count[State.MISPLACED]} are under a wrong name" if count[State.MISPLACED] else ""
    text += f", {count[State.UNVOUCHED]} have no sidecar that vouches for them" if count[State.UNVOUCHED] else ""
    text += f", {count[State.UNREAD] + len(closed)} cannot be read" if count[State.UNREAD] or closed else ""
    text += f", {count[State.LEFT]} files are left over" if count[State.LEFT] else ""
    _say(f"{text}, {count[State.DAMAGED]} are damaged, in {store.folder}")
    if closed or any(count[state] for state in (State.DAMAGED, State.UNVOUCHED, State.MISPLACED, State.UNREAD)):
        sys.exit(1)


def _prune(store: Store, older_than: float | None) -> None:
    """Remove what was read and found to be of no use, and what is old if that is asked for; all else that is not whole is said and left."""
    listed, closed = items(store)
    freed = 0
    all_gone = True
    for finding in findings(listed):
        is_old = older_than is not None and finding.item.path.name.endswith(NETWORK) and finding.item.seconds > older_than * DAY
        is_misplaced = finding.state == State.MISPLACED
        has_better = is_misplaced and any(is_whole(store.path(finding.name, suffix)) for suffix in (NETWORK, finding.item.path.suffix))
        if finding.state in (State.DAMAGED, State.LEFT) or has_better or (is_old and finding.state == State.WHOLE):
            size = _remove(finding)
            freed, all_gone = freed + (size or 0), all_gone and size is not None
        elif finding.state != State.WHOLE:
            _say(f"left as it is, {_sentence(finding)}")
    for sentence in closed:
        _say(sentence)
    _say(f"{freed / 1e6:,.1f} MB made free in {store.folder}")
    if not all_gone:
        sys.exit(1)


def _sentence(finding: Finding) -> str:
    return f"{finding.state.value}: {finding.item.path} ({finding.why})"


def _remove(finding: Finding) -> int | None:
    """Remove a file, with its sidecar if it is a network; return its size, 0 if another process was first, None if it cannot be removed.

    What is not the file any more that was read stays: a sweep may have put a whole network there since, of which the sidecar comes first.
    """
    freed = 0
    items_read = [item for item in (finding.item, finding.sidecar) if item is not None]
    if not all(item.is_same() for item in items_read) or _has_new_sidecar(finding):
        return 0
    for item in items_read:
        if not item.is_same():  # looked at again, as late as can be
            continue
        try:
            if item.path.is_dir() and not item.path.is_symlink():
                shutil.rmtree(item.path)
            else:
                item.path.unlink()
        except FileNotFoundError:  # another prune was first
            continue
        except OSError as error:
            _say(f"cannot be removed: {item.path} ({error.strerror})")
            return None
        freed += item.status.st_size
        _say(f"removed {item.path}")
    return freed


def _has_new_sidecar(finding: Finding) -> bool:
    """Return whether a network that had no sidecar when it was read has one."""
    is_network = finding.item.path.name.endswith(NETWORK)
    return is_network and finding.sidecar is None and os.path.lexists(finding.item.path.with_suffix(SIDECAR))


def entries(listed: list[Item]) -> Iterator[Entry]:
    """Yield the networks of a store with what their headers say."""
    for item in listed:
        if not item.path.name.endswith(NETWORK):
            continue
        try:
            words = read_words(item.path)["identity"]
            settings = ", ".join(f"{key} {words[key]}" for key in ("width", "depth", "seed", "network"))
            description = f"{words['dataset']['name']}, {words['model']['name']}, {settings}, {words['optimizer']['name']}"
        except FileNotFoundError:
            continue
        except OSError as error:
            description = f"{State.UNREAD.value} ({error.strerror or error})"
        except DAMAGED:
            description = State.DAMAGED.value
        yield Entry(item.path.stem, description, item.status.st_size, item.seconds / DAY)


def _say(line: str) -> None:
    """Print a line; what a file or its name holds may be anything, and a terminal obeys some letters."""
    print(for_terminal(line))


command = partial(run_and_leave, main)

if __name__ == "__main__":
    command()
