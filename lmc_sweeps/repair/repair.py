"""`repair`: the means and the standard deviations of hidden neurons, layer by layer (REPAIR)."""

from dataclasses import dataclass
from typing import ClassVar

from lmc_sweeps.repair.layer_repair import ForwardRepair


@dataclass(frozen=True, kw_only=True)
class LayerwiseRepair(ForwardRepair):
    r"""Give every hidden neuron, before the activation function, the mean and the standard deviation between those at the ends.

    .. math:: y \mapsto \alpha y + \beta, \qquad \alpha = \sigma^*_t / \sigma_t, \quad \beta = \mu^*_t - \alpha \mu_t

    with :math:`\mu^*_t = (1 - t) \mu_A + t \mu_B` and :math:`\sigma^*_t = (1 - t) \sigma_A + t \sigma_B`, the standard deviation, not the
    variance, and :math:`\mu_t, \sigma_t` those of the network at t whose earlier layers are repaired, over training examples. Averaging two
    networks whose neurons correlate by :math:`\rho` leaves :math:`(1 + \rho) / 2` of their variance, layer after layer.

    References
    ----------
    Jordan, Sedghi, Saukh, Entezari, Neyshabur (2023), REPAIR, arXiv:2211.08403; hidden layers only, fused into the weights.
    """

    name: ClassVar[str] = "repair"
    shifts: ClassVar[bool] = True
