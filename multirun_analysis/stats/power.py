"""How many more pairs would sharpen an interval."""

import math

from scipy.special import stdtrit

from multirun_analysis.stats.intervals import LEVEL
from multirun_analysis.stats.thresholds import at_most

MOST = 10**9  # no sweep has more


def pairs_to_halve(n: int, level: float = LEVEL) -> int | None:
    r"""Return how many independent pairs, in place of n, would halve the width of Student's interval, the spread being what it is.

    The smallest n' with :math:`t_{n'-1} / \sqrt{n'} \le \tfrac12\, t_{n-1} / \sqrt n`: about 4n for many pairs, fewer for few, because the
    quantile of t falls too. None for fewer than two pairs, which have no interval to halve.
    """
    if n < 2:
        return None

    def half(k: int) -> float:
        return float(stdtrit(k - 1, (1 + level) / 2)) / math.sqrt(k)

    goal, low, high = half(n) / 2, n, MOST
    while low < high:  # half(k) falls with k
        middle = (low + high) // 2
        low, high = (low, middle) if at_most(half(middle), goal) else (middle + 1, high)
    return low
