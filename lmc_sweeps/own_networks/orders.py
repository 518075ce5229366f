"""Orders of layers: chains in which every layer takes what the one before it gives, from the inputs to the outputs of a network."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TypeAlias

Shape: TypeAlias = tuple[int, int]  # inputs and outputs of a layer
Ends: TypeAlias = tuple[int, int]  # inputs of the first layer, outputs of the last one
MOST_STEPS = 20_000  # of a search; past them there are taken to be several orders, and the user is asked
NUMBER = re.compile(r"[0-9]+")


def fits(shapes: Sequence[Shape], ends: Ends) -> bool:
    """Return whether layers in this order lead from one end to the other."""
    outputs = [ends[0], *(after for _, after in shapes)]
    return outputs[-1] == ends[1] and all(before == outputs[k] for k, (before, _) in enumerate(shapes))


def ends_of(shapes: Sequence[Shape]) -> Ends | None:
    """Return the ends that every chain of all these layers has, or None where no or several ends are possible."""
    balance = Counter(before for before, _ in shapes)
    balance.subtract(after for _, after in shapes)
    odd = {size: n for size, n in balance.items() if n}
    if sorted(odd.values()) != [-1, 1]:
        return None
    ends = next(size for size, n in odd.items() if n == 1), next(size for size, n in odd.items() if n == -1)
    return ends if orders(shapes, ends) else None


def orders(shapes: Sequence[Shape], ends: Ends, names: Sequence[str] | None = None) -> list[list[int]]:
    """Return up to two orders in which all layers make a chain.

    Parameters
    ----------
    shapes : sequence of (int, int)
    ends : (int, int)
    names : sequence of str, optional
        Layers whose names differ in their numbers only keep the order of these: fc2 before fc10.

    Returns
    -------
    list of list of int
        Each a permutation of the layers; empty where there is none. A search that takes too long ends as if it had found several.
    """
    balance = Counter([ends[1], *(before for before, _ in shapes)])
    balance.subtract([ends[0], *(after for _, after in shapes)])
    if any(balance.values()):  # what comes in and what goes out must be as many, at every size
        return []
    earlier = _earlier(names) if names is not None else [set[int]() for _ in shapes]
    by_input = defaultdict(list)
    for k, (before, _) in enumerate(shapes):
        by_input[before].append(k)
    chains: list[list[int]] = []
    path: list[int] = []
    used: set[int] = set()
    pending = [iter(by_input[ends[0]])]
    for _ in range(MOST_STEPS):
        k = next((k for k in pending[-1] if k not in used and earlier[k] <= used), -1)
        if k >= 0:
            path.append(k)
            used.add(k)
            pending.append(iter(by_input[shapes[k][1]]))
            continue
        if len(path) == len(shapes):
            chains.append(list(path))
        pending.pop()
        if len(chains) == 2 or not pending:
            return chains
        used.discard(path.pop())
    return [*chains, list(range(len(shapes))), list(range(len(shapes)))][:2]


def _earlier(names: Sequence[str]) -> list[set[int]]:
    """Return for every layer the one before it among those whose names differ from its own in their numbers only."""
    groups: dict[str, list[tuple[list[tuple[int, str]], int]]] = defaultdict(list)
    for k, name in enumerate(names):
        digits = [number.lstrip("0") for number in NUMBER.findall(name)]
        groups[NUMBER.sub("#", name)].append(([(len(number), number) for number in digits], k))  # sorted as numbers, of any length
    earlier = [set[int]() for _ in names]
    for group in groups.values():
        by_numbers = defaultdict(set)
        for numbers, k in group:
            by_numbers[tuple(numbers)].add(k)
        ranked = [by_numbers[numbers] for numbers in sorted(by_numbers)]
        for before, after in zip(ranked, ranked[1:], strict=False):
            for k in after:
                earlier[k] = before
    return earlier
