"""What a TAB completes on the command line of the analysis: names of figures, studies, tables and the like, and folders."""

import argparse
import os
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from multirun_analysis.common.registry import folders_of_parts
from multirun_analysis.stats.interval_choice import KINDS
from multirun_analysis.tables.names import FORMATS, METRICS, TABLES

SHELL = "_ARGCOMPLETE"  # in the environment, where a shell asks for completions

Completer = Callable[..., Iterable[str]]


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process, if it is a shell that has started it; once only, set up by ``register-python-argcomplete``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Its options are given completers.

    Raises
    ------
    SystemExit
        If the shell has its answer.
    """
    if SHELL not in os.environ:
        return
    import argcomplete  # here: no other command needs it

    for action in parser._actions:
        if action.dest in COMPLETERS:
            action.completer = COMPLETERS[action.dest]  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, default_completer=argcomplete.completers.DirectoriesCompleter())


def modules_with(folder: str, name: str) -> list[str]:
    """Return the modules of a room of parts that define a name, a user's among them, without importing them: that takes a second."""
    folders = [Path(__file__).parent / folder, *(parts / folder for parts in folders_of_parts())]
    names = [(each, module.name) for each in folders for module in pkgutil.iter_modules([str(each)]) if not module.ispkg]
    return sorted(module for each, module in names if f"\n{name}" in (each / f"{module}.py").read_text(encoding="utf-8", errors="replace"))


def several(choices: Iterable[str]) -> Completer:
    """Return what completes names with a comma between them, each of which may stand once."""

    def completions(prefix: str, **_: object) -> list[str]:
        before, comma, _last = prefix.rpartition(",")
        return [f"{before}{comma}{choice}" for choice in choices if choice not in before.split(",")]

    return completions


COMPLETERS: Mapping[str, Completer] = {
    "figure": lambda **_: modules_with("plots", "FIGURE"),
    "study": lambda **_: modules_with("studies", "STUDY"),
    "interval": lambda **_: KINDS,
    "only": several(TABLES),
    "metric": lambda **_: METRICS,
    "format": several(FORMATS),
    **dict.fromkeys(("select", "size", "level", "resamples", "resampling_seed", "line", "watch"), lambda **_: ()),  # no folders
}
