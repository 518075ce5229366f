"""lmc_sweeps with the parts in parts/: python run.py [overrides], where lmc_sweeps itself is python -m lmc_sweeps [overrides]."""

from pathlib import Path

from lmc_sweeps.cli import main

if __name__ == "__main__":
    main(parts=Path(__file__).parent / "parts")
