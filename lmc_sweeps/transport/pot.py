"""POT, imported when it is needed: it takes seconds, in which a command that matches nothing would wait."""

import importlib
import sys
from types import ModuleType

# Of which POT takes what it finds: for clusterings and graphs of its own, and for arrays of other kinds than NumPy's and PyTorch's.
UNUSED = ("sklearn", "networkx", "jax", "tensorflow", "cupy")


def load_pot(is_lean: bool = False) -> ModuleType:
    """Return POT; imported lean, it does without packages that ours do not need, which are three quarters of the time that it takes.

    Lean is for processes in which nobody else's code runs: what POT does with those packages is missing from then on. A package that is
    there already is left alone, and all can be imported later.
    """
    hidden = [name for name in UNUSED if is_lean and name not in sys.modules]
    try:
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None is how Python marks what cannot be imported
        return importlib.import_module("ot")
    finally:
        for name in hidden:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]
