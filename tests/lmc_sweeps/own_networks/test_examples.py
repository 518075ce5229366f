"""The examples that two networks are measured on: in evaluation mode, in the type of the networks, as they were."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from callers_networks import (
    HIDDEN,
    IDS,
    KINDS,
    X,
    Y,
    compared,
    network_of,
    seeded,
)
from torch import nn

from lmc_sweeps import compare
from lmc_sweeps.common.checks import InputError


@pytest.mark.parametrize(("kind_a", "kind_b", "measured"), [
    (torch.bfloat16, torch.bfloat16, "float32"), (torch.float16, torch.float32, "float32"), (torch.float64, torch.float32, "float64"),
])  # fmt: skip
def test_networks_in_other_precisions_are_measured_in_one_and_it_is_said(kind_a, kind_b, measured):
    build, axes, _ = KINDS["token ids"]
    a, b = seeded(build, 0).to(kind_a), seeded(build, 1).to(kind_b)
    comparison = compared(a, b, axes, IDS)
    names = [str(kind).removeprefix("torch.") for kind in (kind_a, kind_b)]
    assert comparison.notes == (
        f"precision: network A is in {names[0]} and network B is in {names[1]}; weights, statistics and all products were computed in {measured}.",
    )
    exact = [copy.deepcopy(net).to(getattr(torch, measured)) for net in (a, b)]  # ids above 256 and above 2048 would be rounded
    with torch.no_grad():
        for net, letter in zip(exact, "ab", strict=True):
            np.testing.assert_allclose(comparison.runs[f"loss_{letter}"], float(F.cross_entropy(net(IDS), Y)), rtol=1e-5)
    assert {tensor.dtype for tensor in comparison.aligned["weights"].values()} == {kind_b}
    assert (a.o.weight.dtype, b.o.weight.dtype) == (kind_a, kind_b)


def test_training_mode_dropout_and_batch_norm_are_measured_in_evaluation_mode_and_stay_as_they_were():
    build = network_of(
        lambda s, x: s.o(s.d(F.relu(s.n(s.a(x))))), a=lambda: nn.Linear(8, 6), n=lambda: nn.BatchNorm1d(6), d=lambda: nn.Dropout(0.5),
        o=lambda: nn.Linear(6, 3),
    )  # fmt: skip
    axes = HIDDEN | {f"n.{name}": ("h",) for name in ("weight", "bias", "running_mean", "running_var")} | {"n.num_batches_tracked": ()}
    a, b = (seeded(build, seed) for seed in (0, 1))
    for net in (a, b):
        net(X)  # in training mode: the norm has seen the data
    before = copy.deepcopy(b.state_dict())
    comparison = compared(a, b, axes)
    assert a.training
    assert b.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in b.state_dict().items())
    with torch.no_grad():
        expected = copy.deepcopy(b).eval()(X)
        b.load_state_dict(comparison.aligned["covariance"])
        torch.testing.assert_close(b.eval()(X), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(comparison.runs.loss_b, float(F.cross_entropy(expected, Y)), rtol=1e-5)
    with pytest.raises(
        InputError, match=r"^the permutation specification does not keep .* axes of that length without a group are in n.running_mean"
    ):
        compared(a, b, axes | {"n.running_mean": (None,)})


def test_inputs_that_a_network_changes_in_place_stay_as_they_were():
    a, b = (
        seeded(network_of(lambda s, x: s.o(torch.relu(s.a(x.mul_(2)))), a=lambda: nn.Linear(8, 8), o=lambda: nn.Linear(8, 3)), seed)
        for seed in (0, 1)
    )
    before = X.clone()
    comparison = compared(a, b, HIDDEN)
    assert torch.equal(X, before)
    with torch.no_grad():
        np.testing.assert_allclose(comparison.runs.loss_a, float(F.cross_entropy(a(X.clone()), Y)), rtol=1e-5)


class Flattening(nn.Module):
    """A convolution whose channels are flattened with their positions, by `flatten` or by `view`, which takes one layout in memory only."""

    def __init__(self, views: bool) -> None:
        super().__init__()
        self.convolution, self.output, self.views = nn.Conv2d(2, 5, 3), nn.Linear(80, 3), views

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.convolution(x))
        return self.output(h.view(len(h), -1) if self.views else h.flatten(1))


@pytest.mark.parametrize("views", [False, True])
def test_images_are_measured_as_the_network_takes_them_in_either_layout(views):
    a, b = (seeded(lambda: Flattening(views), seed) for seed in (0, 1))
    images, labels = torch.randn(50, 2, 6, 6, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 3
    comparison = compare(a, b, train=(images, labels), test=(images, labels), points=3, train_examples=20, device="cpu")
    rows = comparison.runs.query("split == 'test'").set_index("matching")
    with torch.no_grad():
        for net, letter in zip((a, b), "ab", strict=True):
            np.testing.assert_allclose(rows[f"loss_{letter}"], float(F.cross_entropy(net(images), labels)), rtol=1e-5)
    assert (comparison.runs["function_gap"] < 1e-5).all()
