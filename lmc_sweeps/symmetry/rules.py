"""The rules of operations: which axes of their inputs, and of their results, stand for one another.

Each rule is called with the walk, the shape of the result (a list of shapes for several) and the arguments of an operation of
``torch.ops.aten`` in the order of its schema, in which tensors are `Value`. An operation without a rule fixes every axis that it touches
(`tracing`): nothing is guessed, and no two axes are tied because they are equally long.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from lmc_sweeps.symmetry.factors import Places
from lmc_sweeps.symmetry.values import Value, Walk

Shape = tuple[int, ...]
Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}


class NoRule(Exception):
    """Raised by a rule for a case that it does not cover."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a function as the rule of operations of these names."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


@rule("contiguous", "clone", "to", "_to_copy", "type_as", "detach", "detach_", "alias", "lift_fresh_copy", "dropout", "dropout_",
      "feature_dropout", "feature_dropout_", "alpha_dropout")  # fmt: skip
def same(walk: Walk, shape: Shape, value: Value, *_: Any) -> Value:
    """Return a tensor with the same entries at the same places."""
    return value


@rule("masked_fill", "masked_fill_", "copy_", "hardswish", "hardswish_", "hardsigmoid", "log_sigmoid", "mish", "mish_")
# and whatever PyTorch tags as pointwise
def elementwise(walk: Walk, shape: Shape, *arguments: Any) -> Value:
    """Tie all axes, from the right: every entry of the result is of the entries at its place."""
    values = _values(arguments)
    axes = walk.broadcast(*(value.axes for value in values))
    # A parameter that is scaled, or centred, before it is used is still the one that is read.
    own = [value for value in values if value.origins and [*map(walk.size, value.axes)] == [*map(walk.size, axes)]]
    return Value(axes, own[0].origins if len(own) == 1 and all(value.origins or not value.axes for value in values) else ())


@rule("prelu")
def prelu(walk: Walk, shape: Shape, value: Value, slopes: Value) -> Value:
    """Tie slopes, where there is one for each channel, to the channels."""
    if walk.size(slopes.axes[0]) > 1 and len(value.axes) > 1:
        walk.factors.tie(value.axes[1], slopes.axes[0])
    return value


@rule("linear")
def linear(walk: Walk, shape: Shape, value: Value, weight: Value, bias: Value | None = None) -> Value:
    """Tie the columns of the weights to what they read, their rows to the biases, and return the rows."""
    walk.contract(value, -1, weight, 1)
    if bias is not None:
        walk.factors.tie(weight.axes[0], bias.axes[0])
    return Value((*value.axes[:-1], weight.axes[0]))


@rule("matmul", "mm", "bmm", "mv", "dot")
def matmul(walk: Walk, shape: Shape, one: Value, other: Value) -> Value:
    """Tie the axes that are summed over, and those of a batch; the others pass."""
    walk.contract(one, -1, other, -2 if len(other.axes) > 1 else 0)
    batch = walk.broadcast(one.axes[:-2], other.axes[:-2])
    return Value((*batch, *one.axes[-2:-1], *(other.axes[-1:] if len(other.axes) > 1 else ())))


@rule("addmm", "baddbmm", "addmv", "addbmm")
def addmm(walk: Walk, shape: Shape, added: Value, one: Value, other: Value, *_: Any) -> Value:
    """Tie what is added to the product, as arithmetic does."""
    if len(matmul(walk, shape, one, other).axes) != len(shape):
        raise NoRule
    return Value(walk.broadcast(matmul(walk, shape, one, other).axes, added.axes))


@rule("einsum")
def einsum(walk: Walk, shape: Shape, equation: str, operands: Sequence[Value], *_: Any) -> Value:
    """Tie the axes of one letter; those whose letter the result lacks are summed over."""
    left, right = [*equation.replace(" ", "").split("->"), ""][:2]
    terms = left.split(",")
    if "." in equation or "->" not in equation or any(len(set(term)) < len(term) for term in terms):
        raise NoRule
    places: dict[str, list[tuple[Value, int]]] = {}
    for term, operand in zip(terms, operands, strict=True):
        for k, letter in enumerate(term):
            places.setdefault(letter, []).append((operand, k))
    axes: dict[str, Places] = {}
    for letter, uses in places.items():
        large = [(value, k) for value, k in uses if walk.size(value.axes[k]) != 1] or uses[:1]
        axes[letter] = large[0][0].axes[large[0][1]]
        for value, k in large[1:]:
            walk.factors.tie(axes[letter], value.axes[k])
        if letter not in right:
            for value, k in uses:
                others = [axis for other in operands if other is not value for axis in other.axes]
                walk.read(value, k, [axis for axis in others if axis != axes[letter]])
    return Value(tuple(axes[letter] for letter in right))


@rule("conv1d", "conv2d", "conv3d")
def convolution(walk: Walk, shape: Shape, value: Value, weight: Value, bias: Value | None = None, *settings: Any) -> Value:
    """Tie channels; kernels are (out, in, ...)."""
    groups = settings[3] if len(settings) > 3 else 1
    return _convolved(walk, shape, value, weight, bias, weight.axes[1], weight.axes[0], groups, reads=1)


@rule("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def transposed_convolution(walk: Walk, shape: Shape, value: Value, weight: Value, bias: Value | None = None, *settings: Any) -> Value:
    """Tie channels; kernels are (in, out, ...)."""
    groups = settings[3] if len(settings) > 3 else 1
    if groups != 1:
        raise NoRule
    return _convolved(walk, shape, value, weight, bias, weight.axes[0], weight.axes[1], 1, reads=0)


def _convolved(
    walk: Walk, shape: Shape, value: Value, weight: Value, bias: Value | None, columns: Places, rows: Places, groups: int, reads: int
) -> Value:
    """Tie channels; positions stay. In groups, the order of the groups is one of inputs and outputs, and all have one order inside."""
    first = 1 if len(value.axes) == len(weight.axes) else 0  # without an axis of examples
    channels = value.axes[first]
    walk.fix(Value(value.axes[first + 1 :]), Value(weight.axes[2:]))
    across = [*value.axes[:first], *value.axes[first + 1 :]]
    if groups == 1:
        walk.factors.tie(channels, columns)
    else:
        n_in, n_out = walk.size(channels) // groups, walk.size(rows) // groups
        between, inside = walk.factors.reshaped([channels], (groups, n_in))
        group_of_rows, _ = walk.factors.reshaped([rows], (groups, n_out))
        walk.factors.tie(between, group_of_rows)
        walk.factors.tie(inside, columns)
        across.append(between)
    walk.read(weight, reads, across)
    if bias is not None:
        walk.factors.tie(rows, bias.axes[0])
    return Value((*value.axes[:first], rows, *walk.fresh(shape[first + 1 :], fixed=True).axes))


@rule("batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "native_batch_norm", "instance_norm")
def batch_norm(walk: Walk, shape: Any, value: Value, *parameters: Any) -> Any:
    """Tie scales, shifts and running statistics to the channels."""
    for parameter in _values(parameters[:4]):
        walk.factors.tie(value.axes[1], parameter.axes[0])
    return value if not isinstance(shape, list) else (value, *(walk.fresh(part, fixed=True) for part in shape[1:]))


@rule("layer_norm", "rms_norm", "native_layer_norm")
def layer_norm(walk: Walk, shape: Any, value: Value, normalized: Shape, *parameters: Any) -> Any:
    """Tie scales and shifts to the axes that are normalised."""
    for parameter in _values(parameters[:2]):
        for axis, other in zip(value.axes[-len(normalized) :], parameter.axes, strict=True):
            walk.factors.tie(axis, other)
    return value if not isinstance(shape, list) else (value, *(walk.fresh(part, fixed=True) for part in shape[1:]))


@rule("group_norm")
def group_norm(walk: Walk, shape: Shape, value: Value, groups: int, *parameters: Any) -> Value:
    """Divide the channels into groups, and tie scales and shifts to them: one order of groups, one inside all of them."""
    walk.factors.reshaped([value.axes[1]], (groups, walk.size(value.axes[1]) // groups))
    for parameter in _values(parameters[:2]):
        walk.factors.tie(value.axes[1], parameter.axes[0])
    return value


@rule("scaled_dot_product_attention")
def attention(walk: Walk, shape: Shape, query: Value, key: Value, value: Value, mask: Value | None = None, *settings: Any) -> Value:
    """Tie batches and heads of all three, what queries and keys are multiplied by, and what values return; positions stay."""
    if len(settings) > 3 and settings[3]:  # heads that share keys
        raise NoRule
    batch = walk.broadcast(query.axes[:-2], key.axes[:-2], value.axes[:-2])
    walk.factors.tie(query.axes[-1], key.axes[-1])
    walk.fix(Value((query.axes[-2], key.axes[-2], value.axes[-2])))
    if mask is not None:
        walk.broadcast(batch, mask.axes[:-2])
        walk.fix(Value(mask.axes[-2:]))
    return Value((*batch, query.axes[-2], value.axes[-1]))


@rule("softmax", "log_softmax", "_softmax", "_log_softmax")
def equivariant(walk: Walk, shape: Shape, value: Value, *_: Any) -> Value:
    """Return the same axes: entries are relabelled as what they are computed from."""
    return Value(value.axes)


@rule("mean", "sum", "amax", "amin", "var", "std", "logsumexp", "prod", "any", "all", "linalg_vector_norm", "norm")
def reduction(walk: Walk, shape: Shape, value: Value, *arguments: Any) -> Value:
    """Drop the axes that are reduced, which stay free: no result depends on the order of what is added."""
    lists = [argument for argument in arguments if isinstance(argument, list | tuple) and all(isinstance(k, int) for k in argument)]
    numbers = [argument for argument in arguments if isinstance(argument, int) and not isinstance(argument, bool)]
    if len(shape) == 0 and not lists:
        return Value(())
    if not lists and len(numbers) != 1:
        raise NoRule
    reduced = {k % len(value.axes) for k in (lists[0] if lists else numbers)} or set(range(len(value.axes)))
    remaining = [k for k in range(len(value.axes)) if k not in reduced]
    if len(shape) == len(value.axes):
        return Value(tuple(value.axes[k] if k in remaining else ((),) for k in range(len(value.axes))))
    return Value(tuple(value.axes[k] for k in remaining))


@rule("embedding")
def embedding(walk: Walk, shape: Shape, weight: Value, indices: Value, *_: Any) -> Value:
    """Fix the words, which inputs name by number; features pass."""
    walk.fix(Value(weight.axes[:1]))
    return Value((*indices.axes, weight.axes[1]))


@rule("zeros", "ones", "full", "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "scalar_tensor", "empty")
def equal_entries(walk: Walk, shape: Shape, *_: Any) -> Value:
    """Return new, free axes: all entries are equal."""
    return walk.fresh(shape)


@rule("arange", "lift_fresh", "tensor", "eye", "linspace")
def places(walk: Walk, shape: Shape, *_: Any) -> Value:
    """Return new, fixed axes: entries are known by their places."""
    return walk.fresh(shape, fixed=True)


def _pooled(n: int, walk: Walk, shape: Any, value: Value, *_: Any) -> Any:
    """Fix the last n axes, which are positions; the channels before them stay channels."""
    channels = value.axes[:-n]
    walk.fix(Value(value.axes[-n:]))
    values = [Value((*channels, *walk.fresh(part[-n:], fixed=True).axes)) for part in (shape if isinstance(shape, list) else [shape])]
    return values if isinstance(shape, list) else values[0]


POOLING = ("max_pool{}d", "avg_pool{}d", "adaptive_avg_pool{}d", "adaptive_max_pool{}d", "max_pool{}d_with_indices", "upsample_nearest{}d",
           "_upsample_nearest_exact{}d", "reflection_pad{}d", "replication_pad{}d")  # fmt: skip
RULES.update({name.format(n): partial(_pooled, n) for name in POOLING for n in (1, 2, 3)})
RULES.update(
    {"upsample_linear1d": partial(_pooled, 1), "upsample_bilinear2d": partial(_pooled, 2), "upsample_bicubic2d": partial(_pooled, 2)}
)


def _values(arguments: Sequence[Any]) -> list[Value]:
    return [argument for argument in arguments if isinstance(argument, Value)]
