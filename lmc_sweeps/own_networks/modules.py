"""Networks that a caller brings to `compare`: a copy of each, checked, and the differences between two that one can see."""

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrize

from lmc_sweeps.common.checks import InputError, first_line
from lmc_sweeps.common.devices import is_out_of_memory

# Modules that only call another one, under which name they hold it.
WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, torch.optim.swa_utils.AveragedModel)
UNSEEN = ("training", "inplace", "num_batches_tracked")  # attributes that change no output in evaluation mode
TYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class OwnNetwork:
    """A copy of a caller's network, in evaluation mode.

    `parameters` are its parameters and persistent buffers of finite floating-point numbers, each once; `aliases` maps other names of the
    same tensor to the one there; `prefix` is what a wrapper puts before all names; `types` are those of the caller's parameters, each once.
    """

    name: str
    module: nn.Module
    parameters: dict[str, Tensor]
    aliases: dict[str, str]
    prefix: str
    types: tuple[str, ...]

    @property
    def buffers(self) -> frozenset[str]:
        """The names of those of `parameters` that are buffers: statistics, and constants."""
        return frozenset(self.parameters.keys() & dict(self.module.named_buffers()).keys())

    def to(self, kind: torch.dtype, device: torch.device) -> "OwnNetwork":
        """Return it in another type of floating-point numbers, on a device."""
        moved = {name: tensor.to(device, kind) for name, tensor in self.parameters.items()}
        return replace(self, module=copy.deepcopy(self.module).to(device, kind), parameters=moved)

    def outputs(self, split: str, inputs: Tensor, parameters: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the outputs of the network's own forward, with its own parameters or with others of their names.

        Raises
        ------
        InputError
            If it does not take the inputs, or returns something else than one tensor with a row per example.
        """
        held = self.parameters if parameters is None else parameters
        return checked(self, split, inputs, lambda values: functional_call(self.module, dict(held), (values,)))


def own_network(name: str, network: Any) -> OwnNetwork:
    """Return a copy of a caller's network; the network itself is only read.

    Parameters
    ----------
    name : str
        What messages call it.
    network : nn.Module
        A `DataParallel`, a compiled or an averaged module stands for what it wraps.

    Raises
    ------
    InputError
        If it is not a module, or its parameters are not plain dense tensors of finite floating-point numbers.
    """
    inner, prefix = _unwrapped(name, network)
    _check_plain(name, inner)
    try:
        module = copy.deepcopy(inner).eval()
    except Exception as error:  # whatever a module of the caller's own holds
        raise InputError(f"{name} cannot be copied (copy.deepcopy raised {type(error).__name__}), so it cannot be measured.") from error
    parameters, aliases = {}, {}
    first: dict[int, str] = {}
    constants = {key for key, tensor in module.named_buffers() if not bool(torch.isfinite(tensor).all())}  # a causal mask, say
    for key, tensor in _tensors(module):
        if tensor.is_floating_point() and key not in constants:
            if (first_name := first.setdefault(id(tensor), key)) != key:
                aliases[key] = first_name
            else:
                parameters[key] = tensor.detach()
    if not parameters:
        raise InputError(f"{name}, a {type(inner).__name__}, has no parameters: there is nothing to match.")
    bad = [key for key, tensor in parameters.items() if not bool(torch.isfinite(tensor).all())]
    if bad:
        raise InputError(f"networks must have finite weights, and {bad[0]!r} has others.")
    types = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in parameters.values()})
    return OwnNetwork(name, module, parameters, aliases, prefix, tuple(types))


def _unwrapped(name: str, network: Any) -> tuple[nn.Module, str]:
    """Return the module inside of wrappers, and the prefix that they give to its names."""
    if isinstance(network, Mapping):
        kind = type(network).__name__
        raise InputError(
            f"{name} is a state dict ({kind}), not a module: build the module, load it with `load_state_dict`, pass the module."
        )
    if isinstance(network, str | bytes | PathLike):
        raise InputError(
            f"{name} is a path, {str(network)!r}, not a module: load the file into a module first, or compare two safetensors files with "
            "the command lmc-sweeps-compare."
        )
    if isinstance(network, type):
        raise InputError(f"{name} is the class {network.__name__}, not a network of it: pass an instance.")
    prefix = ""
    while isinstance(network, nn.Module):
        if isinstance(network, WRAPPERS):
            network, prefix = network.module, f"{prefix}module."
        elif isinstance(inner := getattr(network, "_orig_mod", None), nn.Module):  # torch.compile's
            network, prefix = inner, f"{prefix}_orig_mod."
        elif isinstance(network, torch.jit.ScriptModule):
            raise InputError(f"{name} is a {type(network).__name__}, code of TorchScript: pass the module that it was made of.")
        else:
            return network, prefix
    raise InputError(f"{name} must be a torch.nn.Module, got {type(network).__name__}.")


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield parameters and persistent buffers with their names in the state dict, those of one tensor each."""
    persistent = set(module.state_dict())
    yield from module.named_parameters(remove_duplicate=False)
    yield from ((key, tensor) for key, tensor in module.named_buffers(remove_duplicate=False) if key in persistent)


def _check_plain(name: str, module: nn.Module) -> None:
    for name_of_part, part in module.named_modules():
        prefix = f"{name_of_part}." if name_of_part else ""
        # An older weight_norm, spectral_norm or pruning recomputes the weight in a hook.
        hooks = [type(hook) for hook in part._forward_pre_hooks.values() if type(hook).__module__.startswith("torch.nn.utils.")]
        names = list(part.parametrizations) if parametrize.is_parametrized(part) else ["weight"] * bool(hooks)
        if names:
            raise InputError(
                f"{name} has a parametrised weight, '{prefix}{names[0]}', of which a line has two meanings: make it plain first, by "
                "torch.nn.utils.parametrize.remove_parametrizations (remove_weight_norm, remove_spectral_norm, prune.remove)."
            )
    shared: dict[int, str] = {}
    for key, tensor in (*module.named_parameters(), *module.named_buffers()):
        if not nn.parameter.is_lazy(tensor) and not tensor.is_meta and tensor.layout == torch.strided and tensor.numel():
            if (other := shared.setdefault(tensor.data_ptr(), key)) != key:
                raise InputError(
                    f"{name} has {other!r} and {key!r} in the same memory, though they are two tensors: a state dict could give them two "
                    "values. Make them one (module.weight = other.weight), or copy one of them."
                )
        if nn.parameter.is_lazy(tensor) or tensor.is_meta:
            raise InputError(f"{name} has no values yet in {key!r} (a lazy or a meta module): call it once, or load its weights.")
        if tensor.is_complex() or tensor.is_quantized or (tensor.is_floating_point() and tensor.dtype not in TYPES):
            kinds = ", ".join(str(kind).removeprefix("torch.") for kind in TYPES)
            raise InputError(f"{name} must have weights in one of {kinds}, and {key!r} is in {str(tensor.dtype).removeprefix('torch.')}.")
        if tensor.layout != torch.strided:
            raise InputError(f"{name} must have dense weights, and {key!r} is {tensor.layout}; `.to_dense()` makes it so.")


def check_same(a: OwnNetwork, b: OwnNetwork) -> None:
    """Raise `InputError` unless both networks have the same tensors, of the same shapes, tied in the same way."""
    for key in dict.fromkeys([*a.parameters, *b.parameters]):
        shapes = [tuple(net.parameters[key].shape) if key in net.parameters else net.aliases.get(key, "missing") for net in (a, b)]
        if shapes[0] != shapes[1]:
            raise InputError(f"network A and network B differ in {key!r}: {shapes[0]} against {shapes[1]}.")
    if a.aliases != b.aliases:
        key = next(iter(dict(a.aliases.items() ^ b.aliases.items())))
        raise InputError(f"network A and network B differ in {key!r}: it is tied to another parameter in one of them only.")


def checked(network: OwnNetwork, split: str, inputs: Tensor, call: Callable[[Tensor], Any]) -> Tensor:
    """Return the outputs that a call gives, one row per example, or say in a sentence what it takes or gives instead."""
    name = network.name
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a network warns of, its owner knows
            logits = call(inputs.clone())  # a module may change its inputs in place
    except Exception as error:
        if is_out_of_memory(error):
            raise
        shape, kind = tuple(inputs.shape[1:]), str(inputs.dtype).removeprefix("torch.")
        first = next((key for key, tensor in network.parameters.items() if tensor.dim() > 1), next(iter(network.parameters)))
        raise InputError(
            f"`{split}` has inputs of shape {shape} in {kind}, which {name} does not take: its forward raised {first_line(error)} "
            f"Its first weights, {first!r}, have shape {tuple(network.parameters[first].shape)}{_hints(network, first)}."
        ) from error
    if not isinstance(logits, Tensor):
        kind = type(logits).__name__ + (f" of {', '.join(map(repr, logits))}" if isinstance(logits, Mapping) else "")
        raise InputError(
            f"{name} must return one tensor of logits, (examples, classes), got a {kind}: wrap it in a module whose forward returns the "
            "logits."
        )
    if logits.shape[:1] != inputs.shape[:1]:
        raise InputError(
            f"{name} must return outputs with one row per example, as (examples, classes) or (examples, positions, classes), got "
            f"{tuple(logits.shape)} for {len(inputs)} examples of shape {tuple(inputs.shape[1:])}."
        )
    if not logits.is_floating_point():
        raise InputError(f"{name} must return logits in floating-point numbers, got {logits.dtype}.")
    return logits


def _hints(network: OwnNetwork, first: str) -> str:
    kind = str(network.parameters[first].dtype).removeprefix("torch.")
    has_embedding = any(isinstance(part, nn.Embedding | nn.EmbeddingBag) for part in network.module.modules())
    ids = "; ids of an embedding must be integers below its size" if has_embedding else ""
    return ids + (
        f"; it is in {', '.join(network.types)} and measured in {kind}, which its code must take" if network.types != (kind,) else ""
    )


def differences(a: nn.Module, b: nn.Module) -> str:
    """Return in words the first difference between two modules that one can see, or nothing."""
    parts = [dict(module.named_modules()) for module in (a, b)]
    for part_name in dict.fromkeys([*parts[0], *parts[1]]):
        visible_a, visible_b = (visible(part.get(part_name)) for part in parts)
        for key in (key for key in {**visible_a, **visible_b} if repr(visible_a.get(key)) != repr(visible_b.get(key))):
            attribute = f"{part_name or 'the network'} {key}".strip()
            is_short = not isinstance(visible_a.get(key), list)
            return f" ({attribute}: {visible_a.get(key)} against {visible_b.get(key)})" if is_short else f" ({attribute} has other values)"
    return ""


def visible(module: nn.Module | None) -> dict[str, Any]:
    """Return what can be seen of a module beside its parameters: its type, plain attributes, and tensors that are not measured."""
    if module is None:
        return {"": "missing"}
    plain = {key: value for key, value in vars(module).items() if isinstance(value, bool | int | float | str | tuple)}
    plain |= {key: value.__name__ for key, value in vars(module).items() if isinstance(value, FunctionType | BuiltinFunctionType)}
    held = {key: value for key, value in vars(module).items() if isinstance(value, Tensor)} | dict(module.named_buffers(recurse=False))
    measured = set(module._buffers) - module._non_persistent_buffers_set
    others = [key for key in held if key not in measured or not held[key].is_floating_point()]
    shown = {"": type(module).__name__} | plain | {key: held[key].flatten().tolist() for key in others}
    return {key: value for key, value in shown.items() if key[:1] != "_" and key not in UNSEEN}
