"""What is applied to a group of neurons of network B: a permutation, a coupling of two numbers of neurons, an orthogonal matrix."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import inverse, is_permutation

BLOCK = 256  # rows of Q Q' that are looked at together
TOLERANCE = 1e-6  # of an entry of Q Q', and of the mass of a coupling


class Map(ABC):
    r"""A map from the neurons of a group of B to those of A.

    It has two sides: *rows* R, of shape (n_a, n_b), for what belongs to the neurons themselves (weights that lead to them, biases, scales),
    and *columns* C, of the same shape, for what reads them. A layer between two mapped groups becomes

    .. math:: \tilde W^l = R_l\, W_B^l\, C_{l-1}^\top

    and a network whose activation functions act on single neurons is unchanged wherever :math:`C^\top R = I` and R has one entry a row.
    """

    n_a: int
    n_b: int

    @property
    def is_permutation(self) -> bool:
        """Whether the map puts each neuron of B in the place of one neuron of A."""
        return False

    @abstractmethod
    def apply(self, tensor: Tensor, axis: int, *, reads: bool) -> Tensor:
        """Return a tensor of B with one of its axes, of n_b places, mapped to n_a; `reads` chooses the columns in place of the rows."""

    def of_reordered(self, order: np.ndarray) -> "Map":
        """Return the map of B's neurons in their own order, given this one of B with ``order[i]`` in the place of neuron i."""
        raise InputError(f"a {type(self).__name__} cannot follow a permutation, as `shuffled` asks for.")


@dataclass(frozen=True, eq=False)
class Permutation(Map):
    """Neuron ``order[i]`` of B is put in the place of neuron i of A: R = C, and ``R W = W[order]``."""

    order: np.ndarray  # (n,)

    def __post_init__(self) -> None:
        order = np.asarray(self.order)
        if order.ndim != 1 or order.dtype.kind not in "iu" or not is_permutation(order):
            raise InputError(f"a permutation must be an order of 0, ..., {order.size - 1}, got {order.tolist()}.")

    @property
    def n_a(self) -> int:  # type: ignore[override]
        return len(self.order)

    @property
    def n_b(self) -> int:  # type: ignore[override]
        return len(self.order)

    @property
    def is_permutation(self) -> bool:
        return True

    def apply(self, tensor: Tensor, axis: int, *, reads: bool = False) -> Tensor:
        return tensor.index_select(axis, torch.as_tensor(self.order, device=tensor.device))

    def of_reordered(self, order: np.ndarray) -> "Permutation":
        return self.after(Permutation(order))

    def inverse(self) -> "Permutation":
        """Return the map that puts every neuron back."""
        return Permutation(inverse(self.order))

    def after(self, first: "Permutation") -> "Permutation":
        """Return the one map that does `first`, then this one: ``W[first.order][self.order]``."""
        return Permutation(first.order[self.order])


def as_map(group: str, mapping: Map | np.ndarray) -> Map:
    """Return the map of a group, of an order of its neurons the permutation."""
    if isinstance(mapping, Map):
        return mapping
    try:
        return Permutation(mapping)
    except InputError:
        raise InputError(
            f"group {group!r} needs a permutation of 0, ..., {len(mapping) - 1}, got {np.asarray(mapping).tolist()}."
        ) from None


def permutations_of(maps: Mapping[str, Map | np.ndarray]) -> dict[str, np.ndarray]:
    """Return the orders of those maps that are permutations, by group."""
    orders = {group: mapping.order if isinstance(mapping, Permutation) else mapping for group, mapping in maps.items()}
    return {group: np.asarray(order) for group, order in orders.items() if not isinstance(order, Map)}


class Matrices(Map):
    """A map by two matrices."""

    rows: np.ndarray  # (n_a, n_b)
    columns: np.ndarray  # (n_a, n_b)

    @property
    def n_a(self) -> int:  # type: ignore[override]
        return int(self.rows.shape[0])

    @property
    def n_b(self) -> int:  # type: ignore[override]
        return int(self.rows.shape[1])

    def apply(self, tensor: Tensor, axis: int, *, reads: bool = False) -> Tensor:
        matrix = torch.as_tensor(self.columns if reads else self.rows, dtype=tensor.dtype, device=tensor.device)
        return torch.tensordot(matrix, tensor, dims=([1], [axis])).movedim(0, axis)


@dataclass(frozen=True, eq=False)
class Coupling(Matrices):
    r"""A transport plan :math:`\Gamma`, (n_a, n_b), of mass 1, between the neurons of A and of B, as many or not.

    .. math:: R = \operatorname{diag}(1 / \Gamma 1)\, \Gamma, \qquad C = \Gamma\, \operatorname{diag}(1 / \Gamma^\top 1)

    A row of R has mass 1: neuron i is the barycentre of its partners. A column of C has mass 1: what B reads of neuron j is shared among
    its partners, and nothing is lost. For :math:`n\Gamma` a permutation matrix both are that matrix.

    References
    ----------
    Singh and Jaggi 2020, for the map by a plan; ours, for the columns: there one normalisation serves both sides, which does not keep the
    function where the widths differ.
    """

    plan: np.ndarray

    def __post_init__(self) -> None:
        plan = np.asarray(self.plan)
        if not _is_plan(plan):
            raise InputError(
                "a coupling must be a matrix (neurons of A, neurons of B) of numbers from 0 on, whose sum is 1, without an empty row or "
                f"column, got shape {plan.shape} and sum {_sum(plan):g}."
            )

    @property
    def rows(self) -> np.ndarray:  # type: ignore[override]
        return self.plan / self.plan.sum(1, keepdims=True)

    @property
    def columns(self) -> np.ndarray:  # type: ignore[override]
        return self.plan / self.plan.sum(0, keepdims=True)

    @property
    def is_permutation(self) -> bool:
        n = len(self.plan)
        order = self.plan.argmax(1)
        return (
            self.plan.shape == (n, n)
            and is_permutation(order)
            and bool(np.allclose(self.plan[np.arange(n), order] * n, 1, rtol=0, atol=1e-9))
        )

    def of_reordered(self, order: np.ndarray) -> "Coupling":
        return Coupling(self.plan[:, inverse(order)])

    def inverse(self) -> "Coupling":
        r"""Return the coupling of A's neurons with B's: :math:`\Gamma^\top`, whose rows are these columns, and whose columns these rows.

        It undoes this map wherever :math:`C^\top R = 1`: no neuron of A has two partners.
        """
        return Coupling(self.plan.T)

    def after(self, first: "Coupling") -> "Coupling":
        r"""Return the one map that does `first`, then this one.

        .. math:: \Gamma = \Gamma_2 \operatorname{diag}(1 / m)\, \Gamma_1, \qquad m = \Gamma_2^\top 1 = \Gamma_1 1

        where m is the mass of the neurons in between. By it both sides compose, :math:`R = R_2 R_1` and :math:`C = C_2 C_1`.

        Raises
        ------
        InputError
            If the neurons in between are not as many in both, or have another mass in one than in the other.
        """
        mass, first_mass = self.plan.sum(0), first.plan.sum(1)
        if mass.shape != first_mass.shape or not np.allclose(mass, first_mass, rtol=TOLERANCE, atol=0):
            raise InputError(
                f"a coupling of {self.n_a} with {self.n_b} neurons cannot follow one of {first.n_a} with {first.n_b}: the neurons in "
                "between must be the same, each of the same mass in both."
            )
        return Coupling(self.plan @ first.rows)


@dataclass(frozen=True, eq=False)
class Orthogonal(Matrices):
    """An orthogonal matrix Q, (n, n): R = C = Q. Only groups without an elementwise activation function keep the function under it."""

    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not has_orthonormal_rows(matrix):
            raise InputError(f"an orthogonal map must be a square matrix with Q Q' = 1, got shape {matrix.shape}.")

    @property
    def rows(self) -> np.ndarray:  # type: ignore[override]
        return self.matrix

    @property
    def columns(self) -> np.ndarray:  # type: ignore[override]
        return self.matrix

    def of_reordered(self, order: np.ndarray) -> "Orthogonal":
        return Orthogonal(self.matrix[:, inverse(order)])

    def inverse(self) -> "Orthogonal":
        """Return the map that undoes this one."""
        return Orthogonal(self.matrix.T)

    def after(self, first: "Orthogonal") -> "Orthogonal":
        """Return the one map that does `first`, then this one."""
        return Orthogonal(self.matrix @ first.matrix)


def _is_plan(plan: np.ndarray) -> bool:
    """Return whether an array is a transport plan of mass 1 that leaves no neuron out."""
    is_positive = plan.ndim == 2 and bool((plan >= 0).all())
    return is_positive and abs(_sum(plan) - 1) <= TOLERANCE and bool((plan.sum(0) > 0).all() and (plan.sum(1) > 0).all())


def _sum(plan: np.ndarray) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # of whatever a file may hold: then it is not 1
        return float(plan.sum())


def has_orthonormal_rows(matrix: np.ndarray) -> bool:
    """Return whether Q Q' is 1 up to rounding, in blocks of rows, which take little memory."""
    n = len(matrix)
    with np.errstate(over="ignore", invalid="ignore"):
        blocks = ((start, matrix[start : start + BLOCK] @ matrix.T) for start in range(0, n, BLOCK))
        return all(np.allclose(block, np.eye(len(block), n, start), atol=TOLERANCE) for start, block in blocks)
