"""Layerwise linear feature connectivity: whether what a layer computes between two networks is the mixture of what it computes in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.models.base import Architecture, stacked

OUTPUTS = "outputs"
BATCH = 2000  # examples at a time


@dataclass(frozen=True)
class FeatureConnectivity:
    r"""Features of one layer at one point of the line; means over rows, which are examples, or examples and positions.

    Parameters
    ----------
    layer : str
        The weights that compute the features, before the activation function; ``"outputs"`` for the network's outputs.
    t : float
    distance : float
        :math:`1 - \cos(f_t, f_{mix})`.
    scale : float
        :math:`c = \langle f_t, f_{mix} \rangle / \|f_{mix}\|^2`, over the rows where the mixture is not 0; NaN if there are none.
    control : float
        :math:`1 - \cos(f_A, f_B)`: what the distance says little about unless it is much smaller.
    """

    layer: str
    t: float
    distance: float
    scale: float
    control: float


@one_thread()
@torch.no_grad()
def feature_connectivity(
    architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, t: Sequence[float] = (0.5,)
) -> list[FeatureConnectivity]:
    r"""Return how far the features of every layer between A and B are from a multiple of the mixture of theirs.

    .. math:: f_{mix} = (1 - t)\, f_A + t\, f_B, \qquad f_t = f_{(1 - t) \theta_A + t \theta_B}

    Layerwise linear feature connectivity is a distance of 0 in every layer, for every t. Of the first layer, whose inputs are those of all
    networks, the features are mixed exactly. Halfway the cosine cannot tell networks that mix (scale 1) from networks on disjoint neurons,
    whose l-th layer without biases computes :math:`2^{1-l} f_{mix}`.
    Where outputs are mixed exactly, the network between is wrong only where A or B is.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Network A and the (mapped) B.
    inputs : Tensor, shape (n, ...)
    t : sequence of float

    Returns
    -------
    list of FeatureConnectivity
        Layers in the order in which they are computed, the outputs last; each at every t.

    References
    ----------
    Zhou et al. 2023, Going beyond linear mode connectivity: the layerwise linear feature connectivity, arXiv:2307.08286. They take features
    after the activation function; the scale on disjoint neurons is ours.
    """
    points = torch.tensor(list(t), dtype=torch.float64)
    between = interpolate(a, b, points)
    stack = {name: torch.cat([ends, between[name].to(ends)]) for name, ends in stacked([a, b]).items()}
    sums: dict[str, Tensor] = {}
    for batch in architecture.taken(inputs).split(BATCH):
        for layer, features in (*architecture.linear_results(stack, batch).items(), (OUTPUTS, architecture.forward(stack, batch))):
            by_row = features.double().flatten(1, -2)  # (2 + T, rows, neurons)
            part = _sums(by_row[:2], by_row[2:], points)
            sums[layer] = sums.get(layer, torch.zeros_like(part)) + part
    return [
        FeatureConnectivity(layer, float(point), *(distance / rows, scale / counted if counted else float("nan"), control / rows))
        for layer, total in sums.items()
        for point, (distance, scale, counted, control, rows) in zip(points, total.tolist(), strict=True)
    ]


def _sums(ends: Tensor, middle: Tensor, points: Tensor) -> Tensor:
    """Return by point the sums over rows of distances, scales, rows that have a scale, controls, and rows; (T, 5)."""
    weights = points.view(-1, 1, 1)
    mixture = (1 - weights) * ends[0] + weights * ends[1]
    products, squares = (middle * mixture).sum(-1), mixture.square().sum(-1)
    has_scale = squares > 0
    scales = torch.where(has_scale, products / squares.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
    control = _distance(ends[0], ends[1]).sum().expand(len(points))
    rows = torch.full((len(points),), float(ends.shape[1]), dtype=torch.float64)
    return torch.stack([_distance(middle, mixture).sum(1), scales.sum(1), has_scale.double().sum(1), control, rows], 1)


def _distance(x: Tensor, y: Tensor) -> Tensor:
    """Return one minus the cosine along the last axis: 0 where both are 0, and 1 where one is."""
    norms = x.norm(dim=-1) * y.norm(dim=-1)
    both_zero = (x == 0).all(-1) & (y == 0).all(-1)
    return torch.where(both_zero, 0.0, 1 - (x * y).sum(-1) / norms.clamp_min(torch.finfo(torch.float64).tiny))
