"""Names of groups: that of the layer which computes their neurons."""

from collections.abc import Mapping, Sequence

from lmc_sweeps.symmetry.factors import Axis
from lmc_sweeps.symmetry.values import Walk


def group_names(walk: Walk, tensors: Mapping[str, Sequence[Axis]]) -> dict[int, str]:
    """Return the free factors of a network's tensors by number, in the order in which they are computed, with their names.

    A group is called after the module of the first tensor that has it on an axis which is not read; where that axis is made of several
    factors, with the place of this one in brackets.
    """
    order = [name for name in walk.used if name in tensors]
    holders: dict[int, tuple[str, str]] = {}
    for pass_reading in (False, True):
        for name in order:
            for k, axis in enumerate(tensors[name]):
                numbers = list(dict.fromkeys(walk.factors.root(n) for segment in axis for n in segment))
                for place, number in enumerate(numbers):
                    if walk.factors.is_fixed(number) or ((name, k) in walk.reading) != pass_reading:
                        continue
                    holders.setdefault(number, (name, f"[{place}]" if len(numbers) > 1 else ""))
    names: dict[int, str] = {}
    for number in sorted(holders, key=lambda number: order.index(holders[number][0])):
        tensor, place = holders[number]
        module = tensor.rpartition(".")[0] or tensor
        name = module + place
        while name in names.values():
            name = f"{tensor}{place}" if name == module + place else f"{name}'"
        names[number] = name
    return names
