"""Axes as products and concatenations of factors."""

import numpy as np
from axis_orders import index

from lmc_sweeps.symmetry.axes import Axis, Factor

HEADS = Axis(((Factor(2, "heads"), Factor(3, "inside")), (Factor(2, "heads"), Factor(2))))


def test_an_axis_knows_its_places_and_its_groups() -> None:
    assert HEADS.size == 10
    assert HEADS.groups == ("heads", "inside")


def test_places_of_a_product_move_inside_those_around_it_and_pieces_apart() -> None:
    order = index(HEADS, {"heads": np.array([1, 0]), "inside": np.array([2, 0, 1])})
    assert order.tolist() == [5, 3, 4, 2, 0, 1, 8, 9, 6, 7]
