"""``python -m lmc_sweeps``."""

from lmc_sweeps.cli import main

if __name__ == "__main__":
    main()
