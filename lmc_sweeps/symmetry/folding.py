"""Norms without scale and shift: the same function, whose residual stream any orthogonal map keeps, and not permutations alone."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.streams import Norm, Stream, graph_with_streams


def untied(module: nn.Module) -> nn.Module:
    """Return a copy of a module in which every name of a parameter has a tensor of its own, the same function until it is changed.

    Of a tied last layer, which is the embedding too, both are then free to be changed. A module that is called twice stays one.
    """
    own, parameters = copy.deepcopy(module), dict[nn.Parameter, str]()
    for name, parameter in list(own.named_parameters(remove_duplicate=False)):
        if parameters.setdefault(parameter, name) != name:
            set_tensors(own, {name: parameter.clone()}, {})
    return own


def folded(module: nn.Module, example: Tensor | tuple[Any, ...], keywords: Mapping[str, Any] | None = None) -> nn.Module:
    r"""Return a copy of a module that computes the same, with root-mean-square norms without scale and shift on its residual streams.

    .. math:: \text{LN}(x) = \gamma \circ \frac{M x}{\sqrt{\|M x\|^2 / D + \epsilon}} + \delta, \qquad M = 1 - \tfrac1D 1 1^\top

    What writes to a stream is centred, :math:`W \leftarrow M W`, so that nothing is left to take off; each layer that reads behind a norm
    takes over its scale and shift, :math:`W \leftarrow W \operatorname{diag}(\gamma)`, :math:`b \leftarrow b + W \delta`. Root-mean-square
    norms keep their writers. Then the function is unchanged under any orthogonal map O of the stream, :math:`W \leftarrow O W` of
    writers and :math:`W \leftarrow W O^\top` of readers: ``trace(same, example).apply(tensors, {stream.group: Orthogonal(O)})``.

    Parameters
    ----------
    module : nn.Module
        Not changed. Its norms are `nn.LayerNorm` or `nn.RMSNorm`, before its layers (`streams`).
    example : Tensor or tuple
        Inputs, at least two examples.
    keywords : mapping, optional
        Further inputs by name.

    Returns
    -------
    nn.Module
        With tensors of the same names, but for scales and shifts; a reader without biases gets them where there is a shift.

    Raises
    ------
    InputError
        If there is no residual stream, or one that cannot be folded.

    References
    ----------
    Theus et al. 2025, arXiv 2506.22712; Ashkboos et al. 2024, arXiv 2401.15024 (SliceGPT).
    """
    graph, parts = graph_with_streams(module, example, keywords)
    if not parts:
        raise InputError(f"a {type(module).__name__} has no residual stream: no norm that torch knows is in it.")
    own = copy.deepcopy(module)
    for stream in parts:
        set_tensors(own, folded_tensors(tensors_of(own), graph, stream), graph.tied)
        set_norms(own, stream.norms, graph.sizes[stream.group])
    return own


def folded_tensors(tensors: Mapping[str, Tensor], graph: Graph, stream: Stream) -> dict[str, Tensor]:
    """Return the tensors of a stream that a fold changes: its centred writers, and its readers with scales and shifts of their norms.

    Sums are taken in float64. A reader without biases has new ones where it takes over a shift, by the name ``....bias``.
    """
    changed = {name: tensors[name].double() for name in stream.writers} if any(norm.centres for norm in stream.norms) else {}
    for name, tensor in changed.items():
        for k, axis in enumerate(graph.axes[name]):
            if not axis.reads and stream.group in axis.groups:
                changed[name] = tensor - tensor.mean(k, keepdim=True)
    for norm in stream.norms:
        for reader in norm.readers:
            weight = tensors[reader.weight].double()
            (k,) = (k for k, axis in enumerate(graph.axes[reader.weight]) if axis.reads)
            if norm.shift is not None:
                shift = torch.tensordot(weight, tensors[norm.shift].double(), dims=([k], [0]))
                bias = reader.bias or f"{reader.weight.rpartition('.')[0]}.bias"
                changed[bias] = shift + (tensors[bias].double() if reader.bias else 0)
            if norm.scale is not None:
                changed[reader.weight] = weight * tensors[norm.scale].double().view([-1 if j == k else 1 for j in range(weight.dim())])
    return {name: tensor.to(tensors[next(iter(stream.writers))].dtype) for name, tensor in changed.items()}


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers of a module by name."""
    return {name: tensor.detach() for name, tensor in module.state_dict(keep_vars=True).items() if isinstance(tensor, Tensor)}


def set_tensors(module: nn.Module, tensors: Mapping[str, Tensor], tied: Mapping[str, str]) -> None:
    """Give a module other tensors, of whatever shapes; names that are tied share one.

    Raises
    ------
    InputError
        If the module has no such parameter or buffer, not even an empty one, as a layer without biases has.
    """
    for name, tensor in tensors.items():
        value = nn.Parameter(tensor.detach())
        for alias in (name, *(other for other, first in tied.items() if first == name)):
            path, _, attribute = alias.rpartition(".")
            owner = module.get_submodule(path)
            if attribute in owner._buffers:
                owner._buffers[attribute] = tensor.detach()
            elif attribute in owner._parameters:
                owner._parameters[attribute] = value
            else:
                raise InputError(f"{path or 'the module'} has no parameter {attribute!r}, to which a shift could be added.")


def set_norms(module: nn.Module, norms: Iterable[Norm], width: int, eps_factor: float = 1.0) -> None:
    """Give a module norms without scale and shift in the place of others."""
    for norm in norms:
        old = module.get_submodule(norm.module)
        if not isinstance(old, nn.LayerNorm | nn.RMSNorm):
            raise InputError(
                f"a norm must be an nn.LayerNorm or an nn.RMSNorm, but {norm.module or 'the module'} is a {type(old).__name__}."
            )
        eps = old.eps if old.eps is not None else torch.finfo(next(module.parameters()).dtype).eps
        new = nn.RMSNorm(width, eps * eps_factor, elementwise_affine=False).train(old.training)
        for name in [name for name, part in module.named_modules(remove_duplicate=False) if part is old]:
            path, _, attribute = name.rpartition(".")
            setattr(module.get_submodule(path), attribute, new)
