"""The commands beside the sweep: ``lmc-sweeps-compare`` and ``lmc-sweeps-store``."""
