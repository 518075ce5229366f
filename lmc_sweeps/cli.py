"""The command line: ``python -m lmc_sweeps [overrides]`` runs one job, with ``-m`` a sweep."""

import logging
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.interruption import Terminated, sigterm_interrupts
from lmc_sweeps.parts import add_parts, check_parts
from lmc_sweeps.sweeps.command import hand_over, is_special, make_ready, read_command
from lmc_sweeps.sweeps.config import conf_dir, prepare
from lmc_sweeps.sweeps.expected import expected_entry, write_command, write_expected
from lmc_sweeps.sweeps.running import run_alone
from lmc_sweeps.sweeps.summary import end_sweep
from multirun_analysis.common.backend import draw_into_files
from multirun_analysis.common.media import for_terminal
from multirun_analysis.common.streams import command_streams

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
    logging.raiseExceptions = False  # a log file on a full disk must not fill the terminal with tracebacks of its own
    try:
        with sigterm_interrupts():
            if parts is not None:
                add_parts(parts)
            check_parts()
            command = read_command()
            begin = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(run)
            if is_special(command):
                begin()
                return
            hand_over(command, make_ready(command), run)
    except InputError as error:
        raise SystemExit(for_terminal(error, keep="\n")) from None
    except KeyboardInterrupt as stopped:
        message = str(stopped) or "Interrupted. Finished work is kept, and the same command does the rest."
        sys.stderr.write(f"\n{for_terminal(message)}\n")
        raise SystemExit(143 if isinstance(stopped, Terminated) else 130) from None


def run(config: DictConfig) -> None:
    """Run one job in the folder that Hydra made for it."""
    prepared = prepare(config)
    folder = Path(HydraConfig.get().runtime.output_dir)
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        run_alone(prepared, folder, folder.parent)
        return
    # A job alone is a sweep of one, in the folder above it; a folder that the user chose for it (hydra.run.dir) is its own sweep.
    sweep_dir = folder.parent if folder.name == prepared.run_id else folder
    write_expected(sweep_dir, [expected_entry(prepared, " ".join(HydraConfig.get().overrides.task))])
    write_command(sweep_dir)
    try:
        run_alone(prepared, folder, sweep_dir)
    except Exception:  # reported and logged, with its traceback, where it happened
        raise SystemExit(1) from None
    finally:
        has_tables = end_sweep(sweep_dir, config.report)
    if not has_tables:
        raise SystemExit("The job is done; its tables are not.")


def _run_id(*, _root_: DictConfig) -> str:
    """Return the name of the job that a config asks for: the resolver behind the output folders.

    A user's mistake ends the program here, before Hydra makes a folder: an exception of another kind would come out as a traceback.
    (Jobs of a sweep were checked by the sweeper before.)
    """
    try:
        return prepare(_root_).run_id
    except InputError as error:
        raise SystemExit(for_terminal(error, keep="\n")) from None


# At import, so that a launcher's worker process, which imports this module to find `run`, can find our plugins and name output folders too.
if str(PLUGINS) not in sys.path:  # before Hydra looks for plugins, and behind everything else
    sys.path.append(str(PLUGINS))
OmegaConf.register_new_resolver("run_id", _run_id, replace=True)
