"""`covariance`: the paper's weight matching in the metric of the activations that feed a layer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import ALWAYS
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.entropic import EntropicMatching
from lmc_sweeps.matching.neuron_weights import bias_column, incoming
from lmc_sweeps.matching.problem import MatchingProblem, NetworkView, Permutations
from lmc_sweeps.maths.dimension import spectrum_of_products, spectrum_of_rows
from lmc_sweeps.maths.ground_costs import squared_distances


@dataclass(frozen=True, kw_only=True)
class Covariance(EntropicMatching):
    r"""Match neurons by the mean squared difference of what they compute from A's activations.

    .. math:: C_{ij} = \| W^l_{A,i} - (W^l_B P_{l-1})_j \|^2_{\Sigma}, \qquad \Sigma = \mathbb E\, h_A^{l-1} (h_A^{l-1})^\top

    where :math:`h_A^0` is the input and the moments are uncentred, over the training set; `centred` takes the covariance instead. With
    `biases`, a row is :math:`(W_i, b_i)` and the metric :math:`[[\Sigma, \mu], [\mu^\top, 1]]`. The approximate dimension is that
    of :math:`W^l \Sigma (W^l)^\top`.

    References
    ----------
    Ferbach et al. 2024, "WM (ours)" (`biases` and `centred` off, as in their notebook); the metric with biases is ours.
    """

    name: ClassVar[str] = "covariance"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "moments"})
    keeps_gaussian: ClassVar[bool] = True
    biases: bool = field(default=False, metadata=ALWAYS)
    centred: bool = field(default=False, metadata=ALWAYS)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.boolean("matching.covariance.biases", self.biases)
        checks.boolean("matching.covariance.centred", self.centred)

    @one_thread()
    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        terms_a = self._terms(problem, problem.a, problem.a, group, {}, self.centred, permutations)
        terms_b = self._terms(problem, problem.b, problem.a, group, permutations, self.centred, permutations)
        return _sum(group, problem, [squared_distances(a, b, metric) for (a, metric), (b, _) in zip(terms_a, terms_b, strict=True)])

    @one_thread()
    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        centred = centred or self.centred
        a, b = (self._terms(problem, view, view, group, {}, centred) for view in (problem.a, problem.b))
        matrix_a, matrix_b = (_sum(group, problem, [rows @ metric @ rows.T for rows, metric in terms]) for terms in (a, b))
        return matrix_a, matrix_b

    @one_thread()
    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        terms = self._terms(problem, problem.a, problem.a, group, {}, self.centred)
        if len(terms) == 1:
            return spectrum_of_rows(*terms[0])
        return spectrum_of_products(_sum(group, problem, [rows @ metric @ rows.T for rows, metric in terms]))

    def _terms(
        self,
        problem: MatchingProblem,
        view: NetworkView,
        read: NetworkView,
        group: str,
        permutations: Permutations,
        centred: bool,
        matched: Collection[str] | None = None,
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return pairs of rows (n, d) and their metric (d, d), one per kernel position of each incoming weight.

        What is read where no product shows it, as the tokens of an embedding, counts as one input of size 1 at a time, each equally often.
        """
        terms = []
        parts = incoming(problem, view.weights, group, permutations, matched)
        for piece in parts:
            moments = read.moments_at(piece.source)
            if moments is None:
                d = piece.rows.shape[2]
                metric = np.eye(d) / d
            else:
                metric = moments.covariance if centred else moments.second
            terms += [(rows, metric) for rows in piece.rows]
        if self.biases:
            biases, moments = bias_column(problem, view.weights, group), read.moments_at(parts[0].source) if parts else None
            if len(terms) != 1 or biases.shape[1] > 1 or moments is None:
                raise checks.InputError(f"`matching.covariance.biases` is for linear layers; group {group!r} is computed in another way.")
            rows, metric = terms[0]
            mean = moments.mean * (0.0 if centred else 1.0)
            one = biases.shape[1]  # 0 where the layer has no bias, and then nothing is added
            border = np.repeat(mean[:, None], one, axis=1)
            terms = [(np.concatenate([rows, biases], axis=1), np.block([[metric, border], [border.T, np.ones((one, one))]]))]
        return terms


def _sum(group: str, problem: MatchingProblem, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the sum of matrices between a group's neurons; zeros where no product leads to them, and their biases decide."""
    return np.sum(parts, axis=0) if parts else np.zeros((problem.sizes[group], problem.sizes[group]))
