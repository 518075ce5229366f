"""What is known of a network's tensors while it is walked through: the axes of every value, and which axes of parameters are read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lmc_sweeps.symmetry.factors import Factors, Places

Origin = tuple[str, int]  # a parameter or buffer, and one of its axes


@dataclass(frozen=True)
class Value:
    """A tensor in the network: its axes and, for one that is a parameter but for the order of its axes, whose they are."""

    axes: tuple[Places, ...]
    origins: tuple[Origin | None, ...] = ()

    def origin(self, k: int) -> Origin | None:
        return self.origins[k] if self.origins else None

    def moved(self, order: Sequence[int | None]) -> "Value":
        """Return the tensor with its axes in another order, with new ones of one place at None."""
        origins = tuple(None if k is None else self.origin(k) for k in order)
        return Value(tuple(((),) if k is None else self.axes[k] for k in order), origins)


@dataclass
class Walk:
    """The state of a walk through a network's operations."""

    factors: Factors = field(default_factory=Factors)
    reading: dict[Origin, list[Places]] = field(default_factory=dict)  # what is summed over, with the axes of what it is summed against
    used: dict[str, None] = field(default_factory=dict)  # tensors, in the order in which operations take them

    def size(self, axis: Places) -> int:
        return self.factors.axis_size(axis)

    def fresh(self, shape: Iterable[int], *, fixed: bool = False) -> Value:
        """Return a tensor of new axes: free, of equal entries; or fixed, of entries that are known by their places."""
        return Value(tuple(self.factors.new(size, fixed=fixed) for size in shape))

    def fix(self, *values: Value) -> None:
        for value in values:
            self.factors.fix(*value.axes)

    def read(self, value: Value, k: int, across: Iterable[Places] = ()) -> None:
        """Note that axis k of a tensor is summed over against neurons, once for each place of the axes `across`."""
        if (origin := value.origin(k)) is not None:
            self.reading.setdefault(origin, []).extend(across)

    def contract(self, one: Value, k: int, other: Value, j: int) -> None:
        """Tie axis k of a tensor to axis j of another, as they are summed over together."""
        self.factors.tie(one.axes[k], other.axes[j])
        for value, axis, partner, summed in ((one, k, other, j), (other, j, one, k)):
            self.read(value, axis, (a for n, a in enumerate(partner.axes) if n != summed % len(partner.axes)))

    def broadcast(self, *shapes: Sequence[Places]) -> tuple[Places, ...]:
        """Tie axes as arithmetic does, from the right, and return those of the result."""
        rank = max(map(len, shapes), default=0)
        axes: list[Places] = []
        for k in range(-rank, 0):
            present = [axes[k] for axes in shapes if len(axes) >= -k and self.size(axes[k]) != 1]
            for other in present[1:]:
                self.factors.tie(present[0], other)
            axes.append(present[0] if present else ((),))
        return tuple(axes)
