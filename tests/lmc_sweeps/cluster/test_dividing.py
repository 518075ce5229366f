"""Dividing jobs into tasks: every job once, nothing too large, what is shared together."""

from collections import Counter
from functools import cache

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lmc_sweeps.cluster.dividing import MOST_NETWORKS, divide, rough_seconds
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.planned import planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.sweeps.config import load_data
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Training


@cache
def job(width=8, seed=0, networks=2, stack=None, lr=0.05, epochs=1, points=3):
    data, mark = load_data(Digits())
    settings = JobSettings(
        width=width,
        depth=1,
        networks=networks,
        seed=seed,
        dataset=Digits(),
        model=Mlp(),
        optimizer=Sgd(lr=lr),
        training=Training(epochs=epochs, stack=stack),
        matching=(Weights(),),
        device="cpu",
        precision="float32",
        points=points,
        store=None,
    )
    return planned_networks(PreparedJob(settings, data, mark))


def networks(part, jobs):
    return {network.name for index in part for network in jobs[index]}


@hypothesis_settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from([4, 8, 64]), st.integers(0, 5), st.integers(2, 4)), min_size=1, max_size=30, unique=True),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.5, 60.0]),
)
def test_every_job_is_in_one_task_that_is_within_its_bound_and_shares_no_network_with_another(shapes, most, least_seconds):
    jobs = [job(width, seed, n) for width, seed, n in shapes]
    parts = divide(jobs, most, least_seconds)
    assert Counter(index for part in parts for index in part) == Counter(range(len(jobs)))
    for part in parts:
        assert part == sorted(part)
        largest = max(len(jobs[index]) for index in part)
        assert len(networks(part, jobs)) <= max(most, largest)
    names = [name for part in parts for name in networks(part, jobs)]
    assert len(names) == len(set(names))
    assert parts == sorted(parts)


def test_networks_of_one_shape_share_a_task_whatever_their_seed_and_learning_rate():
    jobs = [job(width, seed, lr=lr) for lr in (0.01, 0.1) for seed in (0, 1) for width in (4, 8)]
    assert divide(jobs) == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_planned_networks_one_shape_are_of_about_one_size():
    jobs = [job(seed=seed) for seed in range(12)]
    assert [len(part) for part in divide(jobs, 10)] == [4, 4, 4]
    assert [len(part) for part in divide(jobs, 24)] == [12]
    assert [len(part) for part in divide(jobs, 1)] == [1] * 12


def test_the_bound_is_the_stack_where_one_is_set_and_a_constant_where_none_is():
    assert [len(part) for part in divide([job(seed=seed, stack=4) for seed in range(6)])] == [2, 2, 2]
    many = [job(seed=seed) for seed in range(MOST_NETWORKS // 2 + 1)]
    assert [len(part) for part in divide(many)] == [17, 16]


def test_small_shapes_are_put_together_and_large_ones_are_not():
    small = [job(width=width) for width in range(4, 12)]
    large = job(width=1024, epochs=1000)
    jobs = [*small[:4], large, *small[4:]]
    assert rough_seconds(large) > 60 > sum(rough_seconds(networks) for networks in small)
    assert divide(jobs, None, 60.0) == [[0, 1, 2, 3, 5, 6, 7, 8], [4]]
    assert divide(jobs, 8, 60.0) == [[0, 1, 2, 3], [4], [5, 6, 7, 8]]
    assert divide(jobs, None, 0.0) == [[index] for index in range(9)]
