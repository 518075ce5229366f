"""A residual stream in more neurons than it needs: the same function, of another size."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.folding import set_norms, set_tensors, tensors_of
from lmc_sweeps.symmetry.maps import Matrices, has_orthonormal_rows
from lmc_sweeps.symmetry.streams import graph_with_streams


@dataclass(frozen=True, eq=False)
class Widening(Matrices):
    r"""A matrix O with orthonormal columns, (n_a, n_b), of a stream read behind root-mean-square norms: R = O, C = sqrt(n_b / n_a) O.

    .. math:: \frac{O x}{\sqrt{\|O x\|^2 / n_a + \epsilon\, n_b / n_a}} = \sqrt{n_a / n_b}\; O\, \frac{x}{\sqrt{\|x\|^2 / n_b + \epsilon}}

    The mean of squares of :math:`O x` is over more neurons, so the norm's output is larger, which the readers take back, and its
    :math:`\epsilon` is made smaller by :math:`n_b / n_a`. For as many neurons it is an orthogonal map.

    References
    ----------
    Theus et al. 2025, arXiv 2506.22712.
    """

    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix)
        if matrix.ndim != 2 or not has_orthonormal_rows(matrix.T):
            raise InputError(f"a widening must be a matrix O, (more neurons, neurons), with O' O = 1, got shape {matrix.shape}.")

    @property
    def rows(self) -> np.ndarray:  # type: ignore[override]
        return self.matrix

    @property
    def columns(self) -> np.ndarray:  # type: ignore[override]
        return self.matrix * np.sqrt(self.n_b / self.n_a)


def widened(module: nn.Module, example: Tensor | tuple[Any, ...], matrix: np.ndarray) -> nn.Module:
    """Return a copy of a module that computes the same with a wider residual stream.

    Parameters
    ----------
    module : nn.Module
        With norms that have neither scale nor shift (`folding.folded`), and one residual stream. Its code must take sizes from its
        tensors: that of `nn.MultiheadAttention` does not.
    example : Tensor or tuple
        Inputs, at least two examples.
    matrix : ndarray, shape (n_new, n)
        With orthonormal columns.

    Raises
    ------
    InputError
        If the module has another number of streams than one, or a norm that takes off the mean or has a scale; or if the matrix is not of
        its stream.
    """
    mapping = Widening(matrix)
    graph, parts = graph_with_streams(module, example)
    if len(parts) != 1 or parts[0].plain_readers or any(norm.centres or norm.scale or norm.shift for norm in parts[0].norms):
        raise InputError(
            "a network that is widened must have one residual stream, read behind norms without scale and shift: see `folded`."
        )
    (stream,) = parts
    own = copy.deepcopy(module)
    tensors = {name: tensor for name, tensor in tensors_of(own).items() if name in graph.axes}
    moved = graph.apply(tensors, {stream.group: mapping})
    set_tensors(own, {name: tensor for name, tensor in moved.items() if tensor is not tensors[name]}, graph.tied)
    set_norms(own, stream.norms, mapping.n_a, eps_factor=mapping.n_b / mapping.n_a)
    return own
