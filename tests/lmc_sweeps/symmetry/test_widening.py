"""A wider residual stream is the same function."""

import numpy as np
import pytest
import torch
from torch import nn
from traced_networks import NETWORKS, drawn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.folding import folded, tensors_of
from lmc_sweeps.symmetry.maps import Orthogonal
from lmc_sweeps.symmetry.proof import relative_gap
from lmc_sweeps.symmetry.widening import Widening, widened

rng = np.random.default_rng(0)


class Decoder(nn.Module):
    """Attention and a perceptron on a stream, with heads whose size does not come from that of the stream."""

    def __init__(self, width: int = 24, heads: int = 3, inner: int = 5) -> None:
        super().__init__()
        self.heads = heads
        self.words, self.norm1, self.norm2, self.norm3 = nn.Embedding(11, width), *(nn.LayerNorm(width, eps=0.1) for _ in range(3))
        self.qkv, self.out = nn.Linear(width, 3 * heads * inner), nn.Linear(heads * inner, width)
        self.mlp = nn.Sequential(nn.Linear(width, 7), nn.GELU(), nn.Linear(7, width))
        self.head = nn.Linear(width, 11)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.words(x)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, -1))
        x = x + self.out(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return self.head(self.norm3(x + self.mlp(self.norm2(x))))


def isometry(n_new: int, n: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n_new, n)))[0]


def test_a_stream_of_24_neurons_in_40_is_the_same_function() -> None:
    torch.manual_seed(0)
    module, example = drawn(Decoder()), torch.randint(11, (2, 6))
    wide = widened(folded(module, example), example, isometry(40, 24))
    assert tensors_of(wide)["words.weight"].shape == (11, 40)
    assert tensors_of(wide)["out.weight"].shape == (40, 15)
    assert relative_gap([module(example).detach()], [wide(example).detach()]) < 1e-13
    wide.norm1.eps *= 40 / 24  # that of the narrow one: it is no longer the same
    assert relative_gap([module(example).detach()], [wide(example).detach()]) > 1e-6


def test_a_widening_to_as_many_neurons_is_an_orthogonal_map() -> None:
    matrix, weights = isometry(6, 6), torch.from_numpy(rng.standard_normal((6, 4)))
    for reads in (False, True):
        assert torch.equal(Widening(matrix).apply(weights, 0, reads=reads), Orthogonal(matrix).apply(weights, 0, reads=reads))


def test_what_is_read_behind_the_norm_is_the_same_before_and_after() -> None:
    mapping, x, weight = (
        Widening(isometry(7, 3)),
        torch.from_numpy(rng.standard_normal((5, 3))),
        torch.from_numpy(rng.standard_normal((2, 3))),
    )
    narrow = nn.functional.rms_norm(x, (3,), eps=0.1) @ weight.T
    wide = nn.functional.rms_norm(mapping.apply(x, 1, reads=False), (7,), eps=0.1 * 3 / 7) @ mapping.apply(weight, 1, reads=True).T
    torch.testing.assert_close(wide, narrow, rtol=0, atol=1e-14)


def test_a_matrix_without_orthonormal_columns_and_a_network_that_is_not_folded_are_refused() -> None:
    for matrix in (np.ones((3, 2)), isometry(4, 3).T, np.ones(3)):
        with pytest.raises(InputError, match=r"^a widening must be a matrix O, \(more neurons, neurons\), with O' O = 1, got shape "):
            Widening(matrix)
    module, example = Decoder(), torch.randint(11, (2, 6))
    with pytest.raises(InputError, match=r"^a network that is widened must have one residual stream, read behind norms without scale"):
        widened(module, example, isometry(40, 24))
    with pytest.raises(InputError, match=r"^group 'words' must be one of .*, got a map of 20 neurons\.$"):
        widened(folded(module, example), example, isometry(40, 20))
    with pytest.raises(InputError, match="must have one residual stream"):
        widened(NETWORKS["mlp"].make(), NETWORKS["mlp"].example(), isometry(40, 24))
