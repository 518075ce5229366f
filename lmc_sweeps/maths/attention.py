"""Attention heads: what they compute whatever the coordinates inside of them, and how far two heads are apart by that."""

from dataclasses import dataclass

import numpy as np

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.maths.ground_costs import distances_from_products


@dataclass(frozen=True, eq=False)
class Heads:
    r"""The weights of H attention heads of d coordinates each.

    Head h attends by :math:`x^\top Q_h^\top K_h\, y` and returns :math:`O_h V_h\, y`. Both products stay as they are under

    .. math:: Q_h \leftarrow M Q_h, \quad K_h \leftarrow M^{-\top} K_h, \qquad V_h \leftarrow N V_h, \quad O_h \leftarrow O_h N^{-1}

    with invertible M and N, which may be others in each head (`reparametrised`).

    Biases are one more column of what reads, against an input that is 1: of the queries and of the values. That of the keys adds the same
    number for every key and so changes no attention; that of the values is as good as :math:`O_h b_{V,h}` on the bias of the outputs, for
    what a query attends with sums to 1.

    Parameters
    ----------
    queries : ndarray, shape (H, d, D_q)
    keys : ndarray, shape (H, d, D_k)
    values : ndarray, shape (H, d_v, D_v)
    outputs : ndarray, shape (H, D, d_v)

    Raises
    ------
    InputError
        If heads, or the coordinates inside of them, are not as many in all.

    References
    ----------
    Theus et al. 2025, arXiv 2506.22712.
    """

    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    outputs: np.ndarray

    def __post_init__(self) -> None:
        q, k, v, o = (part.shape for part in (self.queries, self.keys, self.values, self.outputs))
        if {len(q), len(k), len(v), len(o)} != {3} or len({q[0], k[0], v[0], o[0]}) > 1 or q[1] != k[1] or v[1] != o[2]:
            raise InputError(
                "heads must be queries (heads, d, columns), keys (heads, d, columns), values (heads, d_v, columns) and outputs "
                f"(heads, rows, d_v), got {q}, {k}, {v} and {o}."
            )

    @classmethod
    def of_layers(cls, query: np.ndarray, key: np.ndarray, value: np.ndarray, output: np.ndarray, n: int) -> "Heads":
        """Return the n heads of layers: those whose rows are (head, coordinate), and the one whose columns are.

        Parameters
        ----------
        query, key, value : ndarray, shape (n * d, columns)
        output : ndarray, shape (rows, n * d)
        n : int

        Raises
        ------
        InputError
            If the rows of a layer, or the columns of the output, are no multiple of n.
        """
        counts = {"query": len(query), "key": len(key), "value": len(value), "output": output.shape[1]}
        if any(count % n for count in counts.values()):
            raise InputError(f"coordinates must be a multiple of {n} heads, got {counts}.")
        queries, keys, values = (np.asarray(rows).reshape(n, len(rows) // n, -1) for rows in (query, key, value))
        return cls(queries, keys, values, np.asarray(output).reshape(len(output), n, -1).swapaxes(0, 1))

    def reparametrised(self, attend: np.ndarray, pass_on: np.ndarray) -> "Heads":
        """Return heads that compute the same, in other coordinates.

        Parameters
        ----------
        attend : ndarray, shape (H, d, d)
            M of each head, invertible.
        pass_on : ndarray, shape (H, d_v, d_v)
            N of each head, invertible.
        """
        keys = np.linalg.solve(attend.swapaxes(1, 2), self.keys)
        outputs = np.linalg.solve(pass_on.swapaxes(1, 2), self.outputs.swapaxes(1, 2)).swapaxes(1, 2)
        return Heads(attend @ self.queries, keys, pass_on @ self.values, outputs)

    def in_order(self, order: np.ndarray) -> "Heads":
        """Return the heads with ``order[i]`` in the place of head i."""
        return Heads(self.queries[order], self.keys[order], self.values[order], self.outputs[order])

    def with_stream(self, stream: np.ndarray) -> "Heads":
        r"""Return the heads of a network whose residual stream is mapped: readers :math:`W O^\top`, outputs :math:`O W`.

        Parameters
        ----------
        stream : ndarray, shape (D_new, D)
            O, orthogonal or with orthonormal columns. Columns that are not of the stream, as those of biases, stay.
        """
        width = stream.shape[1]
        queries, keys, values = (
            np.concatenate([part[..., :width] @ stream.T, part[..., width:]], -1) for part in (self.queries, self.keys, self.values)
        )
        return Heads(queries, keys, values, stream @ self.outputs)


@one_thread()
def head_distances(a: Heads, b: Heads) -> tuple[np.ndarray, np.ndarray]:
    r"""Return how far every head of A is from every head of B in how it attends, and in what it passes on.

    .. math:: \|Q_i^{A\top} K_i^A - Q_j^{B\top} K_j^B\|_F^2, \qquad \|O_i^A V_i^A - O_j^B V_j^B\|_F^2

    No product of the size of the stream is formed (`product_distances`). Their sum is the cost of pairing heads, whatever the coordinates
    inside of them; B's stream must be in A's coordinates (`Heads.with_stream`).

    Returns
    -------
    attend : ndarray, shape (H_a, H_b)
        float64, not negative.
    pass_on : ndarray, shape (H_a, H_b)

    References
    ----------
    Theus et al. 2025, arXiv 2506.22712: the cost of their weight matching. Its Grams are ours.
    """
    attend = product_distances(a.queries, a.keys, b.queries, b.keys)
    return attend, product_distances(a.outputs.swapaxes(1, 2), a.values, b.outputs.swapaxes(1, 2), b.values)


def product_distances(left_a: np.ndarray, right_a: np.ndarray, left_b: np.ndarray, right_b: np.ndarray) -> np.ndarray:
    r"""Return the squared distances between the products of two factors, of every head of A and every head of B.

    .. math:: \|L_i^\top R_i - L_j'^\top R_j'\|_F^2, \qquad
        \langle L_i^\top R_i, L_j'^\top R_j' \rangle = \sum_{kl} (L_i L_j'^\top)_{kl}\, (R_i R_j'^\top)_{kl}

    so that a pair of heads takes two matrices (d_a, d_b) in place of two of the size of their inputs.

    Parameters
    ----------
    left_a : ndarray, shape (H_a, d_a, D)
    right_a : ndarray, shape (H_a, d_a, E)
    left_b : ndarray, shape (H_b, d_b, D)
    right_b : ndarray, shape (H_b, d_b, E)

    Returns
    -------
    ndarray, shape (H_a, H_b)
        float64, not negative.
    """
    left_a, right_a, left_b, right_b = (np.asarray(part, dtype=np.float64) for part in (left_a, right_a, left_b, right_b))
    squares_a, squares_b = (
        np.sum((left @ left.swapaxes(1, 2)) * (right @ right.swapaxes(1, 2)), axis=(1, 2))
        for left, right in ((left_a, right_a), (left_b, right_b))
    )
    return distances_from_products(squares_a, squares_b, np.sum(_grams(left_a, left_b) * _grams(right_a, right_b), axis=(1, 3)))


def _grams(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the products of all rows of all heads, (H_a, d_a, H_b, d_b), by one product of matrices."""
    width = a.shape[2]
    return (a.reshape(-1, width) @ b.reshape(-1, width).T).reshape(*a.shape[:2], *b.shape[:2])
