"""The frames of a sweep over two keys, of which figures are drawn."""

import pytest
from analysis_sweeps import make_record, write_record
from matplotlib import pyplot as plt

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes
from multirun_analysis.tables.sweep import sweep_frames

RATES = (0.05, 0.5)


@pytest.fixture(scope="session")
def frames(tmp_path_factory):
    """Two widths, two learning rates, two seeds; the barrier is rate / width, for seed 1 twice that."""
    folder = tmp_path_factory.mktemp("sweep")
    for width in (8, 16):
        for rate in RATES:
            for seed in (0, 1):
                record = make_record(
                    f"r{width}{rate}{seed}", width=width, seed=seed, barrier=rate / width * (seed + 1), **{"optimizer.lr": rate}
                )
                write_record(folder / record["run_id"], record)
    sweep = find_sweep([folder])
    return sweep_frames(sweep) | {"planes": find_planes(sweep, [folder]).frame}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")
