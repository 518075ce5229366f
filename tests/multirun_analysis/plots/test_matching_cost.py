"""Matching costs against width: what the artists hold."""

import numpy as np
from analysis_sweeps import labelled

from multirun_analysis.plots.matching_cost import plot_matching_cost


def test_costs_of_a_layer_stand_over_width_with_the_unmatched_ones_dotted(frames):
    costs = frames["matching_costs"].query("`optimizer.lr` == 0.05 and layer == 1")
    ax = plot_matching_cost(costs)
    np.testing.assert_allclose(labelled(ax)["weights"].get_ydata(), [1.0, 1.0])
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == ":"]
    assert len(dotted) == 1
    np.testing.assert_allclose(dotted[0].get_ydata(), [2.0, 2.0])
    assert not [line for line in ax.get_lines() if line.get_linestyle() == "--"]  # these records have no bound
