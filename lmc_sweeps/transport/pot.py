"""POT, imported when it is needed: it takes seconds, in which a command that matches nothing would wait."""

import importlib
import sys
from types import ModuleType

from multirun_analysis.common.lean_imports import without

# Of which POT takes what it finds: for clusterings and graphs of its own, and for arrays of other kinds than NumPy's and PyTorch's.
UNUSED = ("sklearn", "networkx", "jax", "tensorflow", "cupy")
SAMPLES = "ot.datasets"  # to try POT on: half of its time, for all distributions of SciPy


def load_pot() -> ModuleType:
    """Return POT; in a command of ours without packages that ours do not need, which are most of the time that it takes."""
    with without(*UNUSED, SAMPLES):
        stub = ModuleType(SAMPLES)
        if sys.modules.get(SAMPLES, SAMPLES) is None:  # of its own modules it does not expect that one is missing
            sys.modules[SAMPLES] = stub
        try:
            pot = importlib.import_module("ot")
        finally:
            if sys.modules.get(SAMPLES) is stub:
                sys.modules[SAMPLES] = None  # type: ignore[assignment] # from here on it can be imported as ever
    if getattr(pot, "datasets", None) is stub:
        del pot.datasets
    return pot
