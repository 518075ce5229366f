"""Data that a caller brings to `compare`: examples and their labels, read once, and checked before anything is computed."""

from typing import Any

import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.criteria import CROSS_ENTROPY, Criterion
from lmc_sweeps.own_networks.reading import read_examples


def own_split(
    name: str, data: Any, criterion: Criterion = CROSS_ENTROPY, max_examples: int | None = None, seed: int = 0
) -> tuple[Split, list[str]]:
    """Return a caller's data as a split, inputs and labels in their own type and shape, and notes on what was read.

    A dataset may augment its examples at random, and a loader shuffle them: both are read once, with PyTorch's random numbers drawn from
    `seed`; the caller's own state of them stays as it was.

    Parameters
    ----------
    name : str
        What messages call the data.
    data : (inputs, labels), map-style dataset or DataLoader
        See `read_examples`.
    criterion : Criterion
        What the labels are for.
    max_examples : int, optional
        The most examples that are read.
    seed : int

    Raises
    ------
    InputError
        If they cannot be read, or are empty, not finite, or without a label of the criterion's type for each example.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(generator(seed, "reading", name).integers(2**63)))
        inputs, labels, notes = read_examples(name, data, max_examples)
    if inputs.is_complex() or inputs.is_quantized or inputs.layout != torch.strided:
        raise InputError(f"`{name}` must have inputs in a dense tensor of real numbers, got {inputs.dtype} ({inputs.layout}).")
    if inputs.dim() == 0 or labels.dim() == 0:
        raise InputError(f"`{name}` must have inputs and labels of several examples, got single numbers.")
    if len(inputs) == 0:
        raise InputError(f"`{name}` has no examples: its inputs have shape {tuple(inputs.shape)}.")
    criterion.check_type(labels, name)
    if len(labels) != len(inputs):
        raise InputError(f"`{name}` needs one label per input, got inputs {tuple(inputs.shape)} and labels {tuple(labels.shape)}.")
    if inputs.is_floating_point():
        bad = (~torch.isfinite(inputs)).flatten(1).any(1) if inputs.dim() > 1 else ~torch.isfinite(inputs)
        if bool(bad.any()):
            raise InputError(
                f"`{name}` must have finite inputs; {int(bad.sum())} of {len(inputs)} examples hold NaN or infinity, the first is example "
                f"{int(bad.nonzero()[0])}."
            )
    return Split(inputs, labels), notes
