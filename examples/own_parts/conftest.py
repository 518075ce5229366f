"""The tests beside this file know the parts in parts/."""

from pathlib import Path

import lmc_sweeps

lmc_sweeps.add_parts(Path(__file__).parent / "parts")
