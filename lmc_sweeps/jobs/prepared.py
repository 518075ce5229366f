"""A job that can run: what is asked for, the data, and what follows from both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lmc_sweeps.datasets.base import Data
from lmc_sweeps.jobs import identities, recorded
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.models.base import Architecture, Shape


@dataclass(frozen=True)
class PreparedJob:
    """A job that can run.

    Parameters
    ----------
    settings : JobSettings
        Checked, also against the data.
    data : Data
        What ``settings.dataset`` loads.
    fingerprint : str
        Of `data`.
    computed : mapping
        The keys that its config computes from others (`lmc_sweeps.sweeps.computed.computed_keys`).
    """

    settings: JobSettings
    data: Data
    fingerprint: str
    computed: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def run_id(self) -> str:
        """The name of the job."""
        return identities.run_id(self.settings, self.fingerprint)

    @property
    def scope(self) -> dict[str, Any]:
        """What determines the job, under dotted names."""
        return recorded.scope(self.settings, self.fingerprint)

    @property
    def network_names(self) -> list[str]:
        """The names of its networks in the store, by their numbers."""
        return [identities.network_name(self.network_identity(number)) for number in range(self.settings.networks)]

    def network_identity(self, number: int) -> dict[str, Any]:
        """Return everything that determines one of its networks."""
        return identities.network_identity(self.settings, self.fingerprint, number)

    @property
    def shape(self) -> Shape:
        """The shape of its networks."""
        return self.settings.shape(self.data)

    @property
    def architecture(self) -> Architecture:
        """The mathematics of its networks."""
        return self.settings.model.architecture(self.shape)
