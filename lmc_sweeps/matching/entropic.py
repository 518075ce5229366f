"""Sequential methods that have the strength of the entropic transport among their settings."""

from dataclasses import dataclass, field

from lmc_sweeps import transport
from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import LATER
from lmc_sweeps.matching.base import SequentialMatching
from lmc_sweeps.transport.base import Transport
from lmc_sweeps.transport.sinkhorn import EPSILON


@dataclass(frozen=True, kw_only=True)
class EntropicMatching(SequentialMatching):
    """A sequential method whose `epsilon` is that of `transport: sinkhorn`, and of no other transport.

    It is no field of `SequentialMatching`, for methods of one's own that extend that have YAMLs without it.
    """

    epsilon: float = field(default=EPSILON, metadata=LATER)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(f"matching.{self.name}.epsilon", self.epsilon, above=0.0)

    def solver(self) -> Transport:
        """Return the transport, with this epsilon if it is ``sinkhorn``."""
        return transport.solver(self.transport, self.epsilon)
