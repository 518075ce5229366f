"""How far the midpoint network is from the midpoint of the networks' outputs, and what theory certifies of that distance."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.models.base import Architecture, stacked

OUTPUT_ROUNDING = 1e-5  # of the outputs' own size: a gap no larger than that does not break a certificate (float32)
HOLDS, VACUOUS, VIOLATED, NONE = "holds", "vacuous", "violated", "none"


@dataclass(frozen=True)
class MidpointGap:
    """What is measured halfway between A and a permuted B, under its column names in ``runs.csv``."""

    output_gap: float
    output_scale: float
    certificate: float
    certificate_ratio: float
    certificate_status: str


@one_thread()
@torch.no_grad()
def midpoint_gap(
    architecture: Architecture,
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    certify: Callable[[Mapping[str, Tensor]], float],
    inputs: Tensor,
    batch_size: int = 2000,
) -> MidpointGap:
    r"""Return the output gap of a line at its midpoint, and how the certificate compares with it.

    .. math:: \text{output gap} = \left(\mathbb E_x \left\| f_{(\theta_A + \theta_{\tilde B})/2}(x) - \tfrac12 f_A(x) - \tfrac12 f_B(x)
              \right\|^2\right)^{1/2}

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Network A and the permuted B.
    certify : callable
        From the permuted B to a bound on the output gap over the same inputs, as `Architecture.certifier` makes it.
    inputs : Tensor, shape (n, d)
    batch_size : int

    Returns
    -------
    MidpointGap
        `output_scale` is the root mean square of the midpoint network's outputs in units of that of the midpoint of the outputs: below 1
        where averaging weights shrinks what the network computes. The status is ``vacuous`` where the certificate is at least the root mean
        square of the midpoint of the outputs, so that a network that answers 0 would pass; ``none`` where no certificate is known.

    References
    ----------
    Ours, for the distance that Ferbach et al. 2024, theorem 3.1 and lemma 4.1, bound.
    """
    half = torch.tensor([0.5], device=inputs.device)
    middle = {name: tensor[0] for name, tensor in interpolate(a, b, half).items()}
    three = stacked([a, b, middle])
    gap = scale = middle_scale = 0.0
    for batch in inputs.split(batch_size):
        at_a, at_b, at_middle = architecture.forward(three, batch).double()
        chord = (at_a + at_b) / 2
        gap += float((at_middle - chord).square().sum())
        scale += float(chord.square().sum())
        middle_scale += float(at_middle.square().sum())
    measured, size = math.sqrt(gap / len(inputs)), math.sqrt(scale / len(inputs))
    certificate = certify(b)
    ratio = certificate / measured if measured > OUTPUT_ROUNDING * size else math.nan  # of rounding there is nothing to certify
    shrinkage = math.sqrt(middle_scale / scale) if scale > 0 else math.nan
    return MidpointGap(measured, shrinkage, certificate, ratio, _status(measured, certificate, size))


def _status(measured: float, certificate: float, size: float) -> str:
    if math.isnan(certificate) or math.isnan(measured):
        return NONE
    if measured > certificate + OUTPUT_ROUNDING * size:
        return VIOLATED
    return VACUOUS if certificate >= size > 0 else HOLDS


@one_thread()
def distance(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    r"""Return the Euclidean distance :math:`\|\theta_A - \theta_B\|` between two networks, over all tensors that they are given as."""
    return _norm({name: a[name].double() - b[name].double() for name in a})


@one_thread()
def relative_movement(initial: Mapping[str, Tensor], trained: Mapping[str, Tensor]) -> float:
    r"""Return :math:`\|\theta - \theta_0\| / \|\theta_0\|`: how far training has moved a network, in units of where it began.

    NaN for a network that began at 0.
    """
    start = _norm(initial)
    return distance(initial, trained) / start if start > 0 else math.nan


def _norm(tensors: Mapping[str, Tensor]) -> float:
    """Return the Euclidean norm of all tensors together, added by name: a network from the store lists them in another order."""
    return math.sqrt(sum(float(tensors[name].double().square().sum()) for name in sorted(tensors)))
