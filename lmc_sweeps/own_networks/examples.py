"""The examples that two networks of a caller's are measured on, as the networks take them, once the proofs have passed on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.criteria import CrossEntropy
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks.modules import OwnNetwork
from lmc_sweeps.own_networks.proof import check_code, check_forwards, check_specification, probes, taken_inputs
from lmc_sweeps.own_networks.specification import check_methods


@dataclass(frozen=True)
class Examples:
    """The training examples for the statistics, those of them that the path is evaluated on, and the test examples."""

    train: Split
    path: Split
    test: Split

    def taken(self, architecture: Architecture) -> "Examples":
        """Return them as an architecture takes them: a chain, as vectors."""
        return Examples(*(Split(architecture.taken(split.inputs), split.labels) for split in (self.train, self.path, self.test)))

    def notes(self, architecture: Architecture) -> list[str]:
        """Return what has to be known of the numbers: on how many examples, in which unit, which labels do not count."""
        notes = []
        if len(self.path) < len(self.train):
            notes.append(
                f"`train`: the path was evaluated on {len(self.path):,} of {len(self.train):,} training examples, spread evenly "
                "(train_examples); the statistics for matching are those of all."
            )
        criterion = architecture.criterion
        if not isinstance(criterion, CrossEntropy) or self.test.labels.dim() > 1:
            unit = "nats per token" if isinstance(criterion, CrossEntropy) else criterion.unit
            notes.append(f"criterion: {criterion.name}; losses are in {unit}.")
        for name, split in (("train", self.train), ("test", self.test)):
            count, items = criterion.count(split.labels), criterion.items(split.labels).numel()
            if count < items:
                notes.append(f"`{name}`: {items - count:,} of {items:,} labels are -100, and are not counted.")
        return notes


def taken_examples(architecture: Architecture, a: OwnNetwork, splits: Mapping[str, Split], train_examples: int | None) -> Examples:
    """Return the examples as the networks take them, and the labels as the criterion does.

    Raises
    ------
    InputError
        If the networks do not take the inputs, or outputs and labels do not fit the criterion.
    """
    is_chain = not isinstance(architecture, TorchModule)
    train, test = (_taken(architecture, a, name, splits[name], is_chain) for name in ("train", "test"))
    splits_taken = (train, train.at_most(train_examples), test)
    return Examples(*(Split(_fast_layout(a, split.inputs), split.labels) for split in splits_taken))


def _fast_layout(a: OwnNetwork, inputs: Tensor) -> Tensor:
    """Return images with their channels last in memory, where the network takes them so.

    Measured on a CPU: convolutions take 0.4 to 0.7 of the time, and the largest logit changes by some 1e-7.
    """
    convolves = any(isinstance(module, nn.Conv2d) for module in a.module.modules())
    if inputs.dim() != 4 or inputs.device.type != "cpu" or not inputs.is_floating_point() or not convolves:
        return inputs
    few = inputs[:2].to(memory_format=torch.channels_last)
    try:
        a.outputs("train", few)
    except InputError:  # it looks at its tensors by `view`
        return inputs
    return inputs.to(memory_format=torch.channels_last)


def check_networks(
    architecture: Architecture, a: OwnNetwork, b: OwnNetwork, examples: Examples, methods: Sequence[Matching], batch_size: int
) -> list[str]:
    """Return notes on what methods cannot see; raise `InputError` if a proof fails: of code, symmetries, methods, or forwards."""
    few = probes(a, examples.train)
    check_code(a, b, few)
    notes: list[str] = []
    if isinstance(architecture, TorchModule):
        check_specification(b, architecture.graph(b.parameters), few)
        notes = check_methods(architecture, b, architecture.uses(b.parameters, few), methods)
    check_forwards(architecture, a, b, {"train": examples.path, "test": examples.test}, batch_size)
    return notes


def _taken(architecture: Architecture, a: OwnNetwork, name: str, split: Split, is_chain: bool) -> Split:
    """Return a split as the networks take it: on their device, inputs in their type, and flat for a chain that does not flatten them."""
    weights = next(iter(a.parameters.values()))
    split = split.to(weights.device)
    if is_chain and not isinstance(architecture.criterion, CrossEntropy) and isinstance([*a.module.children()][-1], nn.Softmax):
        raise InputError(
            f"{a.name} ends in a softmax, whose logarithms are measured, which fits criterion='{CrossEntropy.name}' and not "
            f"'{architecture.criterion.name}'."
        )
    is_as_taken = not is_chain or split.inputs.dim() == 1 or isinstance(next(iter(a.module)), nn.Flatten)  # type: ignore[call-overload]
    inputs = taken_inputs(a, name, split.inputs if is_as_taken else split.inputs.flatten(1), weights.dtype, is_chain)
    return Split(inputs, architecture.criterion.check(a.outputs(name, inputs[:2]), split.labels, name))
