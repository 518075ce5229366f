"""The plane through A, B and permuted B: coordinates in it, a grid over the three, and the loss and the error there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.measuring.evaluation import evaluate, evaluate_line
from lmc_sweeps.models.base import Architecture, stacked, unstack
from multirun_analysis.schema import PLANE_NETWORKS

# Steps of the grid across the three networks, and beyond them on either side (21 % of their extent), in each direction: whole steps, so
# that rows and columns of the grid pass through the outermost networks, and one row through both A and B.
ACROSS, BEYOND = 14, 3
POINTS = ACROSS + 2 * BEYOND + 1
N_ROWS = POINTS**2 + len(PLANE_NETWORKS)  # of one plane
FLAT = 1e-6  # of |B - A|: a third network no further from the line lies on it (rounding to float32 moves it by 6e-8)


@dataclass(frozen=True)
class Plane:
    r"""Coordinates in the plane through three networks, distances in the space of all weights.

    .. math:: \theta(x, y) = \theta_A + x\, u + y\, v, \qquad u = \frac{\theta_B - \theta_A}{\|\theta_B - \theta_A\|}, \qquad
              v = \frac{w - \langle w, u\rangle u}{\|w - \langle w, u\rangle u\|}, \qquad w = \theta_{\tilde B} - \theta_A

    Parameters
    ----------
    origin : mapping of str to Tensor
        Network A.
    u, v : Tensor, shape (P,), float64
        Orthonormal; all tensors of a network one after the other, by name.
    corners : ndarray, shape (3, 2)
        (x, y) of A, of B and of the permuted B.

    References
    ----------
    Garipov et al. 2018, section 3 (the plane through three networks).
    """

    origin: Mapping[str, Tensor]
    u: Tensor
    v: Tensor
    corners: np.ndarray

    @one_thread()
    def networks(self, points: np.ndarray) -> dict[str, Tensor]:
        """Return the stack of networks at `points`, shape (K, 2)."""
        coordinates = torch.as_tensor(points, dtype=torch.float64, device=self.u.device)
        flat = _vector(self.origin) + coordinates @ torch.stack([self.u, self.v])  # (K, 2) @ (2, P) -> (K, P)
        parts = dict(zip(sorted(self.origin), flat.split([self.origin[name].numel() for name in sorted(self.origin)], dim=1), strict=True))
        return {name: parts[name].reshape(-1, *tensor.shape).to(tensor.dtype) for name, tensor in self.origin.items()}

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of x and of y at which the grid's columns and rows lie, `POINTS` of each."""
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        steps = np.arange(-BEYOND, ACROSS + BEYOND + 1) / ACROSS
        x, y = (low + steps[:, None] * (high - low)).T
        return x, y


@dataclass(frozen=True, kw_only=True)
class PlaneRow:
    """One point of a plane, under the column names of ``plane.csv``; `network` is empty on the grid."""

    x: float
    y: float
    network: str
    loss: float
    error: float


@one_thread()
def plane_through(a: Mapping[str, Tensor], b: Mapping[str, Tensor], aligned: Mapping[str, Tensor]) -> Plane | None:
    """Return the plane through A, B and the permuted B, or None if the three lie on one line, as they do where B is not moved.

    Parameters
    ----------
    a, b, aligned : mapping of str to Tensor
        Parameters of one network each.
    """
    start = _vector(a)
    to_b, to_aligned = _vector(b) - start, _vector(aligned) - start
    length = float(to_b.norm())
    if length == 0:
        return None
    u = to_b / length
    along = float(to_aligned @ u)
    across = to_aligned - along * u
    across -= (across @ u) * u  # again: where little is left, rounding has tilted it
    height = float(across.norm())
    if height <= FLAT * length:
        return None
    return Plane(a, u, across / height, np.array([[0.0, 0.0], [length, 0.0], [along, height]]))


@one_thread()
def plane_rows(
    architecture: Architecture,
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    aligned: Mapping[str, Tensor],
    split: Split,
    batch_size: int = 2000,
) -> list[PlaneRow]:
    """Return loss and error over the plane: the rows of the grid from left to right, then the three networks; nothing if there is no plane.

    A row of the grid is a straight line, and is evaluated as one: stacks are no larger than along any other line.

    Parameters
    ----------
    architecture : Architecture
    a, b, aligned : mapping of str to Tensor
        Parameters of A, of B and of the permuted B, on the device of the split.
    split : Split
    batch_size : int

    Returns
    -------
    list of PlaneRow
        `N_ROWS` of them.
    """
    plane = plane_through(a, b, aligned)
    if plane is None:
        return []
    x, y = plane.grid()
    rows: list[PlaneRow] = []
    for height in y:
        ends = plane.networks(np.array([[x[0], height], [x[-1], height]]))
        scores = evaluate_line(architecture, unstack(ends, 0), unstack(ends, 1), [{}], line_points(POINTS), split, batch_size)
        rows += [_row(at, height, "", loss, error) for at, loss, error in zip(x, scores.loss[0], scores.error[0], strict=True)]
    exact = evaluate(architecture, stacked([a, b, aligned]), split, batch_size)
    corners = zip(*plane.corners.T, PLANE_NETWORKS, exact.loss, exact.error, strict=True)
    return rows + [_row(*corner) for corner in corners]


def _row(x: float, y: float, network: str, loss: float, error: float) -> PlaneRow:
    """Return one row; a loss that is not finite does not exist, nor does the error then."""
    scores = (float(loss), float(error)) if math.isfinite(loss) else (math.nan, math.nan)
    return PlaneRow(x=float(x), y=float(y), network=network, loss=scores[0], error=scores[1])


def _vector(network: Mapping[str, Tensor]) -> Tensor:
    """Return all tensors of a network one after the other, in float64, by name: a network from the store lists them in another order."""
    return torch.cat([network[name].double().flatten() for name in sorted(network)])
