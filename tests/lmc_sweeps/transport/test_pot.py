"""POT imported lean: without the packages that it can do without, which can be imported all the same; and it solves what it solves."""

import subprocess
import sys

import pytest

from lmc_sweeps.transport.pot import UNUSED, load_pot

SCRIPT = """
import sys
import numpy as np
from lmc_sweeps.transport.pot import UNUSED, load_pot
ot = load_pot(is_lean={lean})
assert load_pot() is ot is sys.modules["ot"]
cost = np.random.default_rng(0).random((5, 5))
flow = ot.emd(np.ones(5), np.ones(5), cost)
from scipy.optimize import linear_sum_assignment
assert (flow.argmax(1) == linear_sum_assignment(cost)[1]).all()
print(sorted(set(UNUSED) & set(sys.modules)))
import networkx
"""


@pytest.mark.needs("networkx")
@pytest.mark.parametrize("lean", [True, False])
def test_lean_it_lacks_what_it_need_not_have_and_others_can_import_that(lean):
    completed = subprocess.run([sys.executable, "-c", SCRIPT.format(lean=lean)], check=True, capture_output=True, text=True)
    assert (completed.stdout.strip() == "[]") == lean


def test_what_is_there_already_is_left_alone(monkeypatch):
    for name in UNUSED:
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name, sys))
    before = {name: sys.modules[name] for name in UNUSED}
    load_pot(is_lean=True)
    assert {name: sys.modules[name] for name in UNUSED} == before
