"""Runs of three widths and four seeds, whose barriers fall tenfold from width to width."""

import pytest
from analysis_sweeps import make_record

from multirun_analysis import load_runs


@pytest.fixture
def runs(write_sweep):
    heights = {8: 0.4, 16: 0.04, 32: 0.004}
    records = [
        make_record(f"r{width}{seed}", width=width, seed=seed, barrier=h * (1 + 0.1 * (seed - 1.5)))
        for width, h in heights.items()
        for seed in range(4)
    ]
    return load_runs(write_sweep(records))
