"""The share of connected pairs against width: what the artists hold."""

import numpy as np
from analysis_sweeps import labelled

from multirun_analysis.plots.connected_share import plot_connected_share


def test_shares_are_those_of_the_table(frames):
    share = frames["connected_share"].query(
        "split == 'test' and metric == 'error_barrier' and tolerance == 0.005 and `optimizer.lr` == 0.5"
    )
    lines = labelled(plot_connected_share(share))
    # The error barriers of weights are 0.00625 and 0.0125 at width 8, 0.003125 and 0.00625 at 16.
    np.testing.assert_allclose(lines["weights"].get_ydata(), [0.0, 0.5])
    np.testing.assert_allclose(lines["identity"].get_ydata(), [0.0, 0.0])
    np.testing.assert_allclose(lines["weights"].get_xdata(), [8, 16], rtol=0.05)  # a little aside
    assert (np.asarray(lines["weights"].get_xdata()) > np.asarray(lines["identity"].get_xdata())).all()
