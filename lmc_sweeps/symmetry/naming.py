"""Names of groups: that of the layer which computes their neurons."""

from collections.abc import Mapping, Sequence

from lmc_sweeps.symmetry.axes import INPUT
from lmc_sweeps.symmetry.factors import Places
from lmc_sweeps.symmetry.values import Walk


def group_names(walk: Walk, tensors: Mapping[str, Sequence[Places]]) -> dict[int, str]:
    """Return the free factors of a network's tensors by number, in the order in which they are computed, with their names.

    A group is called after the module of the first matrix (then of any tensor) that has it on an axis which is not read; where that axis is
    made of several factors, with the place of this one in brackets.
    """
    order = [name for name in walk.used if name in tensors]
    holders: dict[int, tuple[str, str]] = {}
    for reads, least in ((False, 2), (False, 1), (True, 1)):
        for name in order:
            for k, axis in enumerate(tensors[name] if len(tensors[name]) >= least else ()):
                numbers = list(dict.fromkeys(walk.factors.root(n) for segment in axis for n in segment))
                for j, number in enumerate(numbers):
                    if walk.factors.is_fixed(number) or walk.factors.size(number) < 2 or ((name, k) in walk.reading) != reads:
                        continue
                    holders.setdefault(number, (name, f"[{j}]" if len(numbers) > 1 else ""))
    names: dict[int, str] = {}
    for number in sorted(holders, key=lambda number: order.index(holders[number][0])):
        tensor, in_brackets = holders[number]
        module = tensor.rpartition(".")[0] or tensor
        name = module + in_brackets
        if name in names.values() or name == INPUT:
            name = tensor + in_brackets
        while name in names.values():
            name += "'"
        names[number] = name
    return names
