"""Attention and blocks, against their formulas; and what transformers refuse."""

import math

import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.gpt import Gpt
from lmc_sweeps.models.transformer import Attention, Block
from lmc_sweeps.models.vit import Vit


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_its_formula_head_by_head(causal):
    attention, x = Attention(12, heads=3, causal=causal).double(), torch.randn(2, 5, 12, dtype=torch.float64)
    heads = []
    for head in range(3):
        rows = slice(4 * head, 4 * head + 4)
        q, k, v = (x @ layer.weight[rows].T + layer.bias[rows] for layer in (attention.query, attention.key, attention.value))
        scores = q @ k.mT / math.sqrt(4)
        if causal:
            scores = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -math.inf)
        heads.append(scores.softmax(-1) @ v)
    torch.testing.assert_close(attention(x), attention.output(torch.cat(heads, -1)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("norm", ["layer", "rms", "none"])
def test_a_block_adds_what_it_computes_of_the_normalised_stream(norm):
    block, x = Block(Gpt(norm=norm, mlp_ratio=3), 8, causal=True).double(), torch.randn(2, 5, 8, dtype=torch.float64)

    def normalised(stream: torch.Tensor) -> torch.Tensor:
        centred = stream - stream.mean(-1, keepdim=True) if norm == "layer" else stream
        epsilon = 1e-5 if norm == "layer" else torch.finfo(torch.float64).eps
        return centred if norm == "none" else centred / (centred.square().mean(-1, keepdim=True) + epsilon).sqrt()

    between = x + block.attention(normalised(x))
    assert block.hidden.out_features == 24
    expected = between + block.output(torch.nn.functional.gelu(block.hidden(normalised(between))))
    torch.testing.assert_close(block(x), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("kind", "inputs"), [(Vit, (3, 32, 32)), (Gpt, (16,))])
def test_what_does_not_fit_is_refused(kind, inputs):
    with pytest.raises(InputError, match=r"^`width` must be a multiple of `model\.heads` \(4\), got 6\.$"):
        kind().check_shape(Shape(inputs, 6, 1, 10))
    kind(heads=3).check_shape(Shape(inputs, 6, 1, 10))
    with pytest.raises(InputError, match=r"^`model\.norm` must be one of layer, none, rms, got 'batch'\.$"):
        kind(norm="batch")
    for key in ("heads", "mlp_ratio"):
        with pytest.raises(InputError, match=rf"^`model\.{key}` must be a positive integer, got 0\.$"):
            kind(**{key: 0})
