"""How large a network is and what it computes, from which memory and time are estimated before anything is computed."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    r"""The size of one network, and what it computes for one example.

    Parameters
    ----------
    parameters : int
        The numbers in its tensors, P.
    activations : int
        The numbers that are held on the way from an example to its logits, both of them included.
    operations : int
        Floating-point operations of the forward pass on one example: 2 P where every weight is used once. Training takes three times as
        many.
    operations_at_ends : int
        Those of them that a line needs at A and at B only, because what they compute is linear in t.
    outputs : int
        The numbers in its output for one example: a logit for each class, of tokens for each class at each position.
    repair_passes : int
        Forward passes in which a repair sees all hidden layers that have a bias, each once those before it are repaired.
    neurons : mapping of str to int
        The size of each group.
    inputs : mapping of str to int
        The columns of what else feeds a group, by source.
    """

    parameters: int
    activations: int
    operations: int
    operations_at_ends: int
    outputs: int
    repair_passes: int
    neurons: Mapping[str, int]
    inputs: Mapping[str, int]
