"""The command line: ``python -m lmc_sweeps [overrides]`` runs one job, with ``-m`` a sweep."""

import sys
from pathlib import Path

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.checks import InputError
from lmc_sweeps.config import conf_dir, prepare
from lmc_sweeps.expected import expected_entry, write_expected
from lmc_sweeps.overrides import check_overrides
from lmc_sweeps.running import run_alone
from lmc_sweeps.summary import print_summary

PLUGINS = Path(__file__).resolve().parent / "_plugin_root"


def main() -> None:
    """Check what was typed, then hand over to Hydra."""
    if str(PLUGINS) not in sys.path:  # before Hydra looks for plugins, and behind everything else
        sys.path.append(str(PLUGINS))
    arguments = get_args_parser().parse_args()
    try:
        if arguments.config_path is None and arguments.config_name is None:
            extra = [] if arguments.config_dir is None else [Path(arguments.config_dir)]
            if "plan=true" in arguments.overrides and not arguments.multirun:
                sys.argv.append("--multirun")  # the sweeper is where plans are made, for one job too
            check_overrides(arguments.overrides, [conf_dir(), *(folder for folder in extra if folder.is_dir())])
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(run)()
    except InputError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def run(config: DictConfig) -> None:
    """Run one job in the folder that Hydra made for it."""
    prepared = prepare(config)
    folder = Path(HydraConfig.get().runtime.output_dir)
    alone = HydraConfig.get().mode != RunMode.MULTIRUN
    if alone:
        write_expected(folder.parent, [expected_entry(prepared, " ".join(HydraConfig.get().overrides.task))])
    try:
        run_alone(prepared, folder)
    finally:
        if alone:
            print_summary(folder.parent)


def _run_id(*, _root_: DictConfig) -> str:
    """Return the name of the job that a config asks for: the resolver behind the output folders.

    A user's mistake ends the program here, before Hydra makes a folder: an exception of another kind would come out as a traceback.
    (Jobs of a sweep were checked by the sweeper before.)
    """
    try:
        return prepare(_root_).run_id
    except InputError as error:
        raise SystemExit(str(error)) from None


# At import, so that a launcher's worker process, which imports this module to find `run`, can name output folders too.
OmegaConf.register_new_resolver("run_id", _run_id, replace=True)
