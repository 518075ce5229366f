"""The comparison with the package `rebasin`, by stand-ins for it: what is measured of a permuted B, and the pairs that are trained for it."""

import importlib.metadata
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import traced_networks
from torch import nn

from benchmarks import real_pairs, rebasin_package
from benchmarks.real_pairs import RealPair, Recipe, layer_norm, resnet20, warmup_cosine
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data, Split

rng = np.random.default_rng(0)
ORDER = torch.tensor(rng.permutation(6))


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


def examples(n: int) -> Split:
    return Split(torch.from_numpy(rng.standard_normal((n, 4)).astype(np.float32)), torch.from_numpy(rng.integers(3, size=n)))


def relabelled(network: nn.Sequential, order: torch.Tensor, with_outputs: bool = True) -> nn.Sequential:
    """Return a network with its hidden neurons in another order; without what reads them it is another function."""
    other = mlp()
    state = network.state_dict()
    state = state | {key: state[key][order] for key in ("0.weight", "0.bias")} | {"2.weight": state["2.weight"][:, order]}
    other.load_state_dict(state if with_outputs else state | {"2.weight": network.state_dict()["2.weight"]})
    return other


@pytest.fixture
def package(monkeypatch):
    """Stand in for the package with one that changes B in place, at first to a given order of its neurons; return what it was called with."""
    calls = SimpleNamespace(permuted=lambda b: relabelled(b, ORDER), a=[], drawn=[])

    class Descent:
        def __init__(self, a: nn.Module, b: nn.Sequential, inputs: torch.Tensor) -> None:
            calls.a.append(a)
            self.b = b
            b(inputs)

        def rebasin(self) -> None:
            calls.drawn.append(float(torch.rand(())))
            self.b.load_state_dict(calls.permuted(self.b).state_dict())

    stand_in = ModuleType("rebasin")
    stand_in.PermutationCoordinateDescent = Descent
    monkeypatch.setitem(sys.modules, "rebasin", stand_in)
    return calls


def pair() -> RealPair:
    """Return a pair of which A is B with its neurons in the order that the stand-in gives them."""
    b = mlp()
    return RealPair("planted", "0-1", relabelled(b, ORDER), b, examples(50), examples(40))


def test_a_planted_order_is_found_by_all_and_the_function_stays(package):
    planted = pair()
    before = {key: tensor.clone() for key, tensor in planted.b.state_dict().items()}
    rows = {row["method"]: row for row in rebasin_package.comparison(planted, draws=3)}
    assert rows.keys() >= {"package", "weights", "activations"}
    distance = sum(((x - y) ** 2).sum().item() for x, y in zip(planted.a.parameters(), planted.b.parameters(), strict=True))
    for row in rows.values():
        assert row["distance_before"] == pytest.approx(distance, rel=1e-6)
        assert row["distance_after"] == row["least"] == row["most"] == 0
        assert row["function_gap"] < 1e-5
        assert row["error_permuted_b"] == row["error_b"]
    assert (rows["package"]["draws"], rows["weights"]["draws"]) == (3, 1)
    assert all(torch.equal(planted.b.state_dict()[key], before[key]) for key in before)  # neither network is changed
    assert planted.a not in package.a


def test_the_package_is_called_with_the_seeds_of_its_draws(package):
    rebasin_package.comparison(pair(), draws=2)
    torch.manual_seed(1)
    assert package.drawn[1] == float(torch.rand(())) != package.drawn[0]


def test_a_permuted_b_that_is_another_function_is_seen(package):
    package.permuted = lambda b: relabelled(b, ORDER, with_outputs=False)
    row = rebasin_package.comparison(pair(), draws=1)[0]
    assert row["method"] == "package"
    assert row["function_gap"] > 0.01


def test_buffers_are_no_part_of_the_distance():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = {key: tensor + 1 for key, tensor in network.state_dict().items()}
    assert rebasin_package.squared_distance(network, state) == pytest.approx(sum(p.numel() for p in network.parameters()))


class Stream(nn.Module):
    """A network whose groups feed one another, which no pass from layer to layer can match."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.up, self.down, self.head = nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        return self.head(x + self.down(torch.relu(self.up(x))))


def test_a_method_that_cannot_match_a_pair_has_its_message_in_the_table(package, monkeypatch):
    package.permuted = lambda b: b
    residual = RealPair("residual", "0-1", Stream().eval(), Stream().eval(), examples(50), examples(40))
    by_ours = rebasin_package.by_ours

    def refusing(method, pair, seed):
        if method == "weights":
            raise InputError("no such layer.")
        return by_ours(method, pair, seed)

    monkeypatch.setattr(rebasin_package, "by_ours", refusing)
    rows = {row["method"]: row for row in rebasin_package.comparison(residual, draws=1)}
    assert rows["weights"]["message"] == "no such layer."
    assert rows["activations"]["message"] == ""
    assert rows["package"]["distance_after"] == rows["package"]["distance_before"] == rows["weights"]["distance_before"]


def test_the_table_has_a_row_for_each_method_and_the_summary_is_of_those_that_could_match(package, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(rebasin_package, "RESULTS", tmp_path)
    monkeypatch.setattr(rebasin_package, "real_pairs", lambda folder, root: iter([pair(), pair()]))
    monkeypatch.setattr(rebasin_package, "machine", lambda: "a machine")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0.47")
    monkeypatch.setattr(sys, "argv", ["rebasin_package", str(tmp_path), "--draws", "2"])
    rebasin_package.main()
    table = pd.read_csv(tmp_path / "rebasin_package.csv", comment="#")
    assert list(table["method"][: len(table) // 2]) == list(table["method"][len(table) // 2 :])
    assert "a machine, rebasin 0.0.47" in capsys.readouterr().out
    table.loc[0, "draws"] = 0
    rows = rebasin_package.summary(table).set_index("method")
    assert (rows.loc["package", "pairs"], rows.loc["weights", "pairs"]) == (1, 2)
    assert rows.loc["package", "distance_before"] == table["distance_before"].iloc[-1]


def test_without_the_package_a_sentence_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "rebasin", None)
    monkeypatch.setattr(sys, "argv", ["rebasin_package", str(tmp_path / "networks")])
    with pytest.raises(SystemExit, match=r"^the package `rebasin` is not installed here \(pip install rebasin==0\.0\.47, "):
        rebasin_package.main()
    assert not (tmp_path / "networks").exists()


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, layer_norm])
def test_the_residual_network_is_that_whose_symmetries_the_tests_count(norm):
    network, expected = resnet20(norm, width=4).eval(), traced_networks.resnet20(norm, width=4).eval()
    expected.load_state_dict(network.state_dict())
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(network(images), expected(images), rtol=0, atol=0)


def test_the_learning_rate_rises_and_falls_to_nothing():
    rates = [warmup_cosine(step, 10, 60) for step in range(61)]
    assert rates[9] == rates[10] == 1
    assert rates[60] == pytest.approx(0, abs=1e-12)
    assert rates[35] == pytest.approx(0.5)
    assert np.all(np.diff(rates[:10]) > 0)
    assert np.all(np.diff(rates[10:]) < 0)


def test_networks_are_trained_once_and_read_from_then_on(tmp_path, monkeypatch):
    inputs = torch.from_numpy(rng.standard_normal((400, 4)).astype(np.float32))
    split = Split(inputs + 5, (inputs[:, 0] > 0).long())
    dataset = SimpleNamespace(load=lambda: Data(split, split, 2))
    network = lambda: nn.Sequential(nn.Conv2d(1, 8, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))  # noqa: E731
    recipes = {name: Recipe(network, lambda root: dataset, (1, 2, 2), 100, name == "sgd") for name in ("adam", "sgd")}
    monkeypatch.setattr(real_pairs, "RECIPES", recipes)
    monkeypatch.setattr(real_pairs, "digits_pairs", lambda folder: iter(()))
    assert list(real_pairs.real_pairs(tmp_path, None)) == []
    for _ in range(2):
        pairs = list(real_pairs.real_pairs(tmp_path, tmp_path))
        assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}_seed{seed}_epoch100.pt" for name in recipes for seed in (0, 1)]
        for trained in pairs:
            torch.testing.assert_close(trained.train.inputs.mean(), torch.tensor(0.0), rtol=0, atol=1e-5)
            assert not trained.a.training
            assert not torch.equal(trained.a[0].weight, trained.b[0].weight)
            for module in (trained.a, trained.b):
                assert rebasin_package.evaluated(module, module.state_dict(), trained.test)[1] < 0.1
        recipes |= {name: Recipe(network, lambda root: dataset, (1, 2, 2), 100) for name in recipes}  # what is there is not trained again
        monkeypatch.setattr(torch.optim, "Adam", None)
