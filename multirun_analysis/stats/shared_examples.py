r"""Intervals over pairs and test examples: what the examples, which all pairs share, add to the variance of a mean over pairs.

With P pairs and N examples in B blocks, effects of the pairs, of the examples and of both at once, all random and crossed, the mean over
all has the variance

.. math:: \frac{\sigma_{pair}^2}{P} + \frac{\sigma_{example}^2}{N} + \frac{\sigma_{both}^2}{P N}
          \quad\text{estimated by}\quad \frac{MS_{pairs} + MS_{blocks} - MS_{both}}{P B} = v_{pairs} + v - r

where :math:`v_{pairs}` is the square of the error over pairs, v the variance over blocks of the mean over pairs, and r what is in both and
counts once. It is taken to be no less than :math:`v_{pairs}` and v, each for itself, and has the degrees of freedom of Satterthwaite.
Where pairs share networks what is in both is more than r, so that then too little is taken away, and an interval errs on the wide side.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True)
class SharedExamples:
    """What test examples add to the variance of means over pairs.

    Parameters
    ----------
    variance, both : ndarray, shape (cells,)
        Over blocks of examples, of the mean over pairs; and what of it pairs and examples do together, which the spread over pairs has too.
    freedom, freedom_both : ndarray, shape (cells,)
        Their degrees of freedom.
    """

    variance: np.ndarray
    both: np.ndarray
    freedom: np.ndarray
    freedom_both: np.ndarray

    def relative_to(self, mean: np.ndarray) -> "SharedExamples":
        r"""Return the same of the log of the mean, by the delta method: :math:`v / \bar x^2`."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return SharedExamples(self.variance / mean**2, self.both / mean**2, self.freedom, self.freedom_both)

    def alone(self, level: float) -> np.ndarray:
        """Return half of Student's interval over the examples alone."""
        return np.asarray(stdtrit(self.freedom, (1 + level) / 2) * np.sqrt(self.variance))


def shared_examples(blocks: np.ndarray, items: np.ndarray) -> SharedExamples:
    r"""Return what test examples add to the variance of the means of cells of P pairs.

    .. math:: v = \frac{1}{B - 1} \sum_b w_b (\bar x_b - \bar x)^2, \qquad
              r = \frac{1}{P (P - 1) (B - 1)} \sum_{p, b} w_b (x_{pb} - \bar x_p - \bar x_b + \bar x)^2

    where :math:`w_b` is a block's share of all items, :math:`\bar x_p = \sum_b w_b x_{pb}` and :math:`\bar x_b` a mean over pairs. With
    blocks of one size these are the mean squares of a two-way analysis of variance over P B.

    Parameters
    ----------
    blocks : ndarray, shape (cells, P, B)
        Means over blocks of examples.
    items : ndarray, shape (cells, B)
        In each block; the values of one without items do not count.

    Returns
    -------
    SharedExamples
        NaN where there are fewer than two pairs or blocks.

    References
    ----------
    Searle, Casella and McCulloch 1992, Variance Components (crossed random effects); Satterthwaite 1946.
    """
    n = blocks.shape[1]
    weights = (items / items.sum(axis=-1, keepdims=True))[:, None, :]
    values = np.where(weights > 0, blocks, 0.0)
    of_pairs = (weights * values).sum(axis=2, keepdims=True)
    of_blocks = values.mean(axis=1, keepdims=True)
    mean = of_pairs.mean(axis=1, keepdims=True)
    freedom = (items > 0).sum(axis=-1) - 1.0
    freedom_both = (n - 1) * freedom
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (weights * (of_blocks - mean) ** 2).sum(axis=(1, 2)) / freedom
        both = (weights * (values - of_pairs - of_blocks + mean) ** 2).sum(axis=(1, 2)) / (n * freedom_both)
    return SharedExamples(variance, both, freedom, freedom_both)


def half_width(error: np.ndarray | float, freedom: float, level: float, examples: SharedExamples | None = None) -> np.ndarray:
    r"""Return half of Student's interval for means with a standard error over pairs, and over test examples too where these are given.

    .. math:: t_\nu\, v_{all}^{1/2}, \qquad v_{all} = \max(v_{pairs} + v - r,\; v_{pairs},\; v), \qquad
              \nu = v_{all}^2 \Big/ \Big(\frac{v_{pairs}^2}{\nu_{pairs}} + \frac{v^2}{B - 1} + \frac{r^2}{(P - 1)(B - 1)}\Big)

    but no less than over pairs alone, which it could be by its larger freedom.

    Parameters
    ----------
    error : ndarray, shape (cells,), or float
        Over pairs.
    freedom : float
        Degrees of freedom of the error.
    level : float
    examples : SharedExamples, optional
    """
    over_pairs = np.asarray(float(stdtrit(freedom, (1 + level) / 2)) * error)
    if examples is None:
        return over_pairs
    of_pairs = np.square(error)
    total = np.maximum(np.maximum(of_pairs, examples.variance), of_pairs + examples.variance - examples.both)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        shares = (
            (of_pairs / total) ** 2 / freedom
            + (examples.variance / total) ** 2 / examples.freedom
            + (examples.both / total) ** 2 / examples.freedom_both
        )
        quantile = stdtrit(np.where(total > 0, 1 / shares, freedom), (1 + level) / 2)
    return np.maximum(quantile * np.sqrt(total), over_pairs)
