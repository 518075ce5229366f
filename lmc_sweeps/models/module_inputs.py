"""Calls of a module that leave its inputs as they are: only one that changes them in place is given copies, for these take time."""

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.module_layout import layout_of

Modes = tuple[bool, ...]  # which layers are in training mode

# Whether a module changes its inputs, by module and modes (dropout in place does so in training only); without an entry it was not called.
_changes_inputs: WeakKeyDictionary[nn.Module, dict[Modes, bool]] = WeakKeyDictionary()


def called(module: nn.Module, inputs: Tensor, is_copied: bool = False) -> Any:
    """Return what a module returns; its inputs are the same afterwards.

    Its first call is on a copy, which shows whether it changes them.

    Parameters
    ----------
    module : nn.Module
    inputs : Tensor
    is_copied : bool
        Whether to call it on a copy in any case: where inputs do not count their changes.

    Raises
    ------
    InputError
        If a module that has left inputs as they are changes them.
    """
    if is_copied or inputs.is_inference() or inputs.is_meta:
        return module(inputs.clone())
    of_module = _changes_inputs.setdefault(module, {})
    modes = tuple(layer.training for layer in (module, *layout_of(module).layers))
    if of_module.get(modes, True):
        copy = inputs.clone()
        outputs = module(copy)
        # Changes through `.data` or NumPy are not counted: the values themselves are looked at once.
        if modes not in of_module:
            of_module[modes] = copy._version > 0 or not torch.equal(copy, inputs)
        return outputs
    before = inputs._version
    outputs = module(inputs)
    if inputs._version != before:
        raise InputError(
            f"a {type(module).__name__} changes its inputs in place in some calls and not in others, so that they cannot be kept as they "
            "are; let it change a copy: `x = x.clone()`."
        )
    return outputs
