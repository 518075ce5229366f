"""The cluster launcher before it submits anything: what a task cannot hold, its line of a plan, and jobs that have all their results."""

from types import SimpleNamespace

import pytest
from small_tasks import task

from lmc_sweeps.cluster.launcher import ClusterLauncher, Share
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.job import run_job

HUGE = task(width=10**6).job


def test_a_job_that_no_task_of_slurm_could_hold_is_refused_by_the_memory_of_a_task():
    with pytest.raises(InputError, match=r"^a job of `width` 1,000,000 takes about .*; there are 8\.6 GB "):
        ClusterLauncher(mem_gb=8).check_sizes([task().job, HUGE])
    ClusterLauncher(mem_gb=8).check_sizes([task().job])
    ClusterLauncher(mem_gb=None).check_sizes([HUGE])  # on a node whose memory only Slurm knows


def test_a_job_in_tasks_on_this_machine_must_fit_into_it(monkeypatch):
    monkeypatch.setenv("LMC_SWEEPS_MEMORY_GB", "4")
    with pytest.raises(InputError, match=r"^a job of `width` 1,000,000 takes about .*; there are 4\.0 GB "):
        ClusterLauncher(cluster="local", mem_gb=None).check_sizes([HUGE])


def test_a_plan_counts_the_tasks_of_the_jobs_that_are_not_finished(tmp_path):
    jobs = [task(seed=seed, store=tmp_path / "store").job for seed in range(5)]
    launcher = ClusterLauncher(cluster="local", networks_per_task=4, timeout_min=30, least_minutes=0)
    assert launcher.plan_lines(jobs, tmp_path) == ["local: 3 tasks of up to 2 jobs, at most 30 min at a time"]
    run_job(jobs[0], tmp_path / jobs[0].run_id)
    assert launcher.plan_lines(jobs, tmp_path) == ["local: 2 tasks of up to 2 jobs, at most 30 min at a time"]


@pytest.mark.needs("submitit")
def test_a_task_that_is_stopped_is_submitted_again_as_it_was():
    share = Share(print, None, {"width": 4}, None, ((0, ("width=4",)),), 2, None)
    assert share.checkpoint().function is share


def job(device="cpu", stack_gib=None):
    return SimpleNamespace(settings=SimpleNamespace(device=device, training=SimpleNamespace(stack_gib=stack_gib)))


@pytest.mark.needs("submitit")
def test_jobs_that_ask_for_more_than_a_task_has_are_refused():
    with pytest.raises(InputError, match=r"^`hydra.launcher.gpus_per_node` must be at least 1 for `device` cuda:0, got null.$"):
        ClusterLauncher(cluster="local").check([job(), job(device="cuda:0")])
    with pytest.raises(InputError, match=r"^`hydra.launcher.mem_gb` must be above .* `training.stack_gib` \(8 GiB\), got 8.$"):
        ClusterLauncher(cluster="local").check([job(stack_gib=8)])
    ClusterLauncher(cluster="local", gpus_per_node=1).check([job(device="cuda:0", stack_gib=60)])
    ClusterLauncher(cluster="local", mem_gb=None).check([job(stack_gib=60)])
