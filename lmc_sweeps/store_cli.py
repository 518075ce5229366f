"""``lmc-sweeps-store list|verify|prune``: what the store of trained networks holds, whether it is whole, and how to make room."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from lmc_sweeps.checkpoints import NETWORK, PARTIAL, SIDECAR, Store
from lmc_sweeps.checks import UNREADABLE
from multirun_analysis.streams import command_streams

DAY = 86_400.0
IDLE = 3_600.0  # seconds; a half-trained network that was kept more lately may still be in training


@dataclass(frozen=True)
class Entry:
    """A network in the store: its name, what it is, its size in bytes and its age in days."""

    name: str
    what: str
    size: int
    days: float


@command_streams()
def main(arguments: list[str] | None = None) -> None:
    """List, verify or prune a store."""
    parser = argparse.ArgumentParser(prog="lmc-sweeps-store", description="The store of trained networks.")
    parser.add_argument("command", choices=["list", "verify", "prune"], help="prune removes what is damaged, half trained or old")
    parser.add_argument("--dir", type=Path, help="the store; LMC_SWEEPS_STORE, else ~/.cache/lmc_sweeps/networks, if not given")
    parser.add_argument("--older-than", type=float, metavar="DAYS", help="prune: remove networks of more than so many days too")
    options = parser.parse_args(arguments)
    if options.older_than is not None and (options.command != "prune" or not options.older_than >= 0):
        sys.exit(f"`--older-than` goes with prune and must be at least 0, got {options.older_than:g} with {options.command}.")
    folder = options.dir or Path(os.environ.get("LMC_SWEEPS_STORE") or "~/.cache/lmc_sweeps/networks")
    store = Store(folder.expanduser())
    if store.folder is None or not store.folder.is_dir():
        sys.exit(f"there is no store at {str(store.folder)!r}.")
    {"list": _list, "verify": _verify, "prune": lambda found: _prune(found, options.older_than)}[options.command](store)


def _list(store: Store) -> None:
    total = count = 0
    for entry in entries(store):
        print(f"{entry.name}  {entry.size / 1e6:8.2f} MB  {entry.days:6.1f} days  {entry.what}")
        total, count = total + entry.size, count + 1
    partial = [path.stat().st_size for path in _files(store, PARTIAL)]
    print(f"{count} networks, {total / 1e6:,.1f} MB; {len(partial)} half trained, {sum(partial) / 1e6:,.1f} MB, in {store.folder}")


def _verify(store: Store) -> None:
    damaged = _damaged(store)
    for name in damaged:
        print(f"damaged: {store.path(name)}")
    print(f"{len(list(store.names())) - len(damaged)} networks are whole, {len(damaged)} are damaged, in {store.folder}")
    if damaged:
        sys.exit(1)


def _prune(store: Store, older_than: float | None) -> None:
    old = [entry.name for entry in entries(store) if older_than is not None and entry.days > older_than]
    doomed = [store.path(name, suffix) for name in {*_damaged(store), *old} for suffix in (NETWORK, SIDECAR)]
    doomed += [path for path in _files(store, PARTIAL) if time.time() - path.stat().st_mtime > IDLE]
    freed = 0
    for path in doomed:
        if path.is_file():
            freed += path.stat().st_size
            path.unlink()
            print(f"removed {path}")
    print(f"{freed / 1e6:,.1f} MB made free in {store.folder}")


def entries(store: Store) -> Iterator[Entry]:
    """Yield the networks of a store with what their headers say."""
    for name in store.names():
        stat = store.path(name).stat()
        try:
            words = store.header(name)["identity"]
            settings = ", ".join(f"{key} {words[key]}" for key in ("width", "depth", "seed", "network"))
            what = f"{words['dataset']['name']}, {words['model']['name']}, {settings}, {words['optimizer']['name']}"
        except (*UNREADABLE, SafetensorError):
            what = "damaged"
        yield Entry(name, what, stat.st_size, (time.time() - stat.st_mtime) / DAY)


def _damaged(store: Store) -> list[str]:
    logging.disable(logging.WARNING)  # what `find` would say of each, this command says itself
    try:
        return [name for name in store.names() if store.find(name) is None]
    finally:
        logging.disable(logging.NOTSET)


def _files(store: Store, suffix: str) -> list[Path]:
    return sorted(store.folder.glob(f"??/*{suffix}")) if store.folder is not None else []


if __name__ == "__main__":
    main()
