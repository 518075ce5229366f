"""How the networks of a sweep are divided into stacks for several workers: as large as pays, and none that the others would wait for."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from lmc_sweeps.jobs.stack_sizes import StackTimes

GAIN, LEAST = 0.97, 0.05  # more stacks must end the training in less than this share of the time, and so many seconds sooner


@dataclass(frozen=True)
class Waiting:
    """Networks that can share a stack, by name, and how long stacks of them take."""

    names: tuple[str, ...]
    times: StackTimes

    def parts(self, count: int) -> list[tuple[str, ...]]:
        """Return the names in so many parts of about one size, in their order."""
        n = len(self.names)
        return [self.names[k * n // count : (k + 1) * n // count] for k in range(count)]

    @property
    def fewest(self) -> int:
        """The least number of stacks, each of the size that is fastest for one worker or less."""
        return -(-len(self.names) // self.times.best)

    @property
    def most(self) -> int:
        """The largest number of stacks."""
        return self.fewest if self.times.is_set else len(self.names)

    def longest(self, count: int) -> float:
        """Return the seconds of the largest of so many stacks, 0 where there cannot be more of them."""
        return self.times.seconds(-(-len(self.names) // count)) if count < self.most else 0.0


def balanced(waiting: Sequence[Waiting], workers: int) -> list[tuple[float, tuple[str, ...]]]:
    r"""Return the stacks in which networks are trained soonest by so many workers, with the seconds that each takes.

    The largest stack is divided once more, again and again, as long as the last worker is ready sooner for it, where each stack goes, the
    longest first, to the worker that is free first.

    .. math:: \min_{k}\ \max_w \sum_{s \in S_w(k)} T(s)

    over the numbers k of stacks in which each group is divided. One worker takes the fewest stacks, in their order.

    References
    ----------
    Graham 1969, Bounds on multiprocessing timing anomalies (longest processing time first); the search over k is ours.
    """
    counts = [each.fewest for each in waiting]
    best, soonest = list(counts), _last_end(waiting, counts, workers)
    for _ in range(4 * workers if workers > 1 else 0):
        longest = [each.longest(count) for each, count in zip(waiting, counts, strict=True)]
        if not any(longest):
            break
        counts[longest.index(max(longest))] += 1
        end = _last_end(waiting, counts, workers)
        if end < min(GAIN * soonest, soonest - LEAST):
            best, soonest = list(counts), end
    stacks = _stacks(waiting, best)
    return sorted(stacks, key=lambda stack: -stack[0]) if workers > 1 else stacks


def _stacks(waiting: Sequence[Waiting], counts: Sequence[int]) -> list[tuple[float, tuple[str, ...]]]:
    return [(each.times.seconds(len(part)), part) for each, count in zip(waiting, counts, strict=True) for part in each.parts(count)]


def _last_end(waiting: Sequence[Waiting], counts: Sequence[int], workers: int) -> float:
    """Return when the last worker is ready."""
    ends = [0.0] * workers
    for seconds in sorted((seconds for seconds, _ in _stacks(waiting, counts)), reverse=True):
        heapq.heappush(ends, heapq.heappop(ends) + seconds)
    return max(ends)
