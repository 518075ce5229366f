"""Permutations of neurons, and what they do to a network.

One direction everywhere: ``aligned = weight_b[permutation]``, so ``permutation[i]`` is the neuron of B that is placed at neuron i of A.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from lmc_sweeps.common.checks import InputError


@dataclass(frozen=True)
class PermutationSpec:
    """Which axis of which parameter a permutation group moves.

    A group is a set of neurons that can be relabelled together; its name is the name of the layer that computes them.

    Parameters
    ----------
    axes : mapping of str to tuple of (str or None)
        For every parameter, one entry per axis: the group that permutes it, or None. The first axis is the output axis. E.g.
        ``{"hidden.weight": ("hidden", None), "hidden.bias": ("hidden",), "output.weight": (None, "hidden"), "output.bias": (None,)}``.

    References
    ----------
    The permutation as data: Ainsworth et al. 2023 (Git Re-Basin).
    """

    axes: Mapping[str, tuple[str | None, ...]]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, in the order in which their neurons are computed (first appearance as an output axis)."""
        return tuple(dict.fromkeys(axes[0] for axes in self.axes.values() if axes and axes[0] is not None))

    def incoming(self, group: str, biases: bool = False) -> tuple[str, ...]:
        """Return the parameters that compute a group: its incoming weights, and its biases when asked for."""
        return tuple(p for p, axes in self.axes.items() if axes and axes[0] == group and (len(axes) > 1 or biases))

    def sizes(self, parameters: Mapping[str, torch.Tensor | np.ndarray]) -> dict[str, int]:
        """Return the number of neurons of each group, after checking the parameters against the specification.

        Raises
        ------
        InputError
            If a parameter is missing, has another number of axes, or gives a group a second size.
        """
        sizes: dict[str, int] = {}
        for name, axes in self.axes.items():
            if name not in parameters:
                raise InputError(f"the permutation specification names {name!r}, which the network lacks; it has {', '.join(parameters)}.")
            shape = tuple(parameters[name].shape)
            if len(shape) != len(axes):
                raise InputError(f"{name!r} has {len(shape)} axes {shape}, but the permutation specification gives it {len(axes)}.")
            for group, size in zip(axes, shape, strict=True):
                if group is not None and sizes.setdefault(group, size) != size:
                    raise InputError(f"group {group!r} has {sizes[group]} neurons, but {name!r} of shape {shape} gives it {size}.")
        missing = [name for name in parameters if name not in self.axes]
        if missing:
            raise InputError(f"the permutation specification lacks the parameters {', '.join(missing)}.")
        return sizes


def is_permutation(permutation: np.ndarray) -> bool:
    """Return whether an index array is a permutation of 0, ..., n - 1."""
    return bool(np.array_equal(np.sort(permutation), np.arange(len(permutation))))


def inverse(permutation: np.ndarray) -> np.ndarray:
    """Return the permutation that undoes `permutation`."""
    return np.argsort(permutation)


def from_coupling(coupling: np.ndarray) -> tuple[np.ndarray, bool]:
    r"""Return the permutation that a coupling describes, and whether the coupling is one.

    By Birkhoff's theorem the extreme couplings of two uniform measures on n points are the permutation matrices divided by n. Another
    coupling (entropic transport, say) is rounded to the permutation that keeps the most of its mass.

    Parameters
    ----------
    coupling : ndarray, shape (n, n)
        Rows are neurons of A, columns neurons of B; the mass is 1.

    Returns
    -------
    permutation : ndarray of int, shape (n,)
    exact : bool
        Whether every row and every column has one entry of 1/n and no other mass.

    References
    ----------
    Ferbach et al. 2024, lemma B.3.
    """
    from scipy.optimize import linear_sum_assignment  # SciPy's optimizers take 0.2 s to import, and most couplings are exact

    n = len(coupling)
    permutation = np.asarray(coupling.argmax(axis=1))
    exact = is_permutation(permutation) and bool(np.allclose(coupling[np.arange(n), permutation] * n, 1.0, rtol=0.0, atol=1e-9))
    if not exact:
        permutation = linear_sum_assignment(coupling, maximize=True)[1]
    return permutation.astype(np.int64), exact


def permute(tensor: torch.Tensor, axes: tuple[str | None, ...], permutations: Mapping[str, np.ndarray]) -> torch.Tensor:
    """Return `tensor` with each axis that belongs to a group in `permutations` reordered; other axes stay."""
    for axis, group in enumerate(axes):
        if group is not None and group in permutations:
            tensor = tensor.index_select(axis, torch.as_tensor(permutations[group], device=tensor.device))
    return tensor


def apply_permutations(
    parameters: Mapping[str, torch.Tensor], spec: PermutationSpec, permutations: Mapping[str, np.ndarray]
) -> dict[str, torch.Tensor]:
    r"""Return the parameters of the permuted network, which computes the same function.

    .. math:: W^l \leftarrow W^l[\pi_l, :], \quad b^l \leftarrow b^l[\pi_l], \quad W^{l+1} \leftarrow W^{l+1}[:, \pi_l]

    Parameters
    ----------
    parameters : mapping of str to Tensor
        Of network B; not changed.
    spec : PermutationSpec
    permutations : mapping of str to ndarray of int, shape (n_group,)

    Returns
    -------
    dict of str to Tensor

    Raises
    ------
    InputError
        If an index array is not a permutation of its group's neurons.
    """
    for group, size in spec.sizes(parameters).items():
        if group in permutations and (len(permutations[group]) != size or not is_permutation(permutations[group])):
            raise InputError(f"group {group!r} needs a permutation of 0, ..., {size - 1}, got {np.asarray(permutations[group]).tolist()}.")
    return {name: permute(tensor, spec.axes[name], permutations) for name, tensor in parameters.items()}
