"""The jobs of a sweep, all composed and checked before the first one trains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.errors import CompactHydraException

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.interruption import Interruption
from lmc_sweeps.datasets.download import NotDownloaded
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.sweeps.composing import JobComposer
from lmc_sweeps.sweeps.expected import expected_entry


@dataclass(frozen=True)
class CheckedJobs:
    """The jobs of a sweep, all of which can run, with the line of `expected.jsonl` and the overrides of each."""

    jobs: list[PreparedJob]
    entries: list[dict[str, Any]]
    overrides: list[list[str]]


def checked_jobs(composer: JobComposer, jobs: list[list[str]], swept: list[str]) -> CheckedJobs:
    """Return every job after composing and checking them all; of equal jobs one.

    Raises
    ------
    InputError
        If any job cannot run, with every such job and its reason; at once if data cannot be downloaded.
    """
    checked = CheckedJobs([], [], [])
    labels, refused = [], []
    earlier: set[JobSettings] = set()
    for job in jobs:
        label = " ".join(text for text in job if text.partition("=")[0] in swept)
        try:
            with Interruption():  # inside OmegaConf an interrupt would turn into another error
                _check_in_time(composer.too_late(job))
                prepared = composer.prepare(job)
            if prepared.settings in earlier:
                continue
            earlier.add(prepared.settings)
            checked.entries.append(expected_entry(prepared, label))
            checked.jobs.append(prepared)
            checked.overrides.append(job)
            labels.append(label)
        except NotDownloaded:
            raise
        except (InputError, CompactHydraException) as error:
            refused.append(f"  {label or 'the job'}: {error}")
    refused += [*_same_folder(checked.jobs, labels), *_same_data(checked.jobs)]
    if refused:
        raise InputError(f"{len(refused)} of {len(jobs)} jobs cannot run; nothing was trained.\n" + "\n".join(refused))
    return checked


def _check_in_time(keys: Sequence[str]) -> None:
    if keys:
        raise InputError(
            f"sets {', '.join(keys)}, which cannot change within a sweep; run an experiment that is itself a sweep in a command of its own."
        )


def _same_folder(jobs: Sequence[PreparedJob], labels: Sequence[str]) -> Iterator[str]:
    """Yield a message for each job that would be written to the folder of another one, though with other settings."""
    settings_by_folder: dict[str, tuple[object, ...]] = {}
    for job, label in zip(jobs, labels, strict=True):
        settings = job.settings
        unnamed = (
            settings.points,
            settings.directions,
            settings.splits,
            settings.plane,
            settings.device,
            settings.time_limit,
            settings.store,
        )
        if settings_by_folder.setdefault(job.run_id, unnamed) != unnamed:
            yield (
                f"  {label}: `points`, `directions`, `splits`, `plane`, `device`, `time_limit` and `store.dir` do not make a different "
                "job, so they cannot be swept; run one command for each value."
            )


def _same_data(jobs: Sequence[PreparedJob]) -> Iterator[str]:
    """Yield a message for datasets of two names with the same data: one `dataset.root` for both, which holds the files of one."""
    names: dict[str, dict[str, None]] = {}
    for job in jobs:
        names.setdefault(job.fingerprint, {})[job.settings.dataset.name] = None
    for alike in names.values():
        if len(alike) > 1:
            joined = " and ".join(alike)
            yield f"  `dataset` {joined} have the same contents: give each a folder of its own, as 'dataset.root=DIR/${{dataset.name}}'."
