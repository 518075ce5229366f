"""A sweeper that composes and checks all jobs before the first one trains, and ends with the table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.files import clear_of_pipes
from lmc_sweeps.common.interruption import Interruption
from lmc_sweeps.common.time_limit import TimeLimitReached
from lmc_sweeps.jobs.estimates import check_all_fit
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.sweeps.checked_jobs import CheckedJobs, checked_jobs
from lmc_sweeps.sweeps.composing import JobComposer
from lmc_sweeps.sweeps.config import LOGGER, SWITCHES
from lmc_sweeps.sweeps.expected import write_command, write_config, write_expected
from lmc_sweeps.sweeps.fitting import fitted
from lmc_sweeps.sweeps.launcher import BatchedLauncher
from lmc_sweeps.sweeps.overrides import check_number, check_overrides, merge_measured, n_values, swept_keys
from lmc_sweeps.sweeps.plan import plan_text
from lmc_sweeps.sweeps.result_logging import log_jobs, ready_loggers
from lmc_sweeps.sweeps.summary import end_sweep
from multirun_analysis.common.media import for_terminal
from multirun_analysis.schema import ANALYSIS_FOLDER, MULTIRUN


class SweepStopped(SystemExit):
    """A sweep that was refused or had failures: the message is printed without a traceback, and the exit status is 1."""

    def __init__(self, message: str) -> None:
        super().__init__(for_terminal(message, keep="\n"))


class SweepRefused(SweepStopped):
    """A sweep that cannot run: nothing was computed."""


class JobsFailed(SweepStopped):
    """A sweep of which jobs, or the tables at its end, failed: the others are done."""


class ValidatingSweeper(BasicSweeper):
    """Hydra's basic sweeper, which checks all jobs first, writes `expected.jsonl`, and ends with a summary in any case."""

    def __init__(self, max_batch_size: int | None, params: dict[str, str] | None = None, alone: bool = False) -> None:
        # The same as the basic sweeper's, which names its own class. Hydra's search for plugins defines that class again, so in a second
        # command of one process this would not be a subclass of it.
        Sweeper.__init__(self)
        self.max_batch_size, self.params, self.alone = max_batch_size, params or {}, alone
        self.overrides, self.batch_index = None, 0
        self.hydra_context, self.config, self.launcher = None, None, None

    def sweep(self, arguments: list[str]) -> Any:
        """Run all jobs that the arguments and ``hydra.sweeper.params`` ask for."""
        config, context, launcher = self._set_up()
        composer = JobComposer(context.config_loader, config)
        folder = Path(str(config.hydra.sweep.dir))
        with _refusals():
            checked = self._checked(composer, arguments)
            loggers = ready_loggers(composer.without_hydra(checked.overrides[0]))
            self._check_launcher(launcher, composer, checked.jobs)
            if config.plan:
                print(for_terminal(self._plan(launcher, composer, checked, folder), keep="\n"))
                return []
        _prepare_folder(folder, config, checked)
        batches = [list(batch) for batch in self.split_overrides_to_chunks(checked.overrides, self.max_batch_size)]
        try:
            try:
                results = _launched(launcher, batches, folder)
                log_jobs(loggers, {job.run_id: folder / job.run_id for job in checked.jobs}, folder)
            finally:
                has_tables = end_sweep(folder, config.report)
        except KeyboardInterrupt as stopped:
            stopped.args = (f"Interrupted. The same command with hydra.sweep.dir={folder} goes on where this one stopped.",)
            raise
        failed = sum(result.status != JobStatus.COMPLETED for batch in results for result in batch)
        if failed:
            why = f"{folder / ANALYSIS_FOLDER / 'failures.csv'} says why, their" if config.report else "their"
            raise JobsFailed(
                f"{failed} of {len(checked.jobs)} jobs failed; {why} logs have the tracebacks. The same command with "
                f"hydra.sweep.dir={folder} tries them again."
            )
        if not has_tables:
            raise JobsFailed(f"All {len(checked.jobs)} jobs are done; their tables are not.")
        return results

    def _checked(self, composer: JobComposer, arguments: list[str]) -> CheckedJobs:
        """Return the jobs of the sweep, composed and checked.

        Raises
        ------
        InputError
            If any of them cannot run.
        """
        config, context, _ = self._set_up()
        check_overrides(self._parse_config(), _config_folders(config))
        texts = merge_measured([*self._parse_config(), *arguments])
        if "subdir: ${run_id:}" not in OmegaConf.to_yaml(config.hydra.sweep):
            raise InputError("`hydra.sweep.subdir` must stay ${run_id:}: jobs are found again by that name.")
        overrides = OverridesParser.create(config_loader=context.config_loader).parse_overrides(texts)
        for override in overrides:
            key = override.key_or_group
            if key in SWITCHES and override.is_sweep_override():
                raise InputError(f"`{key}` must be true or false, not both.")
            if key.startswith(f"{LOGGER}.") and n_values(override) != 1:
                raise InputError(f"`{key}` must have one value in a sweep, got {str(override.input_line).partition('=')[2]}.")
        try:
            check_number(overrides)
            with Interruption():
                jobs = fitted(composer, [job for batch in self.split_arguments(overrides, None) for job in batch])
            return checked_jobs(composer, jobs, swept_keys(overrides))
        except MemoryError as error:
            sentence = "this machine has too little memory left to start a sweep; the same command tries again"
            raise SweepStopped(f"{sentence} ({error})." if str(error) else f"{sentence}.") from None

    def _check_launcher(self, launcher: Launcher, composer: JobComposer, jobs: list[PreparedJob]) -> None:
        """Raise `InputError` if the jobs do not fit where the launcher would run them."""
        if not isinstance(launcher, BatchedLauncher) or self.alone:
            check_all_fit(jobs)
            return
        launcher.share(composer)
        launcher.check_sizes(jobs)
        if not self._set_up()[0].plan:
            launcher.check(jobs)

    def _plan(self, launcher: Launcher, composer: JobComposer, checked: CheckedJobs, folder: Path) -> str:
        try:
            if self.alone:
                return plan_text(checked.jobs, Path(str(composer.full(checked.overrides[0]).hydra.run.dir)), alone=True)
            if isinstance(launcher, BatchedLauncher):
                return plan_text(checked.jobs, folder, launcher.plan_lines(checked.jobs, folder), count=launcher.n_workers)
            return plan_text(checked.jobs, folder)
        except MemoryError as error:
            raise SweepStopped(f"the networks do not fit in this machine's memory: {error}") from None

    def _set_up(self) -> tuple[DictConfig, HydraContext, Launcher]:
        if self.config is None or self.hydra_context is None or self.launcher is None:
            raise RuntimeError("the sweeper was not set up; Hydra calls setup() first.")
        inside = getattr(self.launcher, "launcher", None)  # of what Hydra finds, where it is ours
        return self.config, self.hydra_context, inside if isinstance(inside, BatchedLauncher) else self.launcher


def _config_folders(config: DictConfig) -> list[Path]:
    """Return the folders of configs that Hydra searched: ours, and those of ``--config-dir`` and ``hydra.searchpath``."""
    folders = [Path(source.path) for source in config.hydra.runtime.config_sources if source.schema == "file"]
    return [folder for folder in folders if folder.is_dir()]


@contextmanager
def _refusals() -> Iterator[None]:
    """Stop the sweep with the message of an error that the user can mend."""
    try:
        yield
    except (InputError, TimeLimitReached) as error:
        raise SweepRefused(str(error)) from None


def _prepare_folder(folder: Path, config: DictConfig, checked: CheckedJobs) -> None:
    """Write what stands in the folder of a sweep before its first job runs."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_config(folder / MULTIRUN, OmegaConf.to_yaml(config))
        for job in checked.jobs:
            clear_of_pipes(folder / job.run_id / str(config.hydra.output_subdir))
        write_expected(folder, checked.entries)
        write_command(folder)
    except OSError as error:
        raise SweepRefused(f"`hydra.sweep.dir` must be a folder that can be written, got {str(folder)!r}: {error}.") from None


def _launched(launcher: Launcher, batches: list[list[list[str]]], folder: Path) -> list[Sequence[JobReturn]]:
    """Return the results of all jobs; a batch with failures does not stop the next one."""
    results: list[Sequence[JobReturn]] = []
    for batch in batches:
        n_earlier = sum(len(earlier) for earlier in batches[: len(results)])
        try:
            results.append(launcher.launch(batch, initial_job_idx=n_earlier))
        except InputError as error:
            raise SweepStopped(str(error)) from None
        except Exception as error:  # a worker that was killed, for example: an error of the launcher's own, for people to read
            sentence = f"the launcher stopped: {type(error).__name__}: {error}. The same command with hydra.sweep.dir={folder} goes on."
            raise SweepStopped(sentence) from error
    return results
