"""What several differences decide together: p-values of their means, and Holm's correction for their number."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr

from multirun_analysis.stats.intervals import count_groups, jackknife_variance, job_means

ENOUGH_JOBS = 4  # whose means are better replicates than their networks are


def two_sided_p(mean: np.ndarray, error: np.ndarray, freedom: np.ndarray | float) -> np.ndarray:
    r"""Return the p-value of a mean of 0 by Student's t, whose interval at level :math:`1 - p` ends at 0.

    .. math:: p = 2\, T_\nu(-|\bar x| / e)

    Parameters
    ----------
    mean, error : ndarray of one shape
        Means and their standard errors.
    freedom : ndarray of that shape, or float

    Returns
    -------
    ndarray
        1 where all differences are 0: a tie. NaN where there is no error.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((mean == 0) & (error == 0), 0.0, np.abs(mean) / error)
    return np.asarray(2 * stdtr(freedom, -ratio))


def error_over_networks(
    values: np.ndarray, network_a: Sequence[str] | np.ndarray, network_b: Sequence[str] | np.ndarray
) -> tuple[float, float]:
    """Return the standard error of a mean over pairs that share networks, as its interval has it, and the degrees of freedom.

    Over the means of jobs where there are four and more, else by the jackknife over networks; NaN where no network can be left out.
    """
    if count_groups(network_a, network_b) >= ENOUGH_JOBS:
        means, error = job_means(values, network_a, network_b)
        return error, float(len(means) - 1)
    variance, freedom = jackknife_variance(values, network_a, network_b)
    return math.sqrt(variance), freedom


def holm(p: np.ndarray, family: np.ndarray) -> np.ndarray:
    r"""Return p-values corrected for the number of comparisons in their family, by Holm's method.

    .. math:: \tilde p_{(i)} = \min\!\Big(1, \max_{j \le i} (m - j + 1)\, p_{(j)}\Big), \qquad p_{(1)} \le \dots \le p_{(m)}

    Of all that are decided at :math:`\tilde p < \alpha`, the chance that one or more are wrong is at most :math:`\alpha`, whatever the
    differences depend on. It decides all that Bonferroni's intervals decide, and more.

    Parameters
    ----------
    p : ndarray, shape (n,)
        NaN counts as a comparison that decides nothing.
    family : ndarray, shape (n,)
        Equal numbers for the comparisons that are decided together.

    Returns
    -------
    ndarray, shape (n,)

    References
    ----------
    Holm 1979.
    """
    order = np.lexsort((p, family))  # NaN behind
    grouped = pd.DataFrame({"family": family[order], "p": p[order]}).groupby("family", sort=False)["p"]
    remaining = grouped.transform("size").to_numpy() - grouped.cumcount().to_numpy()
    steps = pd.Series(remaining * p[order]).groupby(family[order], sort=False).cummax()
    corrected = np.empty_like(p, dtype=float)
    corrected[order] = np.minimum(steps.to_numpy(), 1.0)
    return corrected
