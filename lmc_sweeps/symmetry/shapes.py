"""The rules of operations that change the shape of a tensor, not its entries: reshaping, moving, cutting and joining axes."""

from collections.abc import Sequence
from math import prod
from typing import Any

from lmc_sweeps.symmetry.rules import NoRule, Shape, rule
from lmc_sweeps.symmetry.values import Value, Walk


@rule("view", "reshape", "flatten", "unflatten", "_unsafe_view", "view_as", "_reshape_alias", "reshape_as")
def reshape(walk: Walk, shape: Shape, value: Value, *_: Any) -> Value:
    """Group or divide axes, entries in the same order."""
    if tuple(map(walk.size, value.axes)) == tuple(shape):
        return value
    if prod(map(walk.size, value.axes)) != prod(shape):  # a view in another type
        raise NoRule
    return Value(tuple(walk.factors.reshaped(value.axes, shape)))


@rule("permute")
def permute(walk: Walk, shape: Shape, value: Value, order: Sequence[int]) -> Value:
    """Move the axes."""
    return value.moved([k % len(value.axes) for k in order])


@rule("transpose", "swapaxes", "swapdims")
def transpose(walk: Walk, shape: Shape, value: Value, one: int, other: int) -> Value:
    """Exchange two axes."""
    order = list(range(len(value.axes)))
    order[one], order[other] = order[other], order[one]
    return value.moved(order)


@rule("t", "numpy_T", "mT", "matrix_H", "adjoint")
def transposed(walk: Walk, shape: Shape, value: Value) -> Value:
    """Exchange the last two axes."""
    return value if len(value.axes) < 2 else transpose(walk, shape, value, -2, -1)


@rule("movedim", "moveaxis")
def movedim(walk: Walk, shape: Shape, value: Value, source: int | Sequence[int], target: int | Sequence[int]) -> Value:
    """Move some axes, the others in their order."""
    n = len(value.axes)
    sources, targets = ([k % n for k in ([dim] if isinstance(dim, int) else dim)] for dim in (source, target))
    order = [k for k in range(n) if k not in sources]
    for position, k in sorted(zip(targets, sources, strict=True)):
        order.insert(position, k)
    return value.moved(order)


@rule("squeeze")
def squeeze(walk: Walk, shape: Shape, value: Value, dim: Any = None) -> Value:
    """Drop axes of one place."""
    n = len(value.axes)
    dims = range(n) if dim is None else [k % n for k in ([dim] if isinstance(dim, int) else dim)]
    return value.moved([k for k in range(n) if k not in dims or walk.size(value.axes[k]) != 1])


@rule("unsqueeze")
def unsqueeze(walk: Walk, shape: Shape, value: Value, dim: int) -> Value:
    """Add an axis of one place."""
    order: list[int | None] = list(range(len(value.axes)))
    order.insert(dim % (len(order) + 1), None)
    return value.moved(order)


@rule("expand", "expand_as", "broadcast_to")
def expand(walk: Walk, shape: Shape, value: Value, *_: Any) -> Value:
    """Return new, free axes for what is repeated: all its places are equal."""
    axes = [*walk.fresh(shape[: len(shape) - len(value.axes)]).axes, *value.axes]
    return Value(tuple(axis if walk.size(axis) == n else walk.factors.new(n) for axis, n in zip(axes, shape, strict=True)))


@rule("cat", "concat", "concatenate")
def cat(walk: Walk, shape: Shape, values: Sequence[Value], dim: int = 0) -> Value:
    """Put one axis of several tensors one after the other, and tie the others."""
    values = [value for value in values if value.axes]
    dim %= len(shape)
    others = [value.axes[:dim] + value.axes[dim + 1 :] for value in values]
    axes = list(walk.broadcast(*others)) if others else []
    axes.insert(dim, tuple(segment for value in values for segment in value.axes[dim]))
    return Value(tuple(axes))


@rule("stack")
def stack(walk: Walk, shape: Shape, values: Sequence[Value], dim: int = 0) -> Value:
    """Add an axis whose places are the tensors, and tie all others."""
    axes = list(walk.broadcast(*(value.axes for value in values)))
    axes.insert(dim % len(shape), walk.factors.new(len(values), fixed=True))
    return Value(tuple(axes))


@rule("chunk", "split", "split_with_sizes", "unsafe_chunk", "unsafe_split", "tensor_split", "split_copy")
def split(walk: Walk, shapes: list[Shape], value: Value, sizes: Any, dim: int = 0) -> list[Value]:
    """Cut an axis into pieces."""
    dim %= len(value.axes)
    pieces = walk.factors.pieces(value.axes[dim], [shape[dim] for shape in shapes])
    origins = tuple(None if k == dim else value.origin(k) for k in range(len(value.axes)))  # the other axes of a weight are still its own
    return [Value((*value.axes[:dim], piece, *value.axes[dim + 1 :]), origins) for piece in pieces]


@rule("unbind")
def unbind(walk: Walk, shapes: list[Shape], value: Value, dim: int = 0) -> list[Value]:
    """Take the places of an axis one by one: they stay."""
    return [select(walk, shape, value, dim) for shape in shapes]


@rule("select")
def select(walk: Walk, shape: Shape, value: Value, dim: int, *_: Any) -> Value:
    """Take one place of an axis: its places stay."""
    dim %= len(value.axes)
    walk.fix(Value(value.axes[dim : dim + 1]))
    return Value(value.axes[:dim] + value.axes[dim + 1 :])


@rule("slice", "narrow")
def slice_(walk: Walk, shape: Shape, value: Value, dim: int = 0, *_: Any) -> Value:
    """Fix an axis of which some places are cut out."""
    dim %= len(value.axes)
    if walk.size(value.axes[dim]) == shape[dim]:
        return value
    walk.fix(Value(value.axes[dim : dim + 1]))
    return Value((*value.axes[:dim], walk.factors.new(shape[dim], fixed=True), *value.axes[dim + 1 :]))


@rule("pad", "constant_pad_nd")
def pad(walk: Walk, shape: Shape, value: Value, amounts: Sequence[int], mode: Any = "constant", *_: Any) -> Value:
    """Put a piece of equal entries before an axis, and one behind it."""
    if isinstance(mode, str) and mode != "constant":
        raise NoRule
    axes = list(value.axes)
    for k in range(len(amounts) // 2):
        before, after = amounts[2 * k : 2 * k + 2]
        if before < 0 or after < 0:
            raise NoRule
        position = len(axes) - 1 - k
        ends = [walk.factors.new(n) if n else () for n in (before, after)]
        axes[position] = (*ends[0], *axes[position], *ends[1])
    return Value(tuple(axes))


@rule("tril", "triu")
def triangle(walk: Walk, shape: Shape, value: Value, *_: Any) -> Value:
    """Fix the axes of a matrix of which a triangle is kept."""
    walk.fix(Value(value.axes[-2:]))
    return value
