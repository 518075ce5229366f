"""Linear mode connectivity of neural networks by optimal transport: train pairs, match neurons, measure barriers."""

from typing import TYPE_CHECKING

from multirun_analysis.common.on_demand import on_demand

if TYPE_CHECKING:
    from lmc_sweeps.compare import Comparison, compare
    from lmc_sweeps.from_python import job, sweep
    from lmc_sweeps.networks import LoadedPair, load_networks
    from lmc_sweeps.parts import add_parts
    from lmc_sweeps.symmetry.tracing import trace

__version__ = "0.1.0"
__all__ = ["Comparison", "LoadedPair", "__version__", "add_parts", "compare", "job", "load_networks", "sweep", "trace"]

# PyTorch takes seconds to import, for which `python -m lmc_sweeps --help` would wait.
__getattr__, __dir__ = on_demand(
    __name__,
    {
        "Comparison": "lmc_sweeps.compare",
        "compare": "lmc_sweeps.compare",
        "LoadedPair": "lmc_sweeps.networks",
        "load_networks": "lmc_sweeps.networks",
        "add_parts": "lmc_sweeps.parts",
        "job": "lmc_sweeps.from_python",
        "sweep": "lmc_sweeps.from_python",
        "trace": "lmc_sweeps.symmetry.tracing",
    },
)
