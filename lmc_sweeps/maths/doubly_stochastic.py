"""Soft permutations: the doubly stochastic matrix of a matrix of logits, and its implicit gradient."""

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-9  # of the marginals, which are 1
SWEEPS, CHECKED = 40, 10  # of rows and columns before Newton's steps; after every how many the marginals are looked at
NEWTON_STEPS = 60
LARGEST_RANGE = 500.0  # of logits whose exponentials float64 can hold and multiply
RIDGE = 1e-12  # of a matrix that is singular where a soft permutation is a hard one


@dataclass(frozen=True)
class Balanced:
    r"""A doubly stochastic matrix :math:`P_{ij} = \exp(Z_{ij} + f_i + g_j)`, and whether its marginals are within the tolerance."""

    matrix: np.ndarray  # (n, n)
    rows: np.ndarray  # f, (n,)
    columns: np.ndarray  # g, (n,)
    converged: bool


def balanced(logits: np.ndarray, tolerance: float = TOLERANCE, columns: np.ndarray | None = None) -> Balanced:
    r"""Return the doubly stochastic matrix that Sinkhorn's iteration makes of logits.

    .. math:: \operatorname*{argmin}_{P 1 = P^\top 1 = 1} \; - \langle P, Z \rangle + \sum_{ij} P_{ij} \log P_{ij}

    Rows and columns are divided by their sums in turn: of the exponentials where float64 holds them, otherwise in the log domain, which
    takes twenty times as long, from the potentials of half of the logits, twice as large. What is still off after 40 sweeps, as with
    large logits, takes Newton's steps (`newton`).

    Parameters
    ----------
    logits : ndarray, shape (n, n)
        Z, divided by the temperature.
    tolerance : float
        The largest deviation of a marginal from 1.
    columns : ndarray, shape (n,), optional
        g to begin with: that of similar logits saves most of the work, and changes the result by less than the tolerance.

    References
    ----------
    Sinkhorn 1967; Mena et al. 2018.
    """
    logits = np.asarray(logits, dtype=np.float64)
    far = np.ptp(logits) >= LARGEST_RANGE
    start = columns
    if start is None:
        start = 2 * balanced(logits / 2, tolerance).columns if far else np.zeros(len(logits))
    start = start - start.max()  # a constant in g is one in f
    far = far or np.ptp(start) >= LARGEST_RANGE
    result = newton(logits, *(_log_scaled if far else _scaled)(logits, start, tolerance), tolerance)
    return result if result.converged or columns is None else balanced(logits, tolerance)


def newton(logits: np.ndarray, rows: np.ndarray, columns: np.ndarray, tolerance: float = TOLERANCE) -> Balanced:
    r"""Return the doubly stochastic matrix by Newton's method from potentials f and g.

    .. math:: \min_{f, g} \; \sum_{ij} \exp(Z_{ij} + f_i + g_j) - \sum_i f_i - \sum_j g_j

    is convex, its gradient is what the marginals are off by, and its second derivatives are the matrix of the implicit gradient. A step
    is halved until the function falls; its f counts, and columns and then rows are divided by their sums after it.
    """
    for step in range(NEWTON_STEPS + 1):
        matrix = np.exp(logits + rows[:, None] + columns)
        row_sums, column_sums = matrix.sum(1), matrix.sum(0)
        gap = max(np.abs(row_sums - 1).max(), np.abs(column_sums - 1).max())
        if gap <= tolerance or step == NEWTON_STEPS:
            break
        row_step, column_step = _solved(matrix, 1 - row_sums, 1 - column_sums)
        size = _step_size(matrix, row_step, column_step)
        rows = rows + size * row_step
        columns = -_log_sums(logits.T + rows)
        rows = -_log_sums(logits + columns)
    return Balanced(matrix, rows, columns, bool(gap <= tolerance))


def implicit_gradient(matrix: np.ndarray, gradient: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    r"""Return the gradient of a function of a doubly stochastic matrix with respect to the logits that it is made of.

    .. math:: \frac{\partial L}{\partial Z} = \frac1\tau P \circ (G - u 1^\top - 1 v^\top), \qquad
        \begin{pmatrix} \operatorname{diag}(a) & P \\ P^\top & \operatorname{diag}(b) \end{pmatrix}
        \begin{pmatrix} u \\ v \end{pmatrix} = \begin{pmatrix} (P \circ G) 1 \\ (P \circ G)^\top 1 \end{pmatrix}

    where :math:`G = \partial L / \partial P`, and a and b are the sums of the rows and columns of P. It differentiates the fixed point of
    Sinkhorn's iteration, not its steps: the memory is that of P.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        P, of logits :math:`Z / \tau`.
    gradient : ndarray, shape (n, n)
        G.
    temperature : float
        :math:`\tau`.

    References
    ----------
    Eisenberger et al. 2022; Peña et al. 2023.
    """
    moments = matrix * gradient
    row, column = _solved(matrix, moments.sum(1), moments.sum(0))
    return np.asarray(matrix * (gradient - row[:, None] - column) / temperature)


def _solved(matrix: np.ndarray, row_sums: np.ndarray, column_sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return u and v of the system of the implicit gradient, the last entry of v being 0: without u it is n x n, and symmetric."""
    from scipy.linalg import cho_factor, cho_solve  # takes 0.1 s to import

    a, b = matrix.sum(1), matrix.sum(0)
    divided = matrix / np.sqrt(a)[:, None]
    schur = np.diag(b + RIDGE * max(1.0, b.max())) - divided.T @ divided  # of an array and its own transpose BLAS computes one half
    right = column_sums - matrix.T @ (row_sums / a)
    v = np.zeros(len(matrix))
    if len(matrix) > 1:
        v[:-1] = cho_solve(cho_factor(schur[:-1, :-1], lower=True, check_finite=False), right[:-1], check_finite=False)
    return (row_sums - matrix @ v) / a, v


def _step_size(matrix: np.ndarray, row_step: np.ndarray, column_step: np.ndarray) -> float:
    """Return the largest of 1, 1/2, 1/4, ... with which Newton's step makes the function smaller; 0 if none of 30 does."""
    constant = column_step.mean()  # taken from one to the other, so that neither overflows where their sum does not
    row_step, column_step = row_step + constant, column_step - constant
    linear, row_sums, column_sums = row_step.sum() + column_step.sum(), matrix.sum(1), matrix.sum(0)
    with np.errstate(over="ignore", invalid="ignore"):
        for size in 0.5 ** np.arange(30):
            by_row, by_column = np.expm1(size * row_step), np.expm1(size * column_step)
            # e^(r + c) - 1 = (e^r - 1) (e^c - 1) + (e^r - 1) + (e^c - 1): a product with the matrix for n x n exponentials
            if by_row @ (matrix @ by_column) + by_row @ row_sums + by_column @ column_sums - size * linear <= 1e-12:
                return float(size)
    return 0.0


def _scaled(logits: np.ndarray, columns: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the potentials after some sweeps from those of the columns, by products with the exponentials."""
    largest = logits.max(axis=1)
    kernel = np.exp(logits - largest[:, None])
    v = np.exp(columns)
    for number in range(SWEEPS):
        u = 1 / (kernel @ v)
        sums = kernel.T @ u
        if number % CHECKED == 0 and np.abs(v * sums - 1).max() <= tolerance:
            break
        v = 1 / sums
    u = 1 / (kernel @ v)
    return np.log(u) - largest, np.log(v)


def _log_scaled(logits: np.ndarray, columns: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the potentials after some sweeps from those of the columns, by logarithms of sums."""
    for number in range(SWEEPS):
        rows = -_log_sums(logits + columns)
        sums = _log_sums(logits.T + rows)
        if number % CHECKED == 0 and np.abs(np.expm1(columns + sums)).max() <= tolerance:
            break
        columns = -sums
    return -_log_sums(logits + columns), columns


def _log_sums(values: np.ndarray) -> np.ndarray:
    """Return the logarithms of the sums of the exponentials of each row."""
    largest = values.max(axis=1)
    return np.asarray(largest + np.log(np.exp(values - largest[:, None]).sum(1)))
