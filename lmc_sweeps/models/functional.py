"""Any `torch.nn.Module` as a pure function of a stack of its tensors: outputs, training-mode outputs, gradients.

A *stack* maps names of the module's parameters and buffers to tensors whose first axis counts networks, K. Tensors that it leaves out are
the module's own. Nothing of the module is changed, nor are the stack and the inputs: whatever a call sets is put back.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.devices import is_out_of_memory
from lmc_sweeps.models.module_inputs import called
from lmc_sweeps.models.module_layout import layout_of

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
OUTPUTS = "outputs"
Network = Callable[[Mapping[str, Tensor], Tensor], dict[str, Tensor]]  # from one network's tensors and a batch to tensors by name

# Whether torch.vmap takes a module, by module; without an entry it was not tried yet.
_takes_vmap: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()


def stacked_outputs(
    module: nn.Module, stack: Mapping[str, Tensor], inputs: Tensor, own_inputs: bool = False, vmap: bool | None = None
) -> Tensor:
    """Return the outputs of K networks in evaluation mode.

    Parameters
    ----------
    module : nn.Module
        The networks' code; one tensor in, one tensor out.
    stack : mapping of str to Tensor, shapes (K, ...)
    inputs : Tensor, shape (n, ...), or (K, n, ...) with `own_inputs`
    own_inputs : bool
        Whether each network has a batch of its own; otherwise all see the same one.
    vmap : bool, optional
        Whether to compute all networks at once where the module allows it; otherwise one after the other. By default what is faster:
        one after the other on a CPU for modules with convolutions (a stack of them is a grouped convolution: up to 2.4 times the time
        of the loop was measured), all at once elsewhere.

    Returns
    -------
    Tensor, shape (K, n, ...)

    Raises
    ------
    InputError
        If the module does not return one tensor.

    Notes
    -----
    A module that `torch.vmap` refuses (control flow that depends on values, random numbers, an operation that it cannot batch) is called
    once for each network, from then on without another try. What the module itself raises is raised.
    """

    def network(tensors: Mapping[str, Tensor], batch: Tensor) -> dict[str, Tensor]:
        return {OUTPUTS: call(module, dict(tensors), batch)}

    return over_stack(module, network, stack, inputs, own_inputs, vmap=vmap)[OUTPUTS]


def stacked_training_outputs(
    module: nn.Module,
    stack: Mapping[str, Tensor],
    inputs: Tensor,
    own_inputs: bool = True,
    all_layers: bool = False,
    vmap: bool | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the outputs of K networks whose batch norms are in training mode, and the buffers of the stack after that step.

    Parameters
    ----------
    module : nn.Module
    stack : mapping of str to Tensor, shapes (K, ...)
    inputs : Tensor, shape (K, n, ...), or (n, ...) without `own_inputs`
    own_inputs : bool
        Whether each network has a batch of its own.
    all_layers : bool
        Whether every layer is in training mode, dropout too, which then draws from PyTorch's generator, network by network; otherwise
        batch norms only.
    vmap : bool, optional
        As for `stacked_outputs`.

    Returns
    -------
    outputs : Tensor, shape (K, n, ...)
    buffers : dict of str to Tensor
        New values of those of the stack's tensors that are buffers of the module, e.g. running means.
    """
    buffers = _buffers_in(module, stack)

    def network(tensors: Mapping[str, Tensor], batch: Tensor) -> dict[str, Tensor]:
        held = {name: tensor.detach() if name in buffers else tensor for name, tensor in tensors.items()}
        outputs = call(module, held, batch)
        return {OUTPUTS: outputs, **{f"buffer {name}": held[name] for name in buffers}}

    if all_layers:
        vmap = False
    values = over_stack(module, network, stack, inputs, own_inputs, is_training=lambda layer: all_layers or is_batch_norm(layer), vmap=vmap)
    return values[OUTPUTS], {name: values[f"buffer {name}"] for name in buffers}


def stacked_gradients(
    module: nn.Module,
    stack: Mapping[str, Tensor],
    inputs: Tensor,
    at_outputs: Callable[[Tensor], Tensor],
    vmap: bool | None = None,
) -> dict[str, Tensor]:
    r"""Return the gradients of a loss L with respect to the stack, in evaluation mode, by the chain rule.

    .. math:: \partial L / \partial \theta = (\partial z / \partial \theta)^\top\, \partial L / \partial z

    Parameters
    ----------
    module : nn.Module
    stack : mapping of str to Tensor, shapes (K, ...)
    inputs : Tensor, shape (K, n, ...)
        One batch for each network.
    at_outputs : callable
        From the outputs z, (K, n, ...), to :math:`\partial L / \partial z`, of the same shape.
    vmap : bool, optional
        As for `stacked_outputs`.

    Returns
    -------
    dict of str to Tensor
        As `stack`; zero for buffers, such as running means, and for what the outputs do not depend on.
    """
    buffers = set(_buffers_in(module, stack))
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in stack.items() if name not in buffers}
    with torch.enable_grad():
        outputs = stacked_outputs(module, {**stack, **leaves}, inputs, own_inputs=True, vmap=vmap)
    values = torch.autograd.grad(outputs, list(leaves.values()), at_outputs(outputs.detach()), allow_unused=True)
    gradients = dict(zip(leaves, values, strict=True))
    return {name: torch.zeros_like(tensor) if gradients.get(name) is None else gradients[name] for name, tensor in stack.items()}


def is_batch_norm(layer: nn.Module) -> bool:
    """Return whether a layer is a batch norm."""
    return isinstance(layer, BATCH_NORMS)


def is_computed_at_once(module: nn.Module, stack: Mapping[str, Tensor]) -> bool:
    """Return whether a stack is computed at once by default, and not one network after the other, as far as is known before it is tried."""
    return _is_faster_at_once(module, stack) and _takes_vmap.get(module, True)


def over_stack(
    module: nn.Module,
    network: Network,
    stack: Mapping[str, Tensor],
    inputs: Tensor,
    own_inputs: bool,
    *,
    is_training: Callable[[nn.Module], bool] = lambda layer: False,
    vmap: bool | None = None,
) -> dict[str, Tensor]:
    """Return what a function of one network's tensors returns, for every network of a stack; the K results are stacked by name.

    Parameters
    ----------
    module : nn.Module
    network : callable
        From one network's tensors and a batch to a dict of tensors; it calls the module.
    stack : mapping of str to Tensor, shapes (K, ...)
    inputs : Tensor, shape (n, ...), or (K, n, ...) with `own_inputs`
    own_inputs : bool
        Whether each network has a batch of its own.
    is_training : callable
        Which of the module's layers are in training mode; none by default.
    vmap : bool, optional
        As for `stacked_outputs`.
    """
    held = dict(stack)
    if vmap is None:
        vmap = _is_faster_at_once(module, held)
    with _borrowed(module, is_training):
        if vmap and _takes_vmap.get(module, True) and _size(held) > 1:
            refusal: Exception
            try:
                return _at_once(module, network, held, inputs, own_inputs)
            except Exception as error:  # whatever a module of the caller's own raises
                refusal = error
            values = _one_by_one(network, held, inputs, own_inputs)  # an error of the module's own comes out of here
            if not is_out_of_memory(refusal):
                _takes_vmap[module] = False
            return values
        return _one_by_one(network, held, inputs, own_inputs)


def _buffers_in(module: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of those of the module's buffers that have a value among some tensors."""
    return [name for name in layout_of(module).buffers if name in tensors]


def call(module: nn.Module, tensors: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """Return the outputs of one network; `tensors` holds the values of its buffers after the call."""
    layout = layout_of(module)
    # A module may change its buffers in place.
    tensors |= {name: tensors[name].clone() for name in layout.buffers if name in tensors}
    tensors |= {name: buffer.clone() for name, buffer in layout.own_buffers(tensors)}
    with layout.holding(tensors):
        outputs = called(module, inputs, is_copied=torch._C._functorch.is_functorch_wrapped_tensor(inputs))
    if not isinstance(outputs, Tensor):
        raise InputError(f"a network must return one tensor, and a {type(module).__name__} returned a {type(outputs).__name__}.")
    return outputs


def _one_by_one(network: Network, stack: Mapping[str, Tensor], inputs: Tensor, own_inputs: bool) -> dict[str, Tensor]:
    if _size(stack) == 1:  # without a copy, forward and backward
        one = network({name: tensor.squeeze(0) for name, tensor in stack.items()}, inputs.squeeze(0) if own_inputs else inputs)
        return {name: tensor.unsqueeze(0) for name, tensor in one.items()}
    values = [
        network({name: tensor[k] for name, tensor in stack.items()}, inputs[k] if own_inputs else inputs) for k in range(_size(stack))
    ]
    return {name: torch.stack([each[name] for each in values]) for name in values[0]}


def _at_once(module: nn.Module, network: Network, stack: dict[str, Tensor], inputs: Tensor, own_inputs: bool) -> dict[str, Tensor]:
    stacked: Any = torch.vmap(network, in_dims=(0, 0 if own_inputs else None))
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # of a transformer's layers: one kernel, which cannot be batched
    try:
        if module in _takes_vmap:
            return stacked(stack, inputs)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "There is a performance drop")  # an operation that is computed one by one: no gain
            values = stacked(stack, inputs)
        _takes_vmap[module] = True
        return values
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _is_faster_at_once(module: nn.Module, stack: Mapping[str, Tensor]) -> bool:
    on_cpu = next(iter(stack.values())).device.type == "cpu"
    return not (on_cpu and any(isinstance(layer, CONVOLUTIONS) for layer in (module, *layout_of(module).layers)))


def _size(stack: Mapping[str, Tensor]) -> int:
    return len(next(iter(stack.values())))


@contextmanager
def _borrowed(module: nn.Module, is_training: Callable[[nn.Module], bool]) -> Iterator[None]:
    """Set the mode of every layer, and put back the attributes of all layers afterwards: a network may set some as it is called."""
    before = [(layer, dict(vars(layer))) for layer in (module, *layout_of(module).layers)]
    try:
        for layer, _ in before:
            vars(layer)["training"] = is_training(layer)  # a module's own assignment looks for parameters first: ten times as slow
        yield
    finally:
        for layer, attributes in before:
            held = vars(layer)
            held.update(attributes)
            if len(held) > len(attributes):
                for key in held.keys() - attributes.keys():
                    del held[key]
