"""Factors of axes while a network is traced: which places of which axes stand for one another, by union-find.

An axis is a concatenation of *segments*, and a segment a product of *factors*, outer ones first: of channels that were flattened with
their positions, ``(channel, 7 * 7)``; of attention heads, ``(head, dimension of a head)``. Two factors that an operation pairs place by
place are made one; a factor that it treats by place is *fixed*. Where a boundary falls inside a factor, it is split, with all its uses.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

Segment = tuple[int, ...]
Places = tuple[Segment, ...]  # of numbers of factors, as `Factors` knows them


@dataclass
class _Node:
    size: int
    parent: int
    fixed: bool = False
    product: Segment = ()  # what it was split into, one inside the other
    pieces: Places = ()  # what it was split into, one after the other


@dataclass
class Factors:
    """All factors of a trace, by number; sizes are numbers of places."""

    nodes: list[_Node] = field(default_factory=list)
    forced: list[tuple[str, int]] = field(default_factory=list)  # what was fixed because no split of it fits, with the operation
    operation: str = ""

    def begin(self, operation: str) -> None:
        """Say which operation it is that ties from now on."""
        self.operation = operation

    def new(self, size: int, *, fixed: bool = False) -> Places:
        """Return an axis of one new factor; one place needs none."""
        return (self._new(size, fixed),)

    def _new(self, size: int, fixed: bool) -> Segment:
        if size == 1:
            return ()
        self.nodes.append(_Node(size, len(self.nodes), fixed))
        return (len(self.nodes) - 1,)

    def root(self, number: int) -> int:
        """Return the number that stands for a factor and for all that were made one with it."""
        while self.nodes[number].parent != number:
            self.nodes[number].parent = self.nodes[self.nodes[number].parent].parent
            number = self.nodes[number].parent
        return number

    def size(self, number: int) -> int:
        return self.nodes[self.root(number)].size

    def is_fixed(self, number: int) -> bool:
        return self.nodes[self.root(number)].fixed

    def segment_size(self, segment: Iterable[int]) -> int:
        return prod(self.size(number) for number in segment)

    def axis_size(self, axis: Places) -> int:
        return sum(map(self.segment_size, axis))

    def resolved(self, axis: Places) -> Places:
        """Return an axis in factors that were not split."""
        return tuple(part for segment in axis for part in self._segments(segment))

    def _segments(self, segment: Segment) -> list[Segment]:
        parts: list[Segment] = [()]
        for number in segment:
            node = self.nodes[self.root(number)]
            if node.product:
                pieces = self._segments(node.product)
            elif node.pieces:
                pieces = list(self.resolved(node.pieces))
            else:
                pieces = [(self.root(number),)]
            if len(pieces) > 1 and any(parts):
                # Behind other factors the pieces come again and again: only places of an outer factor that stay where they are can be
                # told apart, so these are fixed, and each has the pieces once.
                self._force((*parts,))
                parts = [()] * sum(map(self.segment_size, parts))
            parts = [(*outer, *inner) for outer in parts for inner in pieces]
        return parts

    def fix(self, *axes: Places) -> None:
        """Leave the places of these axes where they are."""
        for axis in axes:
            for segment in axis:
                for number in segment:
                    node = self.nodes[self.root(number)]
                    node.fixed = True
                    self.fix((node.product,), node.pieces)

    def _force(self, *axes: Places) -> None:
        """Fix axes that a rule would leave free, and keep in mind which were."""
        numbers = [n for axis in axes for segment in self.resolved(axis) for n in segment if not self.is_fixed(n)]
        self.forced += [(self.operation, number) for number in numbers]
        self.fix(*axes)

    def _join(self, one: int, other: int) -> None:
        one, other = self.root(one), self.root(other)
        if one != other:
            fixed = self.nodes[one].fixed or self.nodes[other].fixed
            first, later = sorted((one, other))
            self.nodes[later].parent = first
            self.nodes[first].fixed = fixed

    def _split_product(self, number: int, outer: int) -> None:
        """Split a factor into an outer one of this size and an inner one."""
        node = self.nodes[self.root(number)]
        node.product = (*self._new(outer, node.fixed), *self._new(node.size // outer, node.fixed))

    def _split_pieces(self, number: int, first: int) -> None:
        """Split a factor into one of this size and another that comes after it."""
        node = self.nodes[self.root(number)]
        node.pieces = (self._new(first, node.fixed), self._new(node.size - first, node.fixed))

    def tie(self, one: Places, other: Places) -> None:
        """Make two axes of one size the same, place by place."""
        while True:
            one, other = self.resolved(one), self.resolved(other)
            if not self._align(one, other):
                break
        for first, second in zip(one, other, strict=True):
            self._tie_products(first, second)

    def _align(self, one: Places, other: Places) -> bool:
        """Split where a segment of one axis ends inside a segment of the other; return whether anything was split."""
        for first, second in zip(one, other, strict=False):
            sizes = self.segment_size(first), self.segment_size(second)
            if sizes[0] != sizes[1]:
                self.cut(first if sizes[0] > sizes[1] else second, min(sizes))
                return True
        return False

    def cut(self, segment: Segment, places: int) -> None:
        """Split a segment after so many places, all of whose factors are unsplit."""
        inner = self.segment_size(segment[1:])
        if places % inner == 0:
            self._split_pieces(segment[0], places // inner)
        else:  # inside the inner factors: each place of the outermost is a piece of its own
            self._force((segment[:1],))
            self._split_pieces(segment[0], max(1, places // inner))
            if places < inner:
                self.cut(segment[1:], places)

    def _tie_products(self, one: Segment, other: Segment) -> None:
        while True:
            (one,), (other,) = self.resolved((one,)), self.resolved((other,))
            for first, second in zip(one, other, strict=False):
                sizes = self.size(first), self.size(second)
                if sizes[0] == sizes[1]:
                    continue
                large, small = (first, sizes[1]) if sizes[0] > sizes[1] else (second, sizes[0])
                if max(sizes) % small:
                    self._force((one, other))
                    return
                self._split_product(large, small)
                break
            else:
                break
        for first, second in zip(one, other, strict=True):
            self._join(first, second)

    def reshaped(self, axes: Sequence[Places], sizes: Sequence[int]) -> list[Places]:
        """Return the axes of a tensor that is given another shape, its entries in the same order."""
        shaped: list[Places] = []
        remaining, axes = list(sizes), list(axes)
        while remaining or axes:
            block, targets = [axes.pop(0)] if axes else [], [remaining.pop(0)] if remaining else []
            while (n := prod(map(self.axis_size, block))) != (m := prod(targets)):
                if n < m:
                    block.append(axes.pop(0))
                else:
                    targets.append(remaining.pop(0))
            shaped += self._redivided(block, targets)
        return shaped

    def _redivided(self, block: Sequence[Places], sizes: Sequence[int]) -> list[Places]:
        """Return axes of these sizes in place of a block of axes with as many places."""
        if 1 in sizes:  # an axis of one place, wherever it stands, changes nothing
            others = iter(self._redivided(block, [size for size in sizes if size != 1]))
            return [((),) if size == 1 else next(others) for size in sizes]
        block = [self.resolved(axis) for axis in block if self.axis_size(axis) != 1]
        if len(block) == len(sizes) == 1:
            return [block[0]]
        if any(len(axis) > 1 for axis in block[1:]) or (len(sizes) > 1 and any(len(axis) > 1 for axis in block)):
            self._force(*block)
            return [self.new(size, fixed=True) for size in sizes]
        inner = tuple(number for axis in block[1:] for number in axis[0])
        merged = tuple((*segment, *inner) for segment in block[0]) if block else ((),)
        if len(sizes) == 1:
            return [merged]
        divided = [self.new(size) for size in sizes]
        self._tie_products(merged[0], tuple(number for axis in divided for number in axis[0]))
        return divided

    def pieces(self, axis: Places, sizes: Sequence[int]) -> list[Places]:
        """Return the parts of an axis that is cut into so many places each."""
        divided = [self.new(size) for size in sizes]
        self.tie(axis, tuple(segment for part in divided for segment in part))
        return divided
