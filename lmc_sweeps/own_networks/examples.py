"""The examples that two networks of a caller's are measured on, once it is proved that what is measured is what the networks compute."""

from collections.abc import Mapping, Sequence

from torch import nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks.modules import OwnNetwork
from lmc_sweeps.own_networks.proof import check_code, check_forwards, check_specification, probes, taken_inputs
from lmc_sweeps.own_networks.specification import check_methods


def measured_splits(
    architecture: Architecture, a: OwnNetwork, b: OwnNetwork, splits: Mapping[str, Split], methods: Sequence[Matching], batch_size: int
) -> tuple[Split, Split, list[str]]:
    """Return the train and the test split as the architecture takes them, and notes on what methods cannot see.

    Raises
    ------
    InputError
        If the networks do not take the inputs, labels are not among their classes, or a proof fails: of the code, the permutation
        specification, the methods or the forwards.
    """
    is_chain = not isinstance(architecture, TorchModule)
    taken = {name: _taken(a, name, split, is_chain) for name, split in splits.items()}
    few = probes(taken["train"])
    check_code(a, b, few)
    notes: list[str] = []
    if isinstance(architecture, TorchModule):
        check_specification(b, architecture.graph(b.parameters), few)
        notes = check_methods(architecture, b, architecture.uses(b.parameters, few), methods)
    check_forwards(architecture, a, b, taken, batch_size)
    train, test = (Split(taken[name].inputs.flatten(1), taken[name].labels) if is_chain else taken[name] for name in ("train", "test"))
    return train, test, notes


def _taken(a: OwnNetwork, name: str, split: Split, is_chain: bool) -> Split:
    """Return a split as the networks take it: on their device, inputs in their type, and flat for a chain that does not flatten them."""
    weights = next(iter(a.parameters.values()))
    split = split.to(weights.device)
    is_as_taken = not is_chain or split.inputs.dim() == 1 or isinstance(next(iter(a.module)), nn.Flatten)  # type: ignore[call-overload]
    inputs = taken_inputs(a, name, split.inputs if is_as_taken else split.inputs.flatten(1), weights.dtype, is_chain)
    classes = a.outputs(name, inputs[:2]).shape[1]
    low, high = int(split.labels.min()), int(split.labels.max())
    if low < 0 or high >= classes:
        raise InputError(f"`{name}` must have labels in 0, ..., {classes - 1}, got labels from {low} to {high}.")
    return Split(inputs, split.labels)
