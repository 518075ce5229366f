"""A command line as it was typed: what of it is known before the libraries are imported that a job needs."""

import argparse
import importlib.metadata
import platform
import sys
from collections.abc import Sequence

from hydra._internal.utils import get_args_parser

from lmc_sweeps.common.checks import InputError


def read_command(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return a command line parsed; options such as ``-m`` may stand anywhere.

    Raises
    ------
    InputError
        If an option is unknown.
    """
    if "--version" in (sys.argv[1:] if words is None else words):  # Hydra would say its own alone
        sys.stdout.write(f"{versions()}\n")
        raise SystemExit(0)
    parser = get_args_parser()

    def refuse(message: str) -> None:
        raise InputError(f"{message}; keys are set without dashes, as KEY=VALUE, e.g. width=64, and --help lists the options.")

    parser.error = refuse  # type: ignore[method-assign, assignment]
    return parser.parse_intermixed_args(words)


def versions() -> str:
    """Return the versions of this package and of those that its numbers depend on."""
    names = ("lmc-sweeps", "torch", "numpy", "pot", "hydra-core")
    return ", ".join([*(f"{name} {_version(name)}" for name in names), f"Python {platform.python_version()}"])


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed, or a package under another name
        return "unknown"


def is_special(command: argparse.Namespace) -> bool:
    """Return whether a command is for Hydra alone: help, completion, another config, showing what is composed."""
    others = (command.config_path, command.config_name, command.experimental_rerun, command.cfg, command.info)
    flags = (command.help, command.hydra_help, command.shell_completion, command.resolve, command.package)
    return any(value is not None for value in others) or any(flags)


def makes_report(command: argparse.Namespace) -> bool:
    """Return whether a command ends with tables and figures, as far as what was typed says."""
    return not {"plan=true", "report=false"}.intersection(text.lower().replace(" ", "") for text in command.overrides)
