"""A sweeper that composes and checks every job before the first one trains, and ends with the table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import CompactHydraException
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
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.sweeps.composing import Composer
from lmc_sweeps.sweeps.expected import expected_entry, write_command, write_config, write_expected
from lmc_sweeps.sweeps.fitting import fitted
from lmc_sweeps.sweeps.launcher import BatchedLauncher
from lmc_sweeps.sweeps.overrides import check_number, check_overrides, merge_matching, swept_keys
from lmc_sweeps.sweeps.plan import plan_text
from lmc_sweeps.sweeps.summary import print_summary
from multirun_analysis.common.media import for_terminal


class SweepStopped(SystemExit):
    """A sweep that was refused, or that had failures: the message is printed without a traceback, the exit status is 1."""

    def __init__(self, message: str) -> None:
        super().__init__(for_terminal(message, keep="\n"))


class ValidatingSweeper(BasicSweeper):
    """Hydra's basic sweeper with validation first, `expected.jsonl`, and a summary whatever happens."""

    def __init__(self, max_batch_size: int | None, params: dict[str, str] | None = None, alone: bool = False) -> None:
        # What the basic sweeper's does. It names its own class, which Hydra's search for plugins defines anew: a second command in one
        # process would find that this is no subclass of it.
        Sweeper.__init__(self)
        self.max_batch_size, self.params, self.alone = max_batch_size, params or {}, alone
        self.overrides, self.batch_index = None, 0
        self.hydra_context, self.config, self.launcher = None, None, None

    def sweep(self, arguments: list[str]) -> Any:
        """Run all jobs that the arguments and ``hydra.sweeper.params`` ask for."""
        config, context, launcher = self._set_up()
        try:
            check_overrides(self._parse_config(), _config_folders(config))
            texts = merge_matching([*self._parse_config(), *arguments])
            if "subdir: ${run_id:}" not in OmegaConf.to_yaml(config.hydra.sweep):
                raise InputError("`hydra.sweep.subdir` must stay ${run_id:}: jobs are found again by that name.")
        except InputError as error:
            raise SweepStopped(str(error)) from None
        overrides = OverridesParser.create(config_loader=context.config_loader).parse_overrides(texts)
        if any(override.key_or_group == "plan" and override.is_sweep_override() for override in overrides):
            raise SweepStopped("`plan` must be true or false, not both.")
        composer = Composer(context.config_loader, config)
        try:
            check_number(overrides)
            with Interruption():
                jobs = fitted(composer, [job for batch in self.split_arguments(overrides, None) for job in batch])
            prepared, entries, jobs = _validated(composer, jobs, swept_keys(overrides))
        except InputError as error:
            raise SweepStopped(str(error)) from None
        except MemoryError as error:
            sentence = "this machine has too little memory left for a sweep to begin; the same command tries again"
            raise SweepStopped(f"{sentence} ({error})." if str(error) else f"{sentence}.") from None
        batches = [list(batch) for batch in self.split_overrides_to_chunks(jobs, self.max_batch_size)]

        folder = Path(str(config.hydra.sweep.dir))
        try:
            if isinstance(launcher, BatchedLauncher) and not self.alone:
                launcher.share(composer)
                launcher.check_sizes(prepared)
                if not config.plan:
                    launcher.check(prepared)
            else:
                check_all_fit(prepared)
        except InputError as error:
            raise SweepStopped(str(error)) from None
        if config.plan:
            try:
                if self.alone:
                    text = plan_text(prepared, Path(str(composer.full(jobs[0]).hydra.run.dir)), alone=True)
                else:
                    text = plan_text(prepared, folder, launcher.plan(prepared, folder) if isinstance(launcher, BatchedLauncher) else ())
                print(for_terminal(text, keep="\n"))
            except InputError as error:
                raise SweepStopped(str(error)) from None
            except MemoryError as error:
                raise SweepStopped(f"the networks do not fit in this machine's memory: {error}") from None
            except TimeLimitReached as error:
                raise SweepStopped(str(error)) from None
            return []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_config(folder / "multirun.yaml", OmegaConf.to_yaml(config))
            for job in prepared:
                clear_of_pipes(folder / job.run_id / str(config.hydra.output_subdir))
            write_expected(folder, entries)
            write_command(folder)
        except OSError as error:
            raise SweepStopped(f"`hydra.sweep.dir` must be a folder that can be written, got {str(folder)!r}: {error}.") from None
        try:
            try:
                results = _launched(launcher, batches, folder)
            finally:
                written = print_summary(folder)
        except KeyboardInterrupt as stopped:
            stopped.args = (f"Interrupted. The same command with hydra.sweep.dir={folder} goes on where this one stopped.",)
            raise
        failed = sum(result.status != JobStatus.COMPLETED for batch in results for result in batch)
        if failed:
            raise SweepStopped(
                f"{failed} of {len(entries)} jobs failed; {folder / 'analysis' / 'failures.csv'} says why, their logs have the tracebacks. "
                f"The same command with hydra.sweep.dir={folder} tries them again."
            )
        if not written:
            raise SweepStopped(f"All {len(entries)} jobs are done; their tables are not.")
        return results

    def _set_up(self) -> tuple[DictConfig, HydraContext, Launcher]:
        if self.config is None or self.hydra_context is None or self.launcher is None:
            raise RuntimeError("the sweeper was not set up; Hydra calls setup() first.")
        return self.config, self.hydra_context, self.launcher


def _config_folders(config: DictConfig) -> list[Path]:
    """Return the folders of configs that Hydra searched: ours, and those of ``--config-dir`` and ``hydra.searchpath``."""
    found = [Path(source.path) for source in config.hydra.runtime.config_sources if source.schema == "file"]
    return [folder for folder in found if folder.is_dir()]


def _launched(launcher: Launcher, batches: list[list[list[str]]], folder: Path) -> list[Sequence[JobReturn]]:
    """Return what came of every job; a batch with failures does not stop the next one."""
    results: list[Sequence[JobReturn]] = []
    for batch in batches:
        done = sum(len(earlier) for earlier in batches[: len(results)])
        try:
            results.append(launcher.launch(batch, initial_job_idx=done))
        except InputError as error:
            raise SweepStopped(str(error)) from None
        except Exception as error:  # a worker that was killed, say: the launcher's own kind of error, for people to read
            sentence = f"the launcher stopped: {type(error).__name__}: {error}. The same command with hydra.sweep.dir={folder} goes on."
            raise SweepStopped(sentence) from error
    return results


def _validated(
    composer: Composer, jobs: list[list[str]], swept: list[str]
) -> tuple[list[PreparedJob], list[dict[str, Any]], list[list[str]]]:
    """Return every job, what is expected of it, and its overrides, after composing and checking them all; equal jobs once.

    Raises
    ------
    SweepStopped
        If any job cannot run, with every such job and its reason.
    """
    found, entries, texts, kept, refused = [], [], [], [], []
    known: set[JobSettings] = set()
    for job in jobs:
        asked = " ".join(text for text in job if text.partition("=")[0] in swept)
        try:
            with Interruption():  # one in the midst of OmegaConf's work would come out as an error of another kind
                _check_in_time(composer.too_late(job))
                prepared = composer.prepare(job)
            if prepared.settings in known:
                continue
            known.add(prepared.settings)
            entries.append(expected_entry(prepared, asked))
            found.append(prepared)
            texts.append(asked)
            kept.append(job)
        except (InputError, CompactHydraException) as error:
            refused.append(f"  {asked or 'the job'}: {error}")
    refused += [*_of_one_name(found, texts), *_of_one_content(found)]
    if refused:
        raise SweepStopped(f"{len(refused)} of {len(jobs)} jobs cannot run; nothing was trained.\n" + "\n".join(refused))
    return found, entries, kept


def _check_in_time(keys: Sequence[str]) -> None:
    if keys:
        raise InputError(
            f"sets {', '.join(keys)}, too late for a sweep that has begun; an experiment that is a sweep itself goes into a command of its "
            "own, one after the other."
        )


def _of_one_name(jobs: Sequence[PreparedJob], texts: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with jobs that would be written to one folder, though they are asked for different things."""
    places: dict[str, tuple[object, ...]] = {}
    for job, text in zip(jobs, texts, strict=True):
        asked = job.settings
        place = (asked.points, asked.plane, asked.device, asked.time_limit, asked.store)
        if places.setdefault(job.run_id, place) != place:
            yield (
                f"  {text}: `points`, `plane`, `device`, `time_limit` and `store.dir` make no other job, so they cannot be swept; "
                "run them in turn."
            )


def _of_one_content(jobs: Sequence[PreparedJob]) -> Iterator[str]:
    """Yield what is wrong with datasets of two names that are one: a `dataset.root` for both, which holds the files of one."""
    names: dict[str, dict[str, None]] = {}
    for job in jobs:
        names.setdefault(job.fingerprint, {})[job.settings.dataset.name] = None
    for alike in names.values():
        if len(alike) > 1:
            which = " and ".join(alike)
            yield f"  `dataset` {which} have the same contents: give each a folder of its own, as 'dataset.root=DIR/${{dataset.name}}'."
