"""From the weight matrices of a file to the layers of a network in their order.

A file holds names and shapes, not the network's forward. The order of its layers is taken from the shapes, where only one order leads from
the inputs to the classes, or from the numbers in the names; never from names alone, which would put `hidden` before `input`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.pickled import shown
from lmc_sweeps.own_networks.file_kinds import listed
from lmc_sweeps.own_networks.files import NetworkFile
from lmc_sweeps.own_networks.orders import Ends, Shape, ends_of, fits, orders
from lmc_sweeps.own_networks.weights import KERNELS, WEIGHTS, Weights, weights_of


@dataclass(frozen=True)
class Chain:
    """The layers of a network from input to output, weights as (outputs, inputs) in float32, with notes on how they were read."""

    layers: tuple[Weights, ...]
    notes: tuple[str, ...]


def chain(file: NetworkFile, ends: Ends, source: str, own: Sequence[str] = (), requested: Sequence[str] | None = None) -> Chain:
    """Return the layers of a file in the order in which they are computed.

    Parameters
    ----------
    file : NetworkFile
    ends : (int, int)
        Inputs of the first layer and outputs of the last one.
    source : str
        What has these inputs and outputs, for messages.
    own : sequence of str
        The layers of the model in their order: a file with just these names needs no other hint.
    requested : sequence of str, optional
        The layers in the user's order; others in the file are left aside.

    Raises
    ------
    InputError
        If tensors belong to no layer, no order fits, or several do.
    """
    weights, notes = weights_of(file, requested)
    weights, is_turned = _ordered(file, weights, ends, source, own, requested)
    if is_turned:
        notes = (*notes, "weights are stored as (inputs, outputs), as Keras and JAX have them, and were transposed")
    kinds = {str(t.dtype).removeprefix("torch.") for part in weights for t in (part.tensor, part.bias) if t is not None}
    if kinds != {"float32"}:
        notes = (*notes, f"its numbers are {' and '.join(sorted(kinds))}; they are measured in float32")
    return Chain(tuple(_plain(file, part, is_turned) for part in weights), notes)


def _ordered(
    file: NetworkFile, weights: list[Weights], ends: Ends, source: str, own: Sequence[str], requested: Sequence[str] | None
) -> tuple[list[Weights], bool]:
    """Return the layers in their order, and whether their weights are stored as (inputs, outputs)."""
    turns = [turned for turned in (False, True) if all(_fits_bias(part, turned) for part in weights)]
    if not turns:
        part = next(part for part in weights if not _fits_bias(part, False))
        shapes = f"{tuple(part.tensor.shape)} and {len(part.bias) if part.bias is not None else 0} numbers"
        raise InputError(f"{str(file.path)!r}: the weights {shown(part.name, 100)} and their bias do not fit together: {shapes}.")
    kinds = {part.kind in KERNELS for part in weights if part.kind in (*WEIGHTS, *KERNELS)}
    native = kinds.pop() if len(kinds) == 1 else None  # in which way names say that weights stand
    results = {turned: _resolved(weights, turned, ends, own, requested, turned is native) for turned in turns}
    possible = [turned for turned in results if results[turned] is not None]
    if native in possible:
        possible = [bool(native)]
    if not possible:
        raise InputError(f"{str(file.path)!r} {_misfit(weights, bool(native), ends, source, requested)}")
    order = results[possible[0]]
    if len(possible) > 1:
        raise InputError(
            f"{str(file.path)!r}: neither shapes nor names say whether its weights are stored as (outputs, inputs) or as (inputs, "
            "outputs). Save them as PyTorch has them, (outputs, inputs), under names that end in .weight."
        )
    if not order:
        raise InputError(_unordered(file, weights, possible[0]))
    return [weights[k] for k in order], possible[0]


def _resolved(
    weights: Sequence[Weights], turned: bool, ends: Ends, own: Sequence[str], requested: Sequence[str] | None, is_native: bool
) -> list[int] | None:
    """Return the one order of the layers, an empty list where there are several, None where there is none."""
    shapes = [_shape(part, turned) for part in weights]
    names = [part.layer for part in weights]
    if requested is not None or sorted(names) == sorted(own):
        order = list(range(len(weights))) if requested is not None else [names.index(name) for name in own]
        return order if fits([shapes[k] for k in order], ends) else None
    free, numbered = orders(shapes, ends), orders(shapes, ends, names)
    if len(free) == 1 and (is_native or numbered):
        return free[0]
    if len(numbered) == 1:
        return numbered[0]
    return [] if free and (is_native or numbered) else None


def _shape(part: Weights, turned: bool) -> Shape:
    """Return inputs and outputs of a layer."""
    rows, columns = part.tensor.shape
    return (rows, columns) if turned else (columns, rows)


def _fits_bias(part: Weights, turned: bool) -> bool:
    return part.bias is None or len(part.bias) == _shape(part, turned)[1]


def _misfit(weights: Sequence[Weights], turned: bool, ends: Ends, source: str, requested: Sequence[str] | None) -> str:
    """Return why there is no order: other ends than the dataset's, or no chain at all."""
    shapes = [_shape(part, turned) for part in weights]
    other = (shapes[0][0], shapes[-1][1]) if requested is not None else ends_of(shapes)
    if other is not None and other != ends and (requested is None or fits(shapes, other)):
        return f"has {other[0]} inputs and {other[1]} classes; {source} has {ends[0]} and {ends[1]}."
    layers = listed(f"{part.layer} ({shape[0]} to {shape[1]})" for part, shape in zip(weights, shapes, strict=True))
    which_order = "the order of `--layers`," if requested is not None else "no order of its layers,"
    hint = "" if requested is not None else " If only some of them are the network, name these: --layers NAME,NAME,..."
    return (
        f"is not a chain of linear layers: {which_order} {layers}, leads from the {ends[0]} inputs to the {ends[1]} classes of "
        f"{source}.{hint}"
    )


def _unordered(file: NetworkFile, weights: Sequence[Weights], turned: bool) -> str:
    layers = listed(f"{part.layer} ({' to '.join(map(str, _shape(part, turned)))})" for part in weights)
    remedy = "--layers NAME,NAME,..., from input to output"
    if file.has_order:  # that in which they were constructed, which need not be that of the forward
        remedy += f"; the file holds them in the order --layers {','.join(shown(part.layer, 100) for part in weights[:40])}"
    return (
        f"{str(file.path)!r}: the order of its layers follows neither from their shapes nor from numbers in their names: {layers}. "
        f"Give it with {remedy}."
    )


def _plain(file: NetworkFile, part: Weights, turned: bool) -> Weights:
    """Return a layer with weights as (outputs, inputs), in float32."""
    weights = _float32(file, part.name, part.tensor.T if turned else part.tensor)
    bias = None if part.bias is None or part.bias_name is None else _float32(file, part.bias_name, part.bias)
    return Weights(part.layer, part.name, weights, part.bias_name, bias)


def _float32(file: NetworkFile, name: str, tensor: Tensor) -> Tensor:
    values = tensor.to(torch.float32).contiguous()
    if not bool(torch.isfinite(values).all()):
        about = "numbers beyond float32" if bool(torch.isfinite(tensor.double()).all()) else "NaN or infinite numbers"
        raise InputError(f"{str(file.path)!r} holds {about} in {shown(name, 100)}; a network to be measured has finite weights.")
    return values
