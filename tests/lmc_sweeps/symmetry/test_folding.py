"""Norms without scale and shift: the function is kept, and an orthogonal map of the stream keeps it too."""

import numpy as np
import pytest
import torch
from torch import nn
from traced_networks import NETWORKS, drawn, graph_of

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.folding import folded, folded_tensors, set_norms, set_tensors, tensors_of, untied
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.maps import Map, Orthogonal, Permutation
from lmc_sweeps.symmetry.proof import prove, relative_gap
from lmc_sweeps.symmetry.streams import graph_with_streams
from lmc_sweeps.symmetry.tracing import trace

EXACT = 1e-13  # of the largest output, in float64: measured 1e-15 (METHODS asks for 1e-9)
PRE_NORM = ["vit separate", "vit chunked", "vit unbound", "gpt"]


def network(name: str) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    module, example = drawn(untied(NETWORKS[name].make())), NETWORKS[name].example()
    return module, example.double() if example.is_floating_point() else example


def gap(one: nn.Module, other: nn.Module, example: torch.Tensor) -> float:
    with torch.no_grad():
        return relative_gap([one(example)], [other(example)])


def rotation(n: int, seed: int = 0) -> Orthogonal:
    return Orthogonal(np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0])


def moved(module: nn.Module, graph: Graph, maps: dict[str, Map]) -> nn.Module:
    """Return a copy of a module with its groups mapped."""
    other = untied(module)
    set_tensors(other, graph.apply({name: tensor for name, tensor in tensors_of(module).items() if name in graph.axes}, maps), graph.tied)
    return other


@pytest.mark.parametrize("name", PRE_NORM)
def test_a_fold_keeps_the_function_and_so_does_every_orthogonal_map_of_the_stream_then(name: str) -> None:
    module, example = network(name)
    same = folded(module, example)
    assert gap(module, same, example) < EXACT
    graph, (stream,) = graph_with_streams(same, example)
    assert [(norm.centres, norm.scale, norm.shift) for norm in stream.norms] == [(False, None, None)] * 5
    maps = {group: Permutation(np.random.default_rng(1).permutation(n)) for group, n in graph.sizes.items() if group != stream.group}
    turned = moved(same, graph, {**maps, stream.group: rotation(12)})
    assert gap(module, turned, example) < EXACT
    assert gap(module, moved(same, graph, {stream.group: Orthogonal(-np.eye(12))}), example) < EXACT
    assert (tensors_of(turned)["blocks.0.mlp.2.weight"] - tensors_of(same)["blocks.0.mlp.2.weight"]).abs().max() > 0.1


def test_an_orthogonal_map_of_a_stream_whose_norms_were_not_folded_breaks_the_function() -> None:
    module, example = network("vit separate")
    assert gap(module, moved(module, trace(module, example), {"patches": rotation(12)}), example) > 1e-2


@pytest.mark.parametrize("left_out", ["scale", "shift", "mean"])
def test_each_part_of_a_fold_is_needed(left_out: str) -> None:
    """Without the scales, or without the shifts, or without a mean that is taken off, the function is another one."""
    module, example = network("vit separate")
    graph, (stream,) = graph_with_streams(module, example)
    tensors = tensors_of(module)
    for norm in stream.norms:
        for name, value in ((norm.scale, 1.0), (norm.shift, 0.0)):
            if name is not None and name == getattr(norm, left_out, None):
                tensors[name] = torch.full_like(tensors[name], value)
    changed = folded_tensors(tensors, graph, stream)
    if left_out == "mean":
        changed |= {name: tensors[name] for name in stream.writers}
    other = untied(module)
    set_tensors(other, changed, {})
    set_norms(other, stream.norms, 12)
    assert gap(module, other, example) > 1e-2


def test_a_folded_network_is_traced_and_proved_like_any_other() -> None:
    module, example = network("gpt")
    same = folded(module, example)
    graph = trace(same, example)
    assert sorted(graph.sizes.values()) == sorted(graph_of("gpt").sizes.values())
    assert not any("norm" in name for name in graph.axes)
    assert prove(same, graph, example, np.random.default_rng(0)).holds


def test_folding_changes_neither_the_module_nor_its_type_and_gives_a_reader_without_biases_those_of_the_shift() -> None:
    module, example = network("gpt")
    module.float()
    before = {name: tensor.clone() for name, tensor in tensors_of(module).items()}
    same = folded(module, example)
    assert all(torch.equal(before[name], tensor) for name, tensor in tensors_of(module).items())
    assert {tensor.dtype for tensor in tensors_of(same).values()} == {torch.float32}
    assert gap(module, same, example) < 1e-5
    torch.testing.assert_close(same.head.bias, module.head.weight @ module.norm.bias, rtol=1e-5, atol=1e-6)
    assert module.head.bias is None


def test_the_stream_of_a_folded_network_has_no_mean() -> None:
    module, example = network("vit separate")
    same, inputs = folded(module, example), []
    same.norm.register_forward_pre_hook(lambda norm, values: inputs.append(values[0]))
    same(example)
    assert inputs[0].mean(-1).abs().max() < 1e-13
    assert inputs[0].abs().mean() > 0.1


class Plain(nn.Module):
    """A stream with norms of mean squares, which a layer reads without a norm too; a layer's weights are used the other way round."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm, self.inner, self.out = nn.Linear(4, 8), nn.RMSNorm(8), nn.Linear(8, 5), nn.Parameter(torch.randn(5, 8))
        self.head, self.last = nn.Linear(8, 3), nn.RMSNorm(8, eps=0.1)
        self.bias = nn.Parameter(torch.randn(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        x = x + torch.addmm(self.bias, torch.relu(self.inner(self.norm(x))), self.out)
        return self.head(self.last(x)) + self.head2(x) if hasattr(self, "head2") else self.head(self.last(x))


@pytest.mark.parametrize("plain_reader", [False, True])
def test_norms_of_mean_squares_are_folded_too_and_others_may_read_their_stream(plain_reader: bool) -> None:
    torch.manual_seed(0)
    module, example = Plain(), torch.randn(6, 4, dtype=torch.float64)
    if plain_reader:
        module.head2 = nn.Linear(8, 3)
    drawn(module)
    same = folded(module, example)
    assert gap(module, same, example) < EXACT
    graph, (stream,) = graph_with_streams(same, example)
    assert stream.plain_readers == (("head2.weight",) if plain_reader else ())
    assert gap(module, moved(same, graph, {stream.group: rotation(8)}), example) < EXACT


def test_a_tied_last_layer_is_refused_until_it_is_untied() -> None:
    module = drawn(NETWORKS["gpt"].make())
    example = NETWORKS["gpt"].example()
    sentence = r"^words\.weight is head\.weight, which writes to a stream and is read behind norm: give each use a tensor of its own \(tied ones: `untied`\)\.$"
    with pytest.raises(InputError, match=sentence):
        folded(module, example)
    apart = untied(module)
    assert gap(module, apart, example) == 0
    assert apart.head.weight is not apart.words.weight
    assert module.head.weight is module.words.weight
    assert gap(module, folded(apart, example), example) < EXACT


def test_a_network_without_a_stream_is_refused() -> None:
    with pytest.raises(InputError, match=r"^a Sequential has no residual stream: no norm that torch knows is in it\.$"):
        folded(NETWORKS["mlp"].make(), NETWORKS["mlp"].example())


def test_a_norm_that_is_no_module_and_a_reader_that_has_no_bias_to_add_to_are_refused() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.scale, self.head = nn.Linear(4, 8), nn.Parameter(torch.rand(8)), nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(nn.functional.layer_norm(self.embed(x), (8,), self.scale))

    class Matrix(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.norm, self.head = nn.Linear(4, 8), nn.LayerNorm(8), nn.Parameter(torch.randn(8, 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(self.embed(x)) @ self.head

    with pytest.raises(InputError, match=r"^a norm must be an nn\.LayerNorm or an nn\.RMSNorm, but the module is a Functional\.$"):
        folded(Functional(), torch.randn(2, 4))
    with pytest.raises(InputError, match=r"^the module has no parameter 'bias', to which a shift could be added\.$"):
        folded(Matrix(), torch.randn(2, 4))
