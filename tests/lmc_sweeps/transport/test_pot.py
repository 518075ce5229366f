"""POT in a command of ours: without what it can do without, which can be imported all the same; and it solves what it solves."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import numpy as np
from lmc_sweeps.transport.pot import SAMPLES, UNUSED, load_pot
from multirun_analysis.common.lean_imports import process_is_ours
if {is_ours}:
    process_is_ours()
ot = load_pot()
assert load_pot() is ot is sys.modules["ot"]
cost = np.random.default_rng(0).random((5, 5))
flow = ot.emd(np.ones(5), np.ones(5), cost)
from scipy.optimize import linear_sum_assignment
assert (flow.argmax(1) == linear_sum_assignment(cost)[1]).all()
print(sorted({{*UNUSED, "scipy.stats"}} & set(sys.modules)))
import networkx, ot.datasets, scipy.stats
assert len(ot.datasets.make_1D_gauss(5, 2, 1)) == 5
"""


@pytest.mark.needs("networkx")
@pytest.mark.parametrize("is_ours", [True, False])
def test_in_a_command_of_ours_it_lacks_what_it_need_not_have_and_others_can_import_that(is_ours):
    completed = subprocess.run([sys.executable, "-c", SCRIPT.format(is_ours=is_ours)], check=True, capture_output=True, text=True)
    assert (completed.stdout.strip() == "[]") == is_ours
