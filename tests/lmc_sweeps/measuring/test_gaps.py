"""The output gap at the midpoint, and certificates that bound it: closed forms, and random networks of every kind."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.measuring.gaps import HOLDS, NONE, VACUOUS, VIOLATED, distance, midpoint_gap, relative_movement
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.chain_layer import LIPSCHITZ
from lmc_sweeps.models.mean_field import MeanField
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.sequential import from_sequential

INPUTS, CLASSES = 5, 3
X = torch.from_numpy(np.random.default_rng(0).standard_normal((700, INPUTS)).astype(np.float32))


def pair(model: object, width: int, depth: int, scale: float = 1.0) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return A, and B at a distance that shrinks with `scale`."""
    a, b = (model.initial(Shape((INPUTS,), width, depth, CLASSES), np.random.default_rng(seed)) for seed in (1, 2))
    return a, {name: a[name] + scale * (b[name] - a[name]) for name in a}


def gap_of(model: object, a: dict[str, Tensor], b: dict[str, Tensor], width: int, depth: int):
    architecture = model.architecture(Shape((INPUTS,), width, depth, CLASSES))
    return midpoint_gap(architecture, a, b, architecture.certifier(a, b, X), X)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.01])
@pytest.mark.parametrize("width", [3, 20, 64])
@pytest.mark.parametrize(
    ("model", "depth"),
    [(Mlp(), 1), (Mlp(initialisation="he"), 3), (Mlp(activation="tanh"), 2), (Mlp(bias=False), 2), (MeanField(), 1), (MeanField(activation="relu"), 1)],
    ids=str,
)  # fmt: skip
def test_a_certificate_is_above_the_gap(model: object, depth: int, width: int, scale: float) -> None:
    gap = gap_of(model, *pair(model, width, depth, scale), width, depth)
    assert 0 < gap.output_gap < gap.certificate < math.inf
    assert gap.certificate_ratio == pytest.approx(gap.certificate / gap.output_gap)
    assert gap.certificate_status in (HOLDS, VACUOUS)


@pytest.mark.parametrize("model", [Mlp(), MeanField()], ids=str)
def test_the_gap_is_that_of_modules_computed_one_by_one(model: object) -> None:
    width = 12
    a, b = pair(model, width, 1)
    architecture = model.architecture(Shape((INPUTS,), width, 1, CLASSES))
    middle = {name: (a[name] + b[name]) / 2 for name in a}
    at_a, at_b, at_middle = (architecture.module(net)(X).detach().double() for net in (a, b, middle))
    expected = (at_middle - (at_a + at_b) / 2).square().sum(1).mean().sqrt()
    gap = gap_of(model, a, b, width, 1)
    assert gap.output_gap == pytest.approx(float(expected), rel=1e-5)
    assert gap.output_scale == pytest.approx(float(at_middle.norm() / ((at_a + at_b) / 2).norm()), rel=1e-5)


def test_a_network_and_itself_have_no_gap_and_a_linear_network_has_none_between_outputs() -> None:
    a, _ = pair(Mlp(), 8, 1)
    same = gap_of(Mlp(), a, a, 8, 1)
    assert same.output_gap < 1e-6
    assert same.certificate == 0.0
    assert same.certificate_status == HOLDS  # rounding breaks no certificate
    # If A and B share their hidden layer, the output is linear in t.
    _, b = pair(Mlp(), 8, 1)
    b = {name: a[name] if name.startswith("hidden") else b[name] for name in a}
    assert gap_of(Mlp(), a, b, 8, 1).output_gap < 1e-6


def test_the_layerwise_certificate_of_one_hidden_layer_by_hand() -> None:
    a, b = pair(Mlp(), 6, 1)
    change = X @ (b["hidden_1.weight"] - a["hidden_1.weight"]).T + b["hidden_1.bias"] - a["hidden_1.bias"]
    first = float(change.double().square().sum(1).mean().sqrt()) / 2
    middle = {name: (a[name] + b[name]) / 2 for name in a}
    hidden = torch.relu(X @ middle["hidden_1.weight"].T + middle["hidden_1.bias"])
    change = hidden @ (b["output.weight"] - a["output.weight"]).T + b["output.bias"] - a["output.bias"]
    second = float(change.double().square().sum(1).mean().sqrt()) / 2
    norms = [float(torch.linalg.matrix_norm(net["output.weight"].double(), 2)) for net in (a, b)]
    expected = sum(norm * first + second for norm in norms) / 2
    assert gap_of(Mlp(), a, b, 6, 1).certificate == pytest.approx(expected, rel=1e-5)


def test_permuting_both_networks_alike_changes_neither_gap_nor_certificate() -> None:
    a, b = pair(Mlp(), 7, 2)
    spec = Mlp().architecture(Shape((INPUTS,), 7, 2, CLASSES)).spec
    moves = {group: np.random.default_rng(3).permutation(7) for group in spec.groups}
    original, moved = gap_of(Mlp(), a, b, 7, 2), gap_of(Mlp(), *(apply_permutations(net, spec, moves) for net in (a, b)), 7, 2)
    assert moved.output_gap == pytest.approx(original.output_gap, rel=1e-5)
    assert moved.certificate == pytest.approx(original.certificate, rel=1e-5)


def test_the_curvature_certificate_falls_with_the_square_of_the_distance() -> None:
    near, nearer = (gap_of(MeanField(), *pair(MeanField(), 30, 1, scale), 30, 1).certificate for scale in (1e-2, 1e-3))
    assert near / nearer == pytest.approx(100, rel=0.05)


def test_no_certificate_is_known_for_steep_activations_and_outputs_that_are_not_linear() -> None:
    a, b = pair(Mlp(activation="gelu"), 4, 1)
    gap = gap_of(Mlp(activation="gelu"), a, b, 4, 1)
    assert gap.output_gap > 0
    assert math.isnan(gap.certificate)
    assert gap.certificate_status == NONE
    modules = [nn.Sequential(nn.Linear(INPUTS, 4), nn.ReLU(), nn.Linear(4, CLASSES), nn.LogSoftmax(-1)) for _ in range(2)]
    a, b = ({name: p.detach() for name, p in module.named_parameters()} for module in modules)
    assert math.isnan(from_sequential(modules[0]).certifier(a, b, X)(b))


def test_a_broken_certificate_and_a_vacuous_one_are_called_so() -> None:
    a, b = pair(Mlp(), 8, 1, 0.3)
    architecture = Mlp().architecture(Shape((INPUTS,), 8, 1, CLASSES))
    gap = midpoint_gap(architecture, a, b, lambda aligned: 0.0, X)
    assert gap.certificate_status == VIOLATED
    chord = sum(architecture.module(net)(X).detach() for net in (a, b)) / 2
    size = float(chord.square().sum(1).mean().sqrt())
    assert gap.output_gap < 0.99 * size
    assert midpoint_gap(architecture, a, b, lambda aligned: 0.99 * size, X).certificate_status == HOLDS
    assert midpoint_gap(architecture, a, b, lambda aligned: 1.01 * size, X).certificate_status == VACUOUS


def test_distances_by_hand() -> None:
    a = {"w": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([0.0])}
    b = {"w": torch.tensor([[3.0, 3.0]]), "b": torch.tensor([4.0])}
    assert distance(a, b) == 5.0
    assert relative_movement(a, b) == pytest.approx(5 / 3)
    assert math.isnan(relative_movement({"w": torch.zeros(2)}, {"w": torch.ones(2)}))


@pytest.mark.parametrize("model", [Mlp(), MeanField(), MeanField(activation="relu")], ids=str)
def test_what_is_summed_over_batches_is_summed_over_all(model: object) -> None:
    a, b = pair(model, 9, 1)
    architecture = model.architecture(Shape((INPUTS,), 9, 1, CLASSES))
    whole, parts = (midpoint_gap(architecture, a, b, architecture.certifier(a, b, X, size), X, size) for size in (2000, 64))
    assert parts.output_gap == pytest.approx(whole.output_gap, rel=1e-5)
    assert parts.output_scale == pytest.approx(whole.output_scale, rel=1e-5)
    assert parts.certificate == pytest.approx(whole.certificate, rel=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_first_order_certificate_of_two_layers_by_hand(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmc_sweeps.models.mean_field.two_layer_curvature_certificate", lambda *arguments: math.inf)
    model, n = MeanField(activation=activation), 4
    a, b = pair(model, n, 1)
    square = float((X.double() ** 2).sum(1).mean()) + 1
    total = 0.0
    for i in range(n):
        ends = [
            np.concatenate([p["hidden_1.weight"][i], p["hidden_1.bias"][i : i + 1], p["output.weight"][:, i]]).astype(float) for p in (a, b)
        ]
        outgoing = max(np.linalg.norm(end[INPUTS + 1 :]) for end in ends)
        values = 1.0 if activation == "tanh" else max(np.linalg.norm(end[: INPUTS + 1]) for end in ends) ** 2 * square
        total += math.sqrt(values + outgoing**2 * square) * np.linalg.norm(ends[0] - ends[1])
    assert gap_of(model, a, b, n, 1).certificate == pytest.approx(total / n / 2, rel=1e-5)


def test_the_curvature_certificate_is_sharp_where_tanh_bends_most_and_where_two_weights_move() -> None:
    one = torch.ones(50, 1)  # one input, which is 1: z = w + b

    def network(z: float, out: float) -> dict[str, Tensor]:
        return {"hidden_1.weight": torch.tensor([[z]], dtype=torch.float64), "hidden_1.bias": torch.zeros(1, dtype=torch.float64),
                "output.weight": torch.tensor([[out]], dtype=torch.float64)}  # fmt: skip

    architecture = MeanField().architecture(Shape((1,), 1, 1, 1))
    bend, step = math.atanh(1 / math.sqrt(3)), 0.01
    for a, b in ((network(bend - step, 1.0), network(bend + step, 1.0)), (network(-step, -step), network(step, step))):
        gap = midpoint_gap(architecture, a, b, architecture.certifier(a, b, one.double()), one.double())
        assert 1.0 <= gap.certificate_ratio < 1.02


@pytest.mark.parametrize("kind", LIPSCHITZ)
def test_what_is_called_lipschitz_is(kind: type[nn.Module]) -> None:
    z = torch.linspace(-8, 8, 200_001, dtype=torch.float64)
    slopes = kind().eval()(z).diff() / z.diff()
    assert float(slopes.abs().max()) <= 1 + 1e-9


def test_rounding_has_no_ratio() -> None:
    a, _ = pair(Mlp(), 8, 1)
    spec = Mlp().architecture(Shape((INPUTS,), 8, 1, CLASSES)).spec
    moves = {"hidden_1": np.random.default_rng(0).permutation(8)}
    back = {"hidden_1": np.argsort(moves["hidden_1"])}
    gap = gap_of(Mlp(), a, apply_permutations(apply_permutations(a, spec, moves), spec, back), 8, 1)
    assert (gap.certificate, gap.certificate_status) == (0.0, HOLDS)
    assert math.isnan(gap.certificate_ratio)
