"""Measured numbers against a threshold that somebody chose: rounding decides nothing."""

from typing import Any

import numpy as np

RELATIVE, ABSOLUTE = 1e-9, 1e-12


def at_most(values: Any, threshold: Any) -> np.ndarray:
    r"""Return for every value whether it is at most a threshold :math:`\tau`, but for rounding.

    .. math:: v \le \tau + 10^{-9} |\tau| + 10^{-12}

    A barrier of the error is a multiple of one over the number of examples, and of the step of t: it is often equal to a tolerance such as
    0.01, and its last bits then fall to either side. The next larger one is above by far more than this allows for.

    Parameters
    ----------
    values : float, or array
        NaN is not at most anything.
    threshold : float, or array of the same shape

    Returns
    -------
    ndarray of bool
    """
    limit = np.asarray(threshold, dtype=np.float64)
    return np.asarray(np.asarray(values, dtype=np.float64) <= limit + RELATIVE * np.abs(limit) + ABSOLUTE)
