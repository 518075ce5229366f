"""Barriers: one number for a curve of loss or error along the line between two networks."""

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Barriers:
    """The four definitions of a barrier on one curve, and where the first has its maximum."""

    barrier: float
    barrier_t: float
    barrier_mean: float
    midpoint: float
    midpoint_barrier: float

    def columns(self, prefix: str) -> dict[str, float]:
        """Return the values under their column names, e.g. ``loss_barrier``."""
        return {f"{prefix}_{name}": value for name, value in asdict(self).items()}


def barriers(t: np.ndarray, curve: np.ndarray, ends: np.ndarray | None = None) -> Barriers:
    r"""Return every barrier of a curve :math:`E(\theta_t)` along the segment from A (t = 0) to B (t = 1).

    .. math::

        \text{barrier} &= \max_t\; E(\theta_t) - [(1-t) E(\theta_A) + t E(\theta_B)] \\
        \text{barrier\_mean} &= \max_t\; E(\theta_t) - \tfrac12 [E(\theta_A) + E(\theta_B)] \\
        \text{midpoint} &= E(\theta_{1/2}) \\
        \text{midpoint\_barrier} &= E(\theta_{1/2}) - \tfrac12 [E(\theta_A) + E(\theta_B)]

    where `barrier_t` is the smallest t at which the first maximum is reached.

    Parameters
    ----------
    t : ndarray, shape (n_points,)
        Increasing, from 0 to 1, with 1/2 in the middle.
    curve : ndarray, shape (n_points,)
        Loss in nats per example or error in [0, 1], at `t`.
    ends : ndarray, shape (2,), optional
        :math:`E(\theta_A)` and :math:`E(\theta_B)`, where the path does not end at these networks: the first and the last value of the
        curve, if not given.

    Returns
    -------
    Barriers
        All NaN where the curve is not finite everywhere: a barrier of a broken curve is not a number.

    Raises
    ------
    ValueError
        If the shapes differ, or 0, 1/2 and 1 are not where they must be.

    References
    ----------
    `barrier`: Entezari et al. 2022, eq. 1. `barrier_mean`: Frankle et al. 2020; Ainsworth et al. 2023. `midpoint`: the "LMC error"
    of Ferbach et al. 2024 (their figure 2). `midpoint_barrier`: Jordan et al. 2023.
    """
    t, curve = np.asarray(t, dtype=np.float64), np.asarray(curve, dtype=np.float64)
    if t.shape != curve.shape or t.ndim != 1:
        raise ValueError(f"`t` and `curve` must be vectors of one length, got shapes {t.shape} and {curve.shape}.")
    middle = len(t) // 2
    if len(t) % 2 == 0 or len(t) < 3 or (t[0], t[middle], t[-1]) != (0.0, 0.5, 1.0) or not np.all(np.diff(t) > 0):
        raise ValueError(f"`t` must increase from 0 over 1/2 (in the middle) to 1, got {t.tolist()}.")
    first, last = (curve[0], curve[-1]) if ends is None else np.asarray(ends, dtype=np.float64)
    if not (np.isfinite(curve).all() and np.isfinite([first, last]).all()):
        nan = float("nan")
        return Barriers(barrier=nan, barrier_t=nan, barrier_mean=nan, midpoint=nan, midpoint_barrier=nan)
    above_chord = curve - (first + t * (last - first))
    above_chord[np.abs(above_chord) <= 8 * np.finfo(np.float64).eps * np.abs(curve).max()] = 0.0  # rounding: a straight curve has no peak
    peak = int(above_chord.argmax())
    mean = 0.5 * (first + last)
    return Barriers(
        barrier=float(above_chord[peak]),
        barrier_t=float(t[peak]),
        barrier_mean=float(curve.max() - mean),
        midpoint=float(curve[middle]),
        midpoint_barrier=float(curve[middle] - mean),
    )
