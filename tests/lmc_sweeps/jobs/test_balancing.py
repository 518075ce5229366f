"""Division into stacks: every network once, never later than undivided, and never sooner than work shared without loss."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmc_sweeps.jobs.balancing import Waiting, balanced
from lmc_sweeps.jobs.stack_sizes import StackTimes


def waiting(label, count, best, of_network):
    return Waiting(tuple(f"{label}{number}" for number in range(count)), StackTimes(best, of_network))


def last_end(stacks, workers):
    """Return when the last worker is ready, if each stack goes to the one that is free first, in the order given."""
    ends = [0.0] * workers
    for seconds, _ in stacks:
        ends[ends.index(min(ends))] += seconds
    return max(ends)


@st.composite
def sweeps(draw):
    every = []
    for label in range(draw(st.integers(0, 5))):
        sizes = [2**k for k in range(draw(st.integers(1, 5)))]
        seconds = {size: draw(st.floats(0.01, 100.0)) for size in sizes}
        every.append(waiting(f"{label}-", draw(st.integers(1, 20)), draw(st.sampled_from(sizes)), seconds))
    return every


@given(sweeps(), st.integers(1, 6))
def test_every_network_is_in_one_stack_and_all_is_done_no_later_than_in_the_fewest(every, workers):
    stacks = balanced(every, workers)
    assert sorted(name for _, names in stacks for name in names) == sorted(name for each in every for name in each.names)
    fewest = sorted(((each.times.seconds(len(part)), part) for each in every for part in each.parts(each.fewest)), reverse=True)
    assert last_end(stacks, workers) <= last_end(fewest, workers) * (1 + 1e-12)
    assert all(len(names) <= each.times.best for each in every for _, names in stacks if names[0] in each.names)


def test_one_worker_takes_the_fewest_stacks_in_their_order():
    every = [waiting("a", 5, 2, {1: 1.0, 2: 0.9}), waiting("b", 3, 4, {1: 50.0})]
    assert [names for _, names in balanced(every, 1)] == [("a0",), ("a1", "a2"), ("a3", "a4"), ("b0", "b1", "b2")]


@pytest.mark.parametrize("workers", [2, 3, 4, 8])
def test_networks_that_take_the_same_in_any_stack_are_shared_evenly(workers):
    stacks = balanced([waiting("a", 24, 24, {1: 10.0})], workers)
    assert last_end(stacks, workers) == pytest.approx(240 / workers)
    several = [waiting("a", 24, 24, {1: 10.0}), waiting("b", 24, 24, {1: 10.0})]
    assert last_end(balanced(several, workers), workers) == pytest.approx(480 / workers)


def test_a_stack_whose_time_does_not_depend_on_its_size_is_not_divided():
    same = {size: 8.0 / size for size in (1, 2, 4, 8)}
    assert len(balanced([waiting("a", 8, 8, same)], 2)) == 1


def test_a_size_of_stacks_that_was_set_is_kept():
    fixed = Waiting(tuple("abcdefgh"), StackTimes(4, {1: 10.0}, is_set=True))
    assert [names for _, names in balanced([fixed, waiting("a", 2, 2, {1: 30.0})], 4)] == [
        tuple("abcd"), tuple("efgh"), ("a0",), ("a1",)
    ]  # fmt: skip


def test_seconds_of_a_stack_are_those_that_were_measured():
    times = StackTimes(4, {1: 3.0, 2: 2.0, 4: 1.5})
    assert [times.seconds(size) for size in (1, 2, 4)] == [3.0, 4.0, 6.0]
    assert times.seconds(3) == pytest.approx(3 * (2.0 - 0.5 * math.log2(1.5)))
    assert times.seconds(8) == pytest.approx(12.0)
    assert StackTimes(1, {1: 7.0}).seconds(5) == 35.0
