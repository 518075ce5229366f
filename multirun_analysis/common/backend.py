"""Figures go to files, whatever a notebook or a desktop has set for the drawing of figures."""

import os
import sys


def draw_into_files() -> None:
    """Make matplotlib draw into files, in this process and in those that it starts; asked by every command that draws.

    What is in the environment need not be installed, or need not be a backend at all, and then `import matplotlib` fails: this comes
    before it. A script of the user's own may have imported it already.
    """
    os.environ["MPLBACKEND"] = "agg"
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("agg")
