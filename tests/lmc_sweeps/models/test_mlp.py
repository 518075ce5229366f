"""The multilayer perceptron: how many parameters, and the laws its first weights are drawn from."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from lmc_sweeps.checks import InputError
from lmc_sweeps.models.mlp import TRUNCATED_STD, Mlp


def initial(seed: int = 0, n_inputs: int = 300, width: int = 400, depth: int = 2, **settings: object) -> dict[str, torch.Tensor]:
    return Mlp(**settings).initial(n_inputs, width, depth, 10, np.random.default_rng(seed))


@pytest.mark.parametrize(("bias", "count"), [(True, 669_706), (False, 668_672)])
def test_the_papers_network_has_its_number_of_parameters(bias: bool, count: int) -> None:
    # 784-512-512-10: 784*512 + 512*512 + 512*10 weights, and 512 + 512 + 10 biases
    parameters = initial(n_inputs=784, width=512, bias=bias)
    assert sum(tensor.numel() for tensor in parameters.values()) == count


@pytest.mark.parametrize("initialisation", ["pytorch", "he", "lecun"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("depth", [1, 3])
def test_the_parameters_are_those_of_the_permutation_specification(initialisation: str, bias: bool, depth: int) -> None:
    parameters = initial(n_inputs=7, width=5, depth=depth, bias=bias, initialisation=initialisation)
    spec = Mlp(bias=bias).architecture(7, 5, depth, 10).spec
    assert list(parameters) == list(spec.axes)
    assert spec.sizes(parameters) == {f"hidden_{k}": 5 for k in range(1, depth + 1)}
    assert parameters["output.weight"].shape == (10, 5)
    assert {tensor.dtype for tensor in parameters.values()} == {torch.float32}


@pytest.mark.parametrize("initialisation", ["pytorch", "he", "lecun"])
def test_the_same_generator_draws_the_same_network_and_another_draws_another(initialisation: str) -> None:
    first, again, other = (initial(seed, initialisation=initialisation) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first if name.endswith("weight"))


@pytest.mark.parametrize(("initialisation", "gain", "kurtosis"), [("pytorch", 1 / 3, 1.8), ("he", 2.0, 3.0), ("lecun", 1.0, 2.3657)])
@pytest.mark.parametrize(("layer", "fan_in"), [("hidden_1", 300), ("hidden_2", 400)])
def test_weights_have_mean_zero_and_the_variance_and_kurtosis_of_their_law(
    initialisation: str, gain: float, kurtosis: float, layer: str, fan_in: int
) -> None:
    w = initial(initialisation=initialisation)[f"{layer}.weight"].double().numpy()
    error = 1 / math.sqrt(w.size)  # of the mean, in standard deviations
    assert abs(w.mean()) < 5 * error * w.std()
    np.testing.assert_allclose(w.var() * fan_in, gain, rtol=5 * error * math.sqrt(kurtosis - 1))
    # The standard error of a sample kurtosis is at most that of the normal law, sqrt(24 / n).
    np.testing.assert_allclose((w**4).mean() / w.var() ** 2, kurtosis, atol=5 * error * math.sqrt(24))


def test_lecun_weights_are_cut_off_at_two_standard_deviations_of_the_normal_law() -> None:
    np.testing.assert_allclose(TRUNCATED_STD, stats.truncnorm(-2, 2).std(), rtol=1e-12)
    w = initial(initialisation="lecun")["hidden_1.weight"].double().abs() * math.sqrt(300) * TRUNCATED_STD
    assert 1.99 < float(w.max()) <= 2 * (1 + 1e-6)  # float32 rounding
    assert stats.kstest(w.flatten(), stats.truncnorm(0, 2).cdf).pvalue > 1e-3


def test_he_weights_are_normal_and_not_cut_off() -> None:
    w = initial(initialisation="he")["hidden_1.weight"].double().flatten() * math.sqrt(300 / 2)
    assert float(w.abs().max()) > 3.0
    assert stats.kstest(w, stats.norm.cdf).pvalue > 1e-3


@pytest.mark.parametrize("initialisation", ["he", "lecun"])
def test_he_and_lecun_biases_are_zero(initialisation: str) -> None:
    parameters = initial(initialisation=initialisation)
    assert all(not tensor.any() for name, tensor in parameters.items() if name.endswith("bias"))


def test_pytorch_weights_and_biases_follow_the_law_of_torchs_own_linear_layer() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        linear = nn.Linear(300, 400)
    ours = initial(initialisation="pytorch")
    bound = 1 / math.sqrt(300)
    for name, theirs in linear.named_parameters():
        found = ours[f"hidden_1.{name}"].flatten()
        theirs = theirs.detach().flatten()
        for draws in (found, theirs):
            # The maximum of n uniform draws is within 10 bound / n of the bound, but for a probability of 5e-5.
            assert bound * (1 - 10 / len(draws)) < float(draws.abs().max()) <= bound * (1 + 1e-6)
        assert stats.ks_2samp(found.numpy(), theirs.numpy()).pvalue > 1e-3


@pytest.mark.parametrize(("activation", "function"), [("relu", torch.relu), ("tanh", torch.tanh), ("gelu", nn.functional.gelu)])
def test_the_activation_named_is_the_one_applied(activation: str, function: object) -> None:
    parameters = initial(n_inputs=4, width=6, depth=1)
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((9, 4)).astype(np.float32))
    hidden = function(x @ parameters["hidden_1.weight"].T + parameters["hidden_1.bias"])
    expected = hidden @ parameters["output.weight"].T + parameters["output.bias"]
    architecture = Mlp(activation=activation).architecture(4, 6, 1, 10)
    found = architecture.forward({name: tensor.unsqueeze(0) for name, tensor in parameters.items()}, x)
    torch.testing.assert_close(found, expected.unsqueeze(0), rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "rleu"}, r"`model.activation` must be one of gelu, relu, tanh, got 'rleu'. Did you mean 'relu'\?"),
        ({"bias": 1}, "`model.bias` must be true or false, got 1."),
        ({"initialisation": "xavier"}, "`model.initialisation` must be one of he, lecun, pytorch, got 'xavier'."),
    ],
)
def test_settings_that_are_not_known_are_refused_with_the_choices(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        Mlp(**settings)
