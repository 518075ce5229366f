"""Imports of large packages, with less than they take: sooner, in processes in which nobody else's code runs."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from multirun_analysis.common.garbage import no_collections
from multirun_analysis.common.registry import folders_of_parts


class _Process:
    """What is known of this process."""

    is_ours = False


def process_is_ours() -> None:
    """Say that this process is a command of ours, where a package may be imported without what ours do not use of it."""
    _Process.is_ours = True


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Import in a block as if these modules, which what is imported there can do without, were not installed.

    Modules that are there already are left alone, and all can be imported later. In another's process, or beside parts of a user's own,
    which may use what would be missing from then on, nothing is hidden.
    """
    hidden = [name for name in modules if _Process.is_ours and not folders_of_parts() and name not in sys.modules]
    try:
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None is how Python marks what cannot be imported
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]


@contextmanager
def uncollected() -> Iterator[None]:
    """Import in a block without looking for garbage: what the modules hold stays, and is not looked through later."""
    with no_collections():
        try:
            yield
        finally:
            if not gc.get_freeze_count():  # once: what is garbage at that time would never be freed
                gc.freeze()
