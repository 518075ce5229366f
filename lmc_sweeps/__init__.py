"""Linear mode connectivity of neural networks by optimal transport: train pairs, match neurons, measure barriers."""

from lmc_sweeps.compare import Comparison, compare
from lmc_sweeps.networks import LoadedPair, load_networks
from lmc_sweeps.parts import add_parts
from lmc_sweeps.symmetry.tracing import trace

__version__ = "0.1.0"
__all__ = ["Comparison", "LoadedPair", "__version__", "add_parts", "compare", "load_networks", "trace"]
