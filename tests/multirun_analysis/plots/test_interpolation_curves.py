"""The curves along the line: what the artists hold."""

import numpy as np
from analysis_sweeps import labelled

from multirun_analysis.plots.interpolation_curves import plot_curves


def test_thick_curves_are_means_over_pairs(frames):
    cell = frames["curves"].query("split == 'test' and width == 8 and `optimizer.lr` == 0.05 and matching == 'weights'")
    lines = labelled(plot_curves(cell))
    barriers = np.array([0.05 / 8, 0.1 / 8])
    np.testing.assert_allclose(lines["weights"].get_ydata(), [0.2, 0.3 + barriers.mean(), 0.4])
    np.testing.assert_allclose(lines["weights"].get_xdata(), [0, 0.5, 1])
