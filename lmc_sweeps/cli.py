"""The command line: ``python -m lmc_sweeps [overrides]`` runs one job, with ``-m`` a sweep."""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.common.checks import InputError, user_path
from lmc_sweeps.common.interruption import Terminated, sigterm_interrupts
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.help_text import help_text
from lmc_sweeps.sweeps.report_ahead import report_ahead
from lmc_sweeps.sweeps.typed_command import is_special, makes_report, read_command
from multirun_analysis.common.backend import draw_into_files
from multirun_analysis.common.lean_imports import process_is_ours, uncollected
from multirun_analysis.common.leaving import run_and_leave
from multirun_analysis.common.media import for_terminal
from multirun_analysis.common.registry import folders_of_parts
from multirun_analysis.common.streams import command_streams

# What computes is imported in the functions that need it: PyTorch takes seconds, in which help and completion would wait.

LIST = "ls"  # the word after the command that asks for the jobs of a sweep
PLUGINS = Path(__file__).resolve().parent / "_plugin_root"


@command_streams()
def main(parts: str | Path | None = None) -> None:
    """Check what was typed, then hand over to Hydra.

    Parameters
    ----------
    parts : str or Path, optional
        A folder of parts of one's own, as `lmc_sweeps.add_parts` takes it; a mistake in it ends the command with a sentence.
    """
    draw_into_files()
    process_is_ours()
    logging.raiseExceptions = False  # a log file on a full disk must not fill the terminal with tracebacks of its own
    try:
        with sigterm_interrupts():
            if parts is not None or folders_of_parts():
                from lmc_sweeps.parts import add_parts, check_parts

                if parts is not None:
                    add_parts(parts)
                check_parts()
            if sys.argv[1:2] == [LIST]:
                show_list(sys.argv[2:])
                return
            command = read_command()
            if command.help:
                sys.stdout.write(help_text())
                return
            begin = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(run)
            if command.shell_completion and os.environ.get("COMP_LINE", "").split()[1:2] == [LIST]:
                return  # the shell completes folders by itself
            if is_special(command):
                begin()
                return
            if sys.stderr.isatty():  # who waits for the libraries, and for the jobs to be checked, sees that something is done
                sys.stderr.write("lmc_sweeps: reading configs and data, checking the jobs.\n")
            with report_ahead() if makes_report(command) else nullcontext():
                with uncollected():
                    from lmc_sweeps.sweeps.command import hand_over, make_ready
                    from lmc_sweeps.sweeps.task import run_task  # noqa: F401 # of `run`

                hand_over(command, make_ready(command), run)
    except InputError as error:
        raise SystemExit(for_terminal(error, keep="\n")) from None
    except KeyboardInterrupt as stopped:
        message = str(stopped) or "Interrupted. Finished work is kept, and the same command does the rest."
        sys.stderr.write(f"\n{for_terminal(message)}\n")
        raise SystemExit(143 if isinstance(stopped, Terminated) else 130) from None


def show_list(folders: Sequence[str]) -> None:
    """Write the jobs of sweeps by their keys."""
    if not folders or any(folder.startswith("-") for folder in folders):
        raise InputError(f"`lmc-sweeps {LIST}` takes the folder of a sweep, or several: lmc-sweeps {LIST} my_sweep.")
    from multirun_analysis.report.listing import listing

    sys.stdout.write(f"{listing([user_path('DIR', folder) for folder in folders])}\n")


def run(config: DictConfig) -> None:
    """Run one job in the folder that Hydra made for it."""
    from lmc_sweeps.sweeps.task import run_task

    run_task(config)


def _run_id(*, _root_: DictConfig) -> str:
    """Return the name of the job that a config asks for: the resolver behind the output folders.

    A user's mistake ends the program here, before Hydra makes a folder: an exception of another kind would come out as a traceback.
    (Jobs of a sweep were checked by the sweeper before.)
    """
    from lmc_sweeps.sweeps.config import name_of

    try:
        return name_of(_root_)
    except InputError as error:
        raise SystemExit(for_terminal(error, keep="\n")) from None


command = partial(run_and_leave, main)  # as a program of its own

# At import, so that a launcher's worker process, which imports this module to find `run`, can find our plugins and name output folders too.
if str(PLUGINS) not in sys.path:  # before Hydra looks for plugins, and behind everything else
    sys.path.append(str(PLUGINS))
OmegaConf.register_new_resolver("run_id", _run_id, replace=True)
