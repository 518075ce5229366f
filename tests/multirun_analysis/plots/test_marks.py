"""What is said of marks: estimates with their intervals and seeds, pairs with their seed."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from multirun_analysis.plots.marks import TIPS, VALUES, attribute, estimate_text, filtered_by, mark, mark_panel, pair_text, seeds_text

ROW = {"mean": 0.5, "ci_low": 0.25, "ci_high": 1.0, "interval": "t, 95%", "n_pairs": 2}


def test_an_estimate_says_its_interval_the_kind_of_it_and_its_pairs():
    pairs = pd.DataFrame({"seed": [3, 1, 3]})
    assert estimate_text(ROW, "loss", pairs) == "loss: 0.5 [0.25, 1]\ninterval: t, 95%\n2 pairs, seeds 1, 3"
    assert estimate_text(ROW | {"n_pairs": 1, "ci_low": np.nan}, "loss") == "loss: 0.5, no interval\n1 pair"


def test_a_pair_says_its_seed_and_its_networks():
    row = {"seed": 7, "network_a": "0123456789", "network_b": "abcdefghij"}
    assert pair_text(row, "loss", 0.123456) == "seed 7, networks 01234567 and abcdefgh\nloss: 0.1235"
    assert pair_text(row, "loss", 0.123456, "loss: 0.5 [0.25, 1]\nmore").endswith("loss: 0.1235\nmean of loss: 0.5 [0.25, 1]")


@pytest.mark.parametrize(("seeds", "text"), [([], ""), ([4, 4], "seed 4"), ([2, 0], "seeds 0, 2"), (range(20), "20 seeds, 0 to 19")])
def test_seeds_are_named_once_each_and_of_many_the_ends(seeds, text):
    assert seeds_text(pd.DataFrame({"seed": list(seeds)})) == text


def test_a_mark_that_is_not_drawn_has_no_tip_and_a_panel_no_absent_keys():
    ax = Figure().subplots()
    (line,) = ax.plot([1, 2, 3], [1, np.nan, 3], "o")
    mark(line, [({}, "a"), ({}, "b"), ({}, "c")], [1, np.nan, 3], matching="m")
    assert (vars(line)[TIPS], vars(line)[VALUES]) == ([({}, "a"), ({}, "c")], {"matching": "m"})
    mark_panel(ax, ["depth", "model.note"], [2, "-"])
    assert vars(ax)[VALUES] == {"depth": "2"}


def test_what_something_is_filtered_by_is_one_attribute_whatever_stands_in_it():
    assert attribute(filtered_by({"matching": "a|b", "model.note": "x\n"})) == "matching=a¦b|model.note=x\\n"
