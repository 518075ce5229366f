"""``python -m lmc_sweeps``."""

from lmc_sweeps.cli import command

if __name__ == "__main__":
    command()
