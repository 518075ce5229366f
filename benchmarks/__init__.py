"""Benchmarks: what lmc_sweeps costs, always as a ratio against a baseline timed in the same run."""
