"""The straight line between two networks: the values of t, and the weights at t."""

from collections.abc import Mapping

import numpy as np
import torch

from lmc_sweeps.common.checks import InputError


def check_points(points: int) -> None:
    """Raise `InputError` if the number of values of t is not an odd integer of at least 3."""
    if isinstance(points, bool) or not isinstance(points, int) or points < 3 or points % 2 == 0:
        raise InputError(f"`points` must be an odd integer of at least 3 (so that t = 0, 1/2 and 1 are there), got {points!r}.")


def line_points(points: int) -> np.ndarray:
    """Return `points` evenly spaced values of t from 0 to 1; odd, so that 1/2 is always one of them.

    Raises
    ------
    InputError
        If `points` is not an odd integer of at least 3.
    """
    check_points(points)
    # k / (points - 1) is exact at 0, 1/2 and 1.
    return np.arange(points, dtype=np.float64) / (points - 1)


def lerp(a: torch.Tensor, b: torch.Tensor, t: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    r"""Return :math:`(1 - t)\, a + t\, b` for every t, exactly `a` at t = 0 and exactly `b` at t = 1.

    Parameters
    ----------
    a, b : Tensor, shape s
    t : Tensor, shape (n_t,)
    out : Tensor, shape (n_t, *s), optional
        Where to write the result.

    Returns
    -------
    Tensor, shape (n_t, *s)
    """
    weight = t.to(a.dtype).view(-1, *(1,) * a.dim())
    return torch.lerp(a.unsqueeze(0), b.unsqueeze(0), weight, out=out)


def interpolate(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor], t: torch.Tensor) -> dict[str, torch.Tensor]:
    r"""Return the stack of networks :math:`\theta_t = (1 - t)\,\theta_A + t\,\theta_B`, one per value of t.

    Parameters
    ----------
    a, b : mapping of str to Tensor, shape s
        Parameters of A and (permuted) B, by name.
    t : Tensor, shape (n_t,)

    Returns
    -------
    dict of str to Tensor, shape (n_t, *s)
    """
    return {name: lerp(a[name], b[name], t) for name in a}
