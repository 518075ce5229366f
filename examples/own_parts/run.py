"""lmc_sweeps with the parts in parts/: python run.py [overrides], where lmc_sweeps itself is python -m lmc_sweeps [overrides]."""

from pathlib import Path

import lmc_sweeps

lmc_sweeps.add_parts(Path(__file__).parent / "parts")

if __name__ == "__main__":
    from lmc_sweeps.cli import main

    main()
