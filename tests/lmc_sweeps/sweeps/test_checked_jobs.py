"""The jobs of a sweep, all checked before the first one trains: equal ones once, and every one that cannot run with its reason."""

import re
from collections.abc import Callable

import pytest
from hydra.errors import ConfigCompositionException
from small_tasks import task

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.datasets.download import NotDownloaded
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.sweeps.checked_jobs import checked_jobs


class Composer:
    """Makes the jobs that it was given, by their words."""

    def __init__(self, jobs: dict[str, Callable[[], PreparedJob]], late: dict[str, list[str]] | None = None) -> None:
        self.jobs, self.late = jobs, late or {}

    def too_late(self, job):
        return self.late.get(" ".join(job), [])

    def prepare(self, job):
        return self.jobs[" ".join(job)]()


def made(**changes) -> Callable[[], PreparedJob]:
    return lambda: task(**changes).job


def failing(error: Exception) -> Callable[[], PreparedJob]:
    def fail() -> PreparedJob:
        raise error

    return fail


def checked(jobs, swept=("seed",), **more):
    return checked_jobs(Composer(jobs, **more), [words.split() for words in jobs], list(swept))


def test_of_equal_jobs_the_first_remains_with_its_line_and_its_overrides():
    jobs = checked({"seed=0 width=6": made(), "seed=00 width=6": made(), "seed=1 width=6": made(seed=1)})
    assert [job.settings.seed for job in jobs.jobs] == [0, 1]
    assert [entry["job"] for entry in jobs.entries] == ["seed=0", "seed=1"]
    assert [entry["run_id"] for entry in jobs.entries] == [job.run_id for job in jobs.jobs]
    assert jobs.overrides == [["seed=0", "width=6"], ["seed=1", "width=6"]]


def refusal(jobs, **more) -> list[str]:
    with pytest.raises(InputError) as caught:
        checked(jobs, **more)
    return str(caught.value).splitlines()


def test_every_job_that_cannot_run_is_named_with_its_reason():
    lines = refusal(
        {
            "seed=0": made(),
            "seed=-1": failing(InputError("`seed` must be a number.")),
            "width=x": failing(ConfigCompositionException("no such option")),
        }
    )
    assert lines == [
        "2 of 3 jobs cannot run; nothing was trained.",
        "  seed=-1: `seed` must be a number.",
        "  the job: no such option",
    ]


def test_what_a_sweep_has_begun_with_cannot_change_within_it():
    (_, line) = refusal({"seed=0": made(), "seed=1": made(seed=1)}, late={"seed=1": ["hydra.sweep.dir", "hydra.launcher"]})
    assert line == (
        "  seed=1: sets hydra.sweep.dir, hydra.launcher, which cannot change within a sweep; run an experiment that is itself a sweep in a "
        "command of its own."
    )


def test_settings_that_make_no_other_job_cannot_be_swept(tmp_path):
    for changes in ({"points": 9}, {"plane": True}, {"time_limit": 60.0}, {"store": tmp_path}):
        (_, line) = refusal({"x=0": made(), "x=1": made(**changes)}, swept=["x"])
        assert line.startswith(
            "  x=1: `points`, `directions`, `splits`, `plane`, `device`, `time_limit` and `store.dir` do not make a different job"
        )


def test_two_datasets_of_one_content_are_refused():
    def other() -> PreparedJob:
        job = task().job
        return PreparedJob(task(dataset=Digits()).job.settings, job.data, job.fingerprint)

    (_, line) = refusal({"dataset=gaussian_mixture": made(), "dataset=digits": other})
    assert re.match("  `dataset` gaussian_mixture and digits have the same contents: give each a folder of its own", line)


def test_data_that_cannot_be_downloaded_are_tried_for_once():
    attempts = []

    def unreachable() -> PreparedJob:
        attempts.append("job")
        raise NotDownloaded("`dataset=mnist` is not in the cache and could not be downloaded.")

    with pytest.raises(NotDownloaded, match="could not be downloaded"):
        checked({"seed=0": unreachable, "seed=1": unreachable})
    assert attempts == ["job"]
