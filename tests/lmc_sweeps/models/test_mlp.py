"""The multilayer perceptron: how many parameters, and the laws its first weights are drawn from."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mlp import INITIALISATIONS, TRUNCATED_STD, Mlp


def initial(seed: int = 0, n_inputs: int = 300, width: int = 400, depth: int = 2, **settings: object) -> dict[str, torch.Tensor]:
    return Mlp(**settings).initial(Shape((n_inputs,), width, depth, 10), np.random.default_rng(seed))


@pytest.mark.parametrize(("bias", "count"), [(True, 669_706), (False, 668_672)])
def test_the_papers_network_has_its_number_of_parameters(bias: bool, count: int) -> None:
    # 784-512-512-10: 784*512 + 512*512 + 512*10 weights, and 512 + 512 + 10 biases
    parameters = initial(n_inputs=784, width=512, bias=bias)
    assert sum(tensor.numel() for tensor in parameters.values()) == count


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("depth", [1, 3])
def test_the_parameters_are_those_of_the_permutation_specification(initialisation: str, bias: bool, depth: int) -> None:
    parameters = initial(n_inputs=7, width=5, depth=depth, bias=bias, initialisation=initialisation)
    spec = Mlp(bias=bias).architecture(Shape((7,), 5, depth, 10)).spec
    assert list(parameters) == list(spec.axes)
    assert spec.sizes(parameters) == {f"hidden_{k}": 5 for k in range(1, depth + 1)}
    assert parameters["output.weight"].shape == (10, 5)
    assert {tensor.dtype for tensor in parameters.values()} == {torch.float32}


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_the_same_generator_draws_the_same_network_and_another_draws_another(initialisation: str) -> None:
    first, again, other = (initial(seed, initialisation=initialisation) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first if name.endswith("weight"))


@pytest.mark.parametrize(
    ("initialisation", "gain", "kurtosis"),
    [("pytorch", 1 / 3, 1.8), ("he", 2.0, 3.0), ("lecun", 1.0, 2.3657), ("gaussian", 1.0, 3.0), ("uniform", 1.0, 1.8)],
)
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


@pytest.mark.parametrize("initialisation", [name for name in INITIALISATIONS if name != "pytorch"])
def test_biases_are_zero_but_for_pytorchs(initialisation: str) -> None:
    parameters = initial(initialisation=initialisation)
    assert all(not tensor.any() for name, tensor in parameters.items() if name.endswith("bias"))


def test_pytorch_weights_and_biases_follow_the_law_of_torchs_own_linear_layer() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        linear = nn.Linear(300, 400)
    drawn = initial(initialisation="pytorch")
    bound = 1 / math.sqrt(300)
    for name, reference in linear.named_parameters():
        values = drawn[f"hidden_1.{name}"].flatten()
        reference = reference.detach().flatten()
        for draws in (values, reference):
            # The maximum of n uniform draws is within 10 bound / n of the bound, but for a probability of 5e-5.
            assert bound * (1 - 10 / len(draws)) < float(draws.abs().max()) <= bound * (1 + 1e-6)
        assert stats.ks_2samp(values.numpy(), reference.numpy()).pvalue > 1e-3


@pytest.mark.parametrize(("activation", "function"), [("relu", torch.relu), ("tanh", torch.tanh), ("gelu", nn.functional.gelu)])
def test_the_activation_named_is_the_one_applied(activation: str, function: object) -> None:
    parameters = initial(n_inputs=4, width=6, depth=1)
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((9, 4)).astype(np.float32))
    hidden = function(x @ parameters["hidden_1.weight"].T + parameters["hidden_1.bias"])
    expected = hidden @ parameters["output.weight"].T + parameters["output.bias"]
    architecture = Mlp(activation=activation).architecture(Shape((4,), 6, 1, 10))
    logits = architecture.forward({name: tensor.unsqueeze(0) for name, tensor in parameters.items()}, x)
    torch.testing.assert_close(logits, expected.unsqueeze(0), rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "rleu"}, r"`model.activation` must be one of gelu, relu, tanh, got 'rleu'. Did you mean 'relu'\?"),
        ({"bias": 1}, "`model.bias` must be true or false, got 1."),
        (
            {"initialisation": "xavier"},
            "`model.initialisation` must be one of gaussian, he, lecun, low_dimensional, pytorch, uniform, got 'xavier'.",
        ),
    ],
)
def test_settings_that_are_not_known_are_refused_with_the_choices(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        Mlp(**settings)


def low_dimensional(seed: int = 0, **settings: object) -> np.ndarray:
    return initial(seed, initialisation="low_dimensional", **settings)["hidden_1.weight"].double().numpy()


@pytest.mark.parametrize("k", [1, 3, 8])
def test_low_dimensional_weights_lie_on_one_subspace_of_their_dimension_whatever_the_seed(k: int) -> None:
    both = np.concatenate([low_dimensional(seed, intrinsic_dimension=k) for seed in (0, 1)])
    values = np.linalg.svd(both, compute_uv=False)
    assert values[k - 1] > 0.5 * math.sqrt(len(both) / k)  # every direction of the subspace is used
    assert values[k] < 1e-5 * values[0]
    np.testing.assert_allclose((both**2).sum(1).mean(), 1.0, atol=5 * math.sqrt(2 / k / len(both)))
    other_law = np.concatenate([low_dimensional(0, intrinsic_dimension=k), low_dimensional(0, intrinsic_dimension=k, law_seed=1)])
    assert np.linalg.matrix_rank(other_law, tol=1e-3) == 2 * k


def test_noise_is_the_distance_from_the_subspace() -> None:
    k, eta = 3, 0.5
    w = low_dimensional(intrinsic_dimension=k, noise=eta)
    basis = np.linalg.svd(low_dimensional(intrinsic_dimension=k), full_matrices=False)[2][:k]
    outside = w - w @ basis.T @ basis
    # n - k of n directions of the noise lie outside
    np.testing.assert_allclose((outside**2).sum(1).mean(), eta**2 * (300 - k) / 300, rtol=5 * math.sqrt(2 / 300 / len(w)))


def test_only_the_first_layer_is_low_dimensional() -> None:
    p = initial(initialisation="low_dimensional", intrinsic_dimension=2)
    assert np.linalg.matrix_rank(p["hidden_1.weight"].numpy()) == 2
    assert np.linalg.matrix_rank(p["hidden_2.weight"].numpy()) == 400


def test_a_subspace_fits_into_the_inputs() -> None:
    with pytest.raises(InputError, match=r"^`model.intrinsic_dimension` must be at most the number of inputs \(4\), got 5\.$"):
        Mlp(initialisation="low_dimensional", intrinsic_dimension=5).check_shape(Shape((4,), 8, 1, 10))
    Mlp(initialisation="low_dimensional", intrinsic_dimension=4).check_shape(Shape((4,), 8, 1, 10))
    Mlp(intrinsic_dimension=5).check_shape(Shape((4,), 8, 1, 10))
