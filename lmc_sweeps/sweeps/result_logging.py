"""Logging the finished jobs of a command, in this one process, once all of them have ended: wherever they ran, and whenever."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.common.checks import first_line
from lmc_sweeps.jobs.records import is_finished, read_record
from lmc_sweeps.loggers.base import Logger
from lmc_sweeps.loggers.logged_job import logged_job
from lmc_sweeps.sweeps.config import LOGGER, OF_COMMANDS, chosen_loggers
from lmc_sweeps.sweeps.expected import read_expected
from multirun_analysis.common.media import for_terminal
from multirun_analysis.common.redaction import redacted_text


def ready_loggers(config: DictConfig) -> tuple[Logger, ...]:
    """Return the loggers that a config asks for.

    Raises
    ------
    InputError
        If a setting of one breaks a rule, or a package that it needs is not installed.
    """
    node = config.get(LOGGER)
    chosen = chosen_loggers(None if node is None else OmegaConf.to_container(node, resolve=True))
    for logger in chosen:
        logger.check()
    return chosen


def log_jobs(loggers: Sequence[Logger], folders: Mapping[str, Path], sweep_dir: Path) -> None:
    """Log the jobs that are finished, of those in the folders, and say how many were; one that fails is a warning, and no job's failure."""
    if all(logger.name == "none" for logger in loggers):
        return
    for logger in loggers:
        try:
            labels = {entry["run_id"]: _of_job(entry.get("job", "")) for entry in read_expected(sweep_dir)}
            records = [read_record(folder) for folder in folders.values()]
            jobs = [logged_job(record, labels.get(record["run_id"], "")) for record in records if record and is_finished(record)]
            count = logger.log(jobs, sweep_dir)
            line = f"logger={logger.name}: {count} jobs logged, {len(jobs) - count} there already: {logger.target(sweep_dir)}"
        except Exception as error:  # of somebody else's library or server
            line = f"warning: logger={logger.name} failed, which changes no result: {first_line(error)} The same command tries again."
        sys.stderr.write(f"{for_terminal(redacted_text(line))}\n")


def _of_job(overrides: str) -> str:
    """Return the overrides of a job without those of what a command does."""
    return " ".join(text for text in overrides.split() if text.partition("=")[0].partition(".")[0] not in OF_COMMANDS)
