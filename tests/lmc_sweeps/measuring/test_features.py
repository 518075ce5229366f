"""Layerwise linear feature connectivity: the layer that mixes exactly, the ends, the two cases that a cosine cannot tell apart."""

import numpy as np
import pytest
import torch
from loss_problems import KINDS, LossPair, chains, traced
from torch import Tensor

from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.measuring.features import OUTPUTS, FeatureConnectivity, feature_connectivity
from lmc_sweeps.models.base import Architecture, Shape, stacked
from lmc_sweeps.models.mlp import Mlp


def chain() -> LossPair:
    return chains(7, depth=3)


def by_layer(pair: LossPair, t: tuple[float, ...]) -> dict[str, list[FeatureConnectivity]]:
    rows: dict[str, list[FeatureConnectivity]] = {}
    for row in feature_connectivity(pair.architecture, pair.a, pair.b, pair.train.inputs, t):
        rows.setdefault(row.layer, []).append(row)
    return rows


def test_the_first_layer_is_mixed_exactly_and_the_others_are_not() -> None:
    first, *others = by_layer(chain(), (0.1, 0.5, 0.8)).values()
    assert len(others) == 3
    for row in first:
        assert row.distance == pytest.approx(0, abs=1e-12)
        assert row.scale == pytest.approx(1, abs=1e-12)
        assert row.control > 0.1
    assert all(row.distance > 1e-3 for rows in others for row in rows)


@pytest.mark.parametrize("kind", ["chain", *KINDS])
def test_the_ends_are_exact_and_a_network_is_connected_to_itself(kind: str) -> None:
    pair = chain() if kind == "chain" else traced(kind)
    for rows in by_layer(pair, (0.0, 1.0)).values():
        for row in rows:
            assert (row.distance, row.scale) == pytest.approx((0, 1), abs=1e-12)
    same = LossPair(pair.architecture, pair.a, pair.a, pair.train)
    for rows in by_layer(same, (0.3,)).values():
        assert (rows[0].distance, rows[0].scale, rows[0].control) == pytest.approx((0, 1, 0), abs=1e-12)


def test_distances_and_scales_are_those_of_the_definition_example_by_example() -> None:
    pair, t = chain(), 0.3
    networks = stacked(
        [pair.a, pair.b, {name: each[0] for name, each in interpolate(pair.a, pair.b, torch.tensor([t], dtype=torch.float64)).items()}]
    )
    outputs = pair.architecture.forward(networks, pair.train.inputs).numpy()
    distances, scales, controls = [], [], []
    for f_a, f_b, f_t in zip(*outputs, strict=True):
        mixture = (1 - t) * f_a + t * f_b
        distances.append(1 - f_t @ mixture / np.linalg.norm(f_t) / np.linalg.norm(mixture))
        scales.append(f_t @ mixture / (mixture @ mixture))
        controls.append(1 - f_a @ f_b / np.linalg.norm(f_a) / np.linalg.norm(f_b))
    row = by_layer(pair, (t,))[OUTPUTS][0]
    expected = tuple(map(np.mean, (distances, scales, controls)))
    assert (row.distance, row.scale, row.control) == pytest.approx(expected, rel=1e-9)


def test_where_outputs_are_mixed_exactly_the_network_between_is_wrong_only_where_an_end_is() -> None:
    """Networks that share all but the output layer mix exactly in every layer."""
    pair = chain()
    b = {**pair.a, **{name: pair.b[name] for name in list(pair.b)[-2:]}}
    assert 0 < sum(not torch.equal(pair.a[name], b[name]) for name in b) < len(b)
    rows = by_layer(LossPair(pair.architecture, pair.a, b, pair.train), (0.25, 0.5))[OUTPUTS]
    assert all((row.distance, row.scale) == pytest.approx((0, 1), abs=1e-12) for row in rows)
    between = {name: (pair.a[name] + b[name]) / 2 for name in b}
    wrong = [answers_wrongly(pair.architecture, network, pair) for network in (pair.a, b, between)]
    assert 0 < wrong[0].sum() < len(wrong[0])
    assert not (wrong[2] & ~(wrong[0] | wrong[1])).any()


def answers_wrongly(architecture: Architecture, network: dict[str, Tensor], pair: LossPair) -> Tensor:
    return architecture.forward(stacked([network]), pair.train.inputs)[0].argmax(-1) != pair.train.labels


def test_halfway_between_networks_on_disjoint_neurons_the_scale_tells_what_the_cosine_does_not() -> None:
    shape = Shape((6,), 8, 3, 3)
    settings = Mlp(initialisation="he", bias=False)
    networks = [settings.initial(shape, np.random.default_rng(seed)) for seed in range(2)]
    a, b = ({name: tensor.double() for name, tensor in network.items()} for network in networks)
    for k, network in enumerate((a, b)):
        unused = slice(4, 8) if k == 0 else slice(0, 4)
        names = list(network)
        for name in names:
            if name != names[-1]:
                network[name][unused] = 0
            if name != names[0]:
                network[name][:, unused] = 0
    inputs = torch.from_numpy(np.random.default_rng(3).standard_normal((40, 6)))
    rows = feature_connectivity(settings.architecture(shape), a, b, inputs)
    assert len(rows) == 4
    for number, row in enumerate(rows, start=1):
        assert row.distance == pytest.approx(0, abs=1e-12)
        assert row.scale == pytest.approx(2.0 ** (1 - number), abs=1e-12)


def test_features_that_are_nothing_have_no_scale() -> None:
    pair = chain()
    dead = {name: torch.zeros_like(tensor) for name, tensor in pair.a.items()}
    rows = by_layer(LossPair(pair.architecture, dead, dead, pair.train), (0.5,))
    assert all(rows[layer][0].distance == 0 and np.isnan(rows[layer][0].scale) for layer in rows)
