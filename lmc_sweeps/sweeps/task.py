"""What Hydra runs for each job of a sweep, and for a job alone."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from lmc_sweeps.sweeps.config import prepare
from lmc_sweeps.sweeps.expected import expected_entry, write_command, write_expected
from lmc_sweeps.sweeps.result_logging import log_jobs, ready_loggers
from lmc_sweeps.sweeps.running import run_alone
from lmc_sweeps.sweeps.summary import end_sweep


def run_task(config: DictConfig) -> None:
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
    loggers = ready_loggers(config)
    try:
        run_alone(prepared, folder, sweep_dir)
        log_jobs(loggers, {prepared.run_id: folder}, sweep_dir)
    except Exception:  # reported and logged, with its traceback, where it happened
        raise SystemExit(1) from None
    finally:
        has_tables = end_sweep(sweep_dir, config.report)
    if not has_tables:
        raise SystemExit("The job is done; its tables are not.")
