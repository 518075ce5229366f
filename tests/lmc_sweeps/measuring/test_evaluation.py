"""Loss and error against torch's own, along lines too; and the function gap, which must notice what is no symmetry."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.barriers import barriers
from lmc_sweeps.maths.interpolation import interpolate, line_points
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations
from lmc_sweeps.measuring.evaluation import evaluate, evaluate_line, function_gap
from lmc_sweeps.models.base import Architecture, Shape, stacked, unstack
from lmc_sweeps.models.feed_forward import FeedForward, Layer
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.graph import Graph

DEPTH, WIDTH, CLASSES = 3, 8, 5
ROUNDING = 1e-5  # of a float32 forward pass, relative to the largest logit


def network(seed: int, bias: bool = True) -> dict[str, Tensor]:
    return Mlp(bias=bias).initial(Shape((6,), WIDTH, DEPTH, CLASSES), np.random.default_rng(seed))


def chain(bias: bool = True) -> FeedForward:
    return Mlp(bias=bias).architecture(Shape((6,), WIDTH, DEPTH, CLASSES))


def as_torch_module() -> TorchModule:
    return TorchModule(chain().module(network(0)), chain().graph(network(0)))


def split(n: int = 101) -> Split:
    rng = np.random.default_rng(9)
    return Split(torch.from_numpy(rng.standard_normal((n, 6)).astype(np.float32)), torch.from_numpy(rng.integers(0, CLASSES, n)))


def permutations(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"hidden_{k}": rng.permutation(WIDTH) for k in range(1, DEPTH + 1)}


def torchs_scores(module: nn.Module, data: Split) -> tuple[float, float]:
    with torch.no_grad():
        logits = module(data.inputs).double()
    return float(F.cross_entropy(logits, data.labels)), float((logits.argmax(1) != data.labels).double().mean())


@pytest.mark.parametrize("architecture", [chain(), as_torch_module()])
@pytest.mark.parametrize("batch_size", [1, 10, 101, 5000])
def test_scores_are_torchs_cross_entropy_and_the_share_of_wrong_answers(architecture: Architecture, batch_size: int) -> None:
    networks, data = [network(seed) for seed in range(3)], split()
    scores = evaluate(architecture, stacked(networks), data, batch_size)
    assert (scores.loss.shape, scores.loss.dtype, scores.error.shape, scores.error.dtype) == ((3,), np.float64, (3,), np.float64)
    for k, parameters in enumerate(networks):
        loss, error = torchs_scores(architecture.module(parameters), data)
        np.testing.assert_allclose(scores.loss[k], loss, rtol=1e-6)  # logits are float32
        assert scores.error[k] == error


@pytest.mark.parametrize("architecture", [chain(), as_torch_module()])
@pytest.mark.parametrize("batch_size", [10, 5000])
def test_scores_along_lines_are_those_of_the_interpolated_networks(architecture: Architecture, batch_size: int) -> None:
    a, b, data, t = network(0), network(1), split(), line_points(5)
    maps = [{}, permutations(0), permutations(1)]
    scores = evaluate_line(architecture, a, b, maps, t, data, batch_size)
    assert scores.loss.shape == scores.error.shape == (3, 5)
    for m, permutation in enumerate(maps):
        line = interpolate(a, apply_permutations(b, chain().spec, permutation), torch.from_numpy(t))
        for k in range(len(t)):
            loss, error = torchs_scores(architecture.module(unstack(line, k)), data)
            np.testing.assert_allclose(scores.loss[m, k], loss, rtol=1e-6)
            assert scores.error[m, k] == error


def test_the_ends_of_every_line_are_a_and_b_whatever_the_permutation() -> None:
    data, networks = split(), [network(0), network(1)]
    scores = evaluate_line(chain(), *networks, [{}, permutations(0), permutations(1)], line_points(3), data)
    ends = evaluate(chain(), stacked(networks), data)
    np.testing.assert_allclose(scores.loss[:, [0, -1]], np.tile(ends.loss, (3, 1)), rtol=1e-6)
    np.testing.assert_array_equal(scores.error[:, [0, -1]], np.tile(ends.error, (3, 1)))


def test_a_network_that_overflows_has_no_scores_and_does_not_touch_its_neighbours() -> None:
    good, bad, data = network(0), network(1), split()
    bad["output.weight"] = bad["output.weight"] * torch.nan
    scores, alone = (
        evaluate(chain(), stacked([good, bad, good]), data, batch_size=10),
        evaluate(chain(), stacked([good]), data, batch_size=10),
    )
    for values, expected in ((scores.loss, alone.loss[0]), (scores.error, alone.error[0])):
        np.testing.assert_array_equal(values, [expected, np.nan, expected])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_a_permuted_network_computes_the_same_function_up_to_rounding(bias: bool, seed: int) -> None:
    gap = function_gap(chain(bias), network(seed, bias), permutations(seed), split().inputs, batch_size=10)
    assert gap < ROUNDING


def test_the_function_gap_is_the_largest_change_of_a_logit_over_the_largest_logit() -> None:
    spec = PermutationSpec({**chain().spec.axes, "hidden_2.bias": (None,)})  # wrong on purpose
    architecture, b, x = TorchModule(chain().module(network(0)), Graph.by_hand(spec.axes, network(0))), network(0), split().inputs
    with torch.no_grad():
        before = chain().module(b)(x)
        after = chain().module(apply_permutations(b, spec, permutations(0)))(x)
    expected = float((before - after).abs().max() / before.abs().max())
    for batch_size in (10, 5000):
        np.testing.assert_allclose(function_gap(architecture, b, permutations(0), x, batch_size), expected, rtol=1e-4)


WRONG_AXES: dict[str, dict[str, tuple[str | None, ...]]] = {
    "rows move, the next layer's columns do not": {"hidden_2.weight": ("hidden_2", None)},
    "rows move, the output's columns do not": {"output.weight": (None, None)},
    "columns move, rows do not": {"hidden_1.weight": (None, None)},
    "rows move, the bias does not": {"hidden_1.bias": (None,)},
    "the bias moves with another layer": {"hidden_1.bias": ("hidden_2",)},
    "columns move with another layer": {"hidden_3.weight": ("hidden_3", "hidden_1")},
    "rows and columns are exchanged": {"hidden_2.weight": ("hidden_1", "hidden_2")},
}


@pytest.mark.parametrize("mistake", WRONG_AXES)
def test_a_permutation_that_is_no_symmetry_is_noticed(mistake: str) -> None:
    architecture = chain()
    architecture.spec = PermutationSpec({**architecture.spec.axes, **WRONG_AXES[mistake]})
    for seed in range(3):
        assert function_gap(architecture, network(seed), permutations(seed), split().inputs) > 100 * ROUNDING


def test_the_function_gap_of_a_broken_network_is_not_a_number() -> None:
    b = network(0)
    b["output.bias"] = torch.full((CLASSES,), torch.inf)
    assert np.isnan(function_gap(chain(), b, {}, split().inputs))


def test_the_function_gap_of_a_network_that_is_zero_is_zero() -> None:
    b = {name: torch.zeros_like(tensor) for name, tensor in network(0).items()}
    assert function_gap(chain(), b, permutations(0), split().inputs) == 0.0


def test_an_index_array_that_is_no_permutation_is_refused() -> None:
    with pytest.raises(InputError, match=r"^group 'hidden_1' needs a permutation of 0, ..., 7, got \[0, 0, 0, 0, 0, 0, 0, 0\]\.$"):
        function_gap(chain(), network(0), {"hidden_1": np.zeros(WIDTH, dtype=int)}, split().inputs)


def test_two_networks_of_one_function_that_no_permutation_connects() -> None:
    """The counter-example of Ainsworth et al. 2023, A.6, with ReLU: the label of x in [-1, 1]^2 is whether x1 <= 0 and x2 >= 0."""

    def parameters(w1: list, b1: list, w2: list, b2: list) -> dict[str, Tensor]:
        # Class 0 is "yes" with logit f, class 1 is "no" with logit 0. A tie, f = 0, is "yes": argmax takes the first.
        names = ("hidden_1.weight", "hidden_1.bias", "hidden_2.weight", "hidden_2.bias", "output.weight", "output.bias")
        values = (w1, b1, w2, b2, [[-1, -1], [0, 0]], [0, 0])
        return {name: torch.tensor(value, dtype=torch.float32) for name, value in zip(names, values, strict=True)}

    a = parameters([[-1, 0], [0, -1]], [1, 0], [[-1, 0], [0, 1]], [1, 0])
    b = parameters([[1, 0], [0, 1]], [0, 1], [[1, 0], [0, -1]], [0, 1])
    relu = (nn.ReLU(),)
    architecture = FeedForward([Layer("hidden_1", True, relu), Layer("hidden_2", True, relu), Layer("output", True)])
    # No point on an axis or a diagonal, and as many on either side of each; all numbers are short binary fractions: no rounding.
    one, two = ((torch.arange(64) + offset) / 64 for offset in (0.5, 0.25))
    x = torch.cartesian_prod(torch.cat([-one, one]), torch.cat([-two, two]))
    data = Split(x, (~((x[:, 0] <= 0) & (x[:, 1] >= 0))).long())

    logits = architecture.forward(stacked([a, b]), x)
    assert torch.equal(logits[0], logits[1])
    assert evaluate(architecture, stacked([a, b]), data).error.tolist() == [0.0, 0.0]

    orders = [np.array([0, 1]), np.array([1, 0])]
    maps = [{"hidden_1": one, "hidden_2": two} for one, two in itertools.product(orders, orders)]
    t = line_points(17)  # multiples of 1/16
    scores = evaluate_line(architecture, a, b, maps, t, data)
    for error in scores.error:
        error_barriers = barriers(t, error)
        assert (error_barriers.midpoint, error_barriers.midpoint_barrier) == (0.25, 0.25)
        assert error_barriers.barrier == 0.25
    np.testing.assert_array_equal(scores.error[:, [0, -1]], 0.0)
