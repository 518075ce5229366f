"""`rescale`: the standard deviations of hidden neurons by one factor each, layer by layer; nothing is shifted."""

from dataclasses import dataclass
from typing import ClassVar

from lmc_sweeps.repair.layer_repair import ForwardRepair


@dataclass(frozen=True, kw_only=True)
class Rescale(ForwardRepair):
    r"""Multiply every hidden neuron, before the activation function, so that its standard deviation is the one between the ends.

    .. math:: y \mapsto \alpha y, \qquad \alpha = \sigma^*_t / \sigma_t, \quad \sigma^*_t = (1 - t) \sigma_A + t \sigma_B

    with :math:`\sigma_t` that of the network at t whose earlier layers are rescaled. It scales about 0, so means move by the same factor,
    and layers need no bias: beside `repair` it tells what is due to spread alone.

    References
    ----------
    Ours; about 0. Of Jordan et al. (2023), REPAIR, it is the first half. RESCALE of Qu and Horvath (2024), arXiv:2402.05966, has the same
    factor.
    """

    name: ClassVar[str] = "rescale"
    shifts: ClassVar[bool] = False
