"""Barrier against time: what the artists hold, and where the figure is drawn."""

import numpy as np
import pandas as pd
from analysis_sweeps import labelled, make_record

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.plots.barrier_against_seconds import plot_barrier_against_seconds
from multirun_analysis.tables.sweep import sweep_frames

draw = plots.choices()["barrier_against_seconds"].draw
TABLE = pd.DataFrame(
    {
        "matching": ["identity", "weights", "rebasin"], "mean": [1.0, 0.1, 0.0], "ci_low": [0.9, 0.05, 0.0], "ci_high": [1.1, 0.15, 0.0],
        "seconds": [0.0, 0.1, 10.0], "seconds_low": [0.0, -0.1, 8.0], "seconds_high": [0.0, 0.3, 12.0],
    }
)  # fmt: skip


def test_a_method_stands_at_its_time_and_identity_is_a_line():
    ax = plot_barrier_against_seconds(TABLE)
    lines = labelled(ax)
    assert lines["weights"].get_xydata().tolist() == [[0.1, 0.1]]
    assert lines["rebasin"].get_xydata().tolist() == [[10.0, 0.0]]
    assert set(lines["identity"].get_ydata()) == {1.0}
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "symlog")
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert 0 < left < 0.1 < 12 < right  # an interval that reaches below 0 ends at the axis
    assert bottom <= 0 < 1.0 < top


def test_three_methods_beside_identity_are_needed(write_sweep):
    record = make_record("a")
    for count, name in enumerate(("covariance", "rebasin"), start=2):
        frames = sweep_frames(find_sweep(write_sweep([record], name=f"{count}")), ["runs", "barrier_vs_width"])
        assert draw(frames, "width", "matching") is None
        more = [row | {"matching": name, "seconds_match": 0.1 * count} for row in record["runs"] if row["matching"] == "weights"]
        record |= {"runs": [*record["runs"], *more], "matching": [*record["matching"], record["matching"][1] | {"matching": name}]}
    frames = sweep_frames(find_sweep(write_sweep([record])), ["runs", "barrier_vs_width"])
    (ax,) = draw(frames, "width", "matching").axes
    times = {name: line.get_xdata()[0] for name, line in labelled(ax).items() if name != "identity"}
    assert set(times) == {"weights", "covariance", "rebasin"}
    np.testing.assert_allclose([times[name] for name in ("weights", "covariance", "rebasin")], [0.1, 0.2, 0.3])
