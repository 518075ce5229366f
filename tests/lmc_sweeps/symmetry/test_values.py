"""The state of a walk."""

from lmc_sweeps.symmetry.values import Value, Walk


def test_arithmetic_ties_axes_from_the_right_and_leaves_out_those_of_one_place() -> None:
    walk = Walk()
    one, other = walk.fresh((2, 3, 4)), walk.fresh((3, 1))
    axes = walk.broadcast(one.axes, other.axes)
    assert [walk.size(axis) for axis in axes] == [2, 3, 4]
    roots = [walk.factors.root(axis[0][0]) for axis in (one.axes[1], other.axes[0], axes[1])]
    assert len(set(roots)) == 1


def test_an_axis_of_a_parameter_is_known_after_it_was_moved() -> None:
    walk = Walk()
    weight = Value(walk.fresh((3, 4)).axes, (("w", 0), ("w", 1)))
    turned = weight.moved([1, None, 0])
    assert [walk.size(axis) for axis in turned.axes] == [4, 1, 3]
    walk.contract(turned, 0, walk.fresh((4,)), 0)
    assert list(walk.reading) == [("w", 1)]
