"""The linear form of networks: the same function in the same architecture, and maps of its groups keep it; other groups are no coordinates."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from traced_networks import NETWORKS, drawn

from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.gpt import Gpt
from lmc_sweeps.models.vit import Vit
from lmc_sweeps.symmetry.folding import tensors_of
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.linear_form import LinearForm, LinearGroup, linear_form
from lmc_sweeps.symmetry.maps import Orthogonal, Permutation
from lmc_sweeps.symmetry.proof import relative_gap
from lmc_sweeps.symmetry.tracing import trace

EXACT = 1e-12  # of the largest output, in float64
WIDTH, HEADS = 8, 2
MADE = {
    "vit layer": lambda: Vit(heads=HEADS).module(Shape((1, 8, 8), WIDTH, 2, 5)),
    "vit token": lambda: Vit(heads=HEADS, pooling="token").module(Shape((1, 8, 8), WIDTH, 2, 5)),
    "gpt layer": lambda: Gpt(heads=HEADS).module(Shape((6,), WIDTH, 2, 11)),
    "gpt rms": lambda: Gpt(heads=HEADS, norm="rms").module(Shape((6,), WIDTH, 2, 11)),
    "gpt none": lambda: Gpt(heads=HEADS, norm="none").module(Shape((6,), WIDTH, 2, 11)),
    "perceptron": lambda: nn.Sequential(nn.Linear(5, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 3)),
    "linear": lambda: nn.Sequential(nn.Linear(5, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)),
}
TRANSFORMERS = [name for name in MADE if name.startswith(("vit", "gpt"))]


def example(name: str) -> Tensor:
    rng = np.random.default_rng(0)
    if name.startswith("vit"):
        return torch.from_numpy(rng.standard_normal((3, 1, 8, 8)))
    return torch.from_numpy(rng.integers(11, size=(3, 6)) if name.startswith("gpt") else rng.standard_normal((3, 5)))


def made(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return drawn(MADE[name]().double())


def form_of(name: str) -> LinearForm:
    module = made(name)
    return linear_form(module, trace(module, example(name)), example(name), np.random.default_rng(0))


def gap(name: str, one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    with torch.no_grad():
        outputs = [functional_call(made(name), tensors, (example(name),)) for tensors in (one, other)]
    return relative_gap(outputs[:1], outputs[1:])


@pytest.mark.parametrize("name", MADE)
def test_a_network_in_linear_form_has_its_tensors_and_its_function_and_is_in_linear_form(name: str) -> None:
    form, tensors = form_of(name), tensors_of(made(name))
    same = form.folded(tensors)
    assert {key: tensor.shape for key, tensor in same.items()} == {key: tensor.shape for key, tensor in tensors.items()}
    assert gap(name, tensors, same) < EXACT
    for key, tensor in form.folded(same).items():
        torch.testing.assert_close(tensor, same[key], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_network_between_two_in_linear_form_is_in_it_too(name: str) -> None:
    form = form_of(name)
    one, other = (form.folded(tensors_of(made(name, seed))) for seed in (1, 2))
    middle = {key: (one[key] + other[key]) / 2 for key in one}
    for key, tensor in form.folded(middle).items():
        torch.testing.assert_close(tensor, middle[key], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_streams_and_coordinates_inside_of_heads_are_linear_groups_and_no_others(name: str) -> None:
    form = form_of(name)
    stream = "patches" if name.startswith("vit") else "embedding"
    heads = [f"blocks.{k}.attention.query[0]" for k in range(2)]
    expected = {stream: LinearGroup(WIDTH, keeps_ones=name.endswith(("layer", "token")))}
    for head in heads:
        layer = head.removesuffix(".query[0]")
        expected |= {f"{layer}.{kind}[1]": LinearGroup(WIDTH // HEADS, head, HEADS) for kind in ("query", "value")}
    assert form.groups == expected
    assert set(form.graph.sizes) - set(form.groups) == {*heads, "blocks.0.hidden", "blocks.1.hidden"}
    assert len(form.streams) == (0 if name.endswith("none") else 1)


@pytest.mark.parametrize(("name", "n_groups"), [("perceptron", 0), ("linear", 2)])
def test_without_activation_functions_every_layer_is_one(name: str, n_groups: int) -> None:
    form = form_of(name)
    assert form.groups == dict.fromkeys(list(form.graph.sizes)[:n_groups], LinearGroup(WIDTH))


@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("seed", range(3))
def test_all_maps_at_once_keep_the_function(name: str, seed: int) -> None:
    form, rng = form_of(name), np.random.default_rng(seed)
    same = form.folded(tensors_of(made(name, seed)))
    others = set(form.graph.sizes) - set(form.groups)
    maps = {group: each.random(rng) for group, each in form.groups.items()}
    maps |= {group: Permutation(rng.permutation(form.graph.sizes[group])) for group in others}
    moved = form.free.apply(same, maps)
    assert gap(name, same, moved) < EXACT
    assert max(float((moved[key] - same[key]).abs().max()) for key in same) > 0.1
    for key, tensor in form.folded(moved).items():  # which is in linear form, of the same architecture
        torch.testing.assert_close(tensor, moved[key], rtol=0, atol=1e-12)


def test_a_map_that_moves_the_vector_of_ones_breaks_what_norms_with_means_compute() -> None:
    form, rng = form_of("gpt layer"), np.random.default_rng(0)
    same = form.folded(tensors_of(made("gpt layer")))
    assert gap("gpt layer", same, form.free.apply(same, {"embedding": LinearGroup(WIDTH).random(rng)})) > 1e-3


def test_a_rotation_of_a_network_that_is_not_in_linear_form_breaks_its_function() -> None:
    form, rng = form_of("gpt layer"), np.random.default_rng(0)
    tensors = tensors_of(made("gpt layer"))
    assert gap("gpt layer", tensors, form.graph.apply(tensors, {"embedding": form.groups["embedding"].random(rng)})) > 1e-3


POST_NORM = nn.TransformerEncoderLayer(12, 3, 20, batch_first=True, dropout=0.0)


@pytest.mark.parametrize(
    ("name", "make", "obstacle"),
    [
        ("post-norm", lambda: nn.Sequential(nn.Linear(6, 12), POST_NORM, nn.Linear(12, 4)), "a residual stream must be"),
        ("tied", NETWORKS["gpt"].make, "give each use a tensor of its own"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_stream_that_cannot_be_folded_is_left_to_permutations(name: str, make: Callable[[], nn.Module], obstacle: str) -> None:
    torch.manual_seed(0)
    module, inputs = drawn(make().double()), torch.randn(2, 5, 6, dtype=torch.float64) if name == "post-norm" else NETWORKS["gpt"].example()
    form = linear_form(module, trace(module, inputs), inputs, np.random.default_rng(0))
    assert form.streams == ()
    assert re.search(obstacle, form.obstacle)
    assert all(each.heads is not None for each in form.groups.values())


def test_a_layer_without_biases_takes_over_no_shift() -> None:
    module = made("gpt layer")
    module.head = nn.Linear(WIDTH, 11, bias=False).double()
    form = linear_form(module, trace(module, example("gpt")), example("gpt"), np.random.default_rng(0))
    assert form.streams == ()
    assert form.obstacle == "its norms cannot be folded: a layer would need the biases head.bias, to take over the shift of a norm."
    assert "embedding" not in form.groups


class Scaled(nn.Module):
    """A norm that is written by hand, whose scale no fold finds."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


class Skip(nn.Module):
    """A residual stream with one block of hidden neurons."""

    def __init__(self, norm: Callable[[], nn.Module], activation: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        self.embed, self.one, self.up, self.down = nn.Linear(5, WIDTH), norm(), nn.Linear(WIDTH, 7), nn.Linear(7, WIDTH)
        self.two, self.head, self.activation = norm(), nn.Linear(WIDTH, 3), activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        return self.head(self.two(x + self.down(self.activation(self.up(self.one(x))))))


def form_of_module(module: nn.Module, graph: Graph | None = None) -> LinearForm:
    inputs = torch.rand(2, 5, dtype=torch.float64)
    return linear_form(module, trace(module, inputs) if graph is None else graph, inputs, np.random.default_rng(0))


def test_a_stream_behind_norms_that_torch_does_not_know_is_named() -> None:
    form = form_of_module(Skip(Scaled).double())
    assert (form.streams, dict(form.groups)) == ((), {})
    assert form.obstacle == "rotations of embed change what the network computes."
    assert form_of_module(Skip(lambda: nn.RMSNorm(WIDTH)).double()).obstacle == ""


@pytest.mark.parametrize("width", [2, 3, 8, 64])
@pytest.mark.parametrize("seed", range(3))
def test_rectified_neurons_are_no_coordinates_even_where_examples_leave_them_all_positive(width: int, seed: int) -> None:
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3)).double()
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.copy_(torch.randn_like(tensor) * 0.05 if tensor.dim() > 1 else torch.ones_like(tensor))
    assert form_of_module(module).groups == {}


def test_a_group_of_one_neuron_is_a_coordinate_only_where_its_sign_does_not_count() -> None:
    def groups(*after: nn.Module) -> dict[str, LinearGroup]:
        module = nn.Sequential(nn.Linear(5, 1), *after, nn.Linear(1, 3)).double()
        axes = {"0.weight": ("one", None), "0.bias": ("one",), f"{len(after) + 1}.weight": (None, "one"), f"{len(after) + 1}.bias": (None,)}
        return dict(form_of_module(module, Graph.by_hand(axes, tensors_of(module))).groups)

    assert groups(nn.GELU()) == {}
    assert groups() == {"one": LinearGroup(1)}


def test_a_group_whose_maps_nothing_shows_is_not_taken_for_coordinates() -> None:
    class Signs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.down, self.head = nn.Linear(5, 6), nn.Linear(6, 1), nn.Linear(1, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.sign(self.down(torch.relu(self.up(x))) + 1e3))

    assert form_of_module(Signs().double()).groups == {}


def test_norms_are_folded_alike_where_groups_are_named_by_hand_or_left_out() -> None:
    module = drawn(Skip(lambda: nn.LayerNorm(WIDTH)).double())
    stream, hidden = ("embed", "up")
    axes: dict[str, tuple[str | None, ...]] = {
        "embed.weight": (stream, None), "embed.bias": (stream,), "up.weight": (hidden, stream), "up.bias": (hidden,),
        "down.weight": (stream, hidden), "down.bias": (stream,), "head.weight": (None, stream), "head.bias": (None,),
    } | {f"{norm}.{kind}": (stream,) for norm in ("one", "two") for kind in ("weight", "bias")}  # fmt: skip
    named = {"embed": "s", "up": "h"}
    by_hand = Graph.by_hand({name: tuple(named.get(g or "") for g in entry) for name, entry in axes.items()}, tensors_of(module))
    traced = trace(module, torch.rand(2, 5, dtype=torch.float64))
    expected = form_of_module(module, traced).folded(tensors_of(module))
    for graph in (by_hand, traced.without(["embed"])):
        for name, tensor in form_of_module(module, graph).folded(tensors_of(module)).items():
            torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-12)
    assert form_of_module(module, by_hand).groups == {"s": LinearGroup(WIDTH, keeps_ones=True)}


def test_examples_may_have_another_type_than_the_module() -> None:
    module = MADE["vit layer"]()  # float32, as networks of a sweep; the examples are float64
    form = linear_form(module, trace(module, example("vit").float()), example("vit"), np.random.default_rng(0))
    assert (form.groups, form.obstacle) == (form_of("vit layer").groups, "")


def test_identities_and_maps_of_linear_groups_are_of_their_kind() -> None:
    for group in (LinearGroup(4), LinearGroup(4, "heads", 3)):
        mapping = group.map_of(group.identity())
        tensor = torch.randn(3, 4)
        torch.testing.assert_close(mapping.apply(tensor, 1), tensor)
        assert isinstance(mapping, Orthogonal) == (group.heads is None)
