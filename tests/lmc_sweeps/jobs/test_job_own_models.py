"""Models of one's own in a sweep, by the recipe: trained as they are, so that the loss at the end of training is the loss that is measured."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_jobs import small_job
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.gaussian_mixture import GaussianMixture
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.network_files import PartialNetwork
from lmc_sweeps.jobs.planned import planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.stacks import train_all
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations
from lmc_sweeps.models.base import INPUT, Architecture, Model, Shape, stacked
from lmc_sweeps.models.feed_forward import FeedForward, Layer
from lmc_sweeps.models.mean_field import MeanFieldNetwork
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.tracing import trace
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Training

DATASET = GaussianMixture(ambient_dimension=18, classes=5, train_size=60, test_size=40)
DATA = DATASET.load()
Function = Callable[[Mapping[str, Tensor], Tensor], tuple[Tensor, Tensor]]


class Own(Architecture):
    """A hidden layer and an output layer of one's own: a function of one network's parameters and inputs, mapped over the stack."""

    def __init__(self, function: Function, axes: Mapping[str, tuple[str | None, ...]]) -> None:
        self._function, self.spec = function, PermutationSpec(axes)

    def _each(self, stack: Mapping[str, Tensor], inputs: Tensor, part: int) -> Tensor:
        return torch.func.vmap(lambda p, x: self._function(p, x)[part], in_dims=(0, 0 if inputs.dim() == 3 else None))(dict(stack), inputs)

    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        return self._each(stack, inputs, 1)

    def activations(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, Tensor]:
        networks = len(next(iter(stack.values())))
        return {INPUT: inputs.expand(networks, *inputs.shape[-2:]), "hidden": self._each(stack, inputs, 0)}

    def sources(self, group: str) -> tuple[str, ...]:
        return (INPUT,)

    def line_logits(self, a, b, permutations: Sequence, t: Tensor, inputs: Tensor) -> Tensor:
        return torch.stack([self.forward(interpolate(a, apply_permutations(b, self.spec, moved), t), inputs) for moved in permutations])

    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        raise NotImplementedError


def linear(p: Mapping[str, Tensor], x: Tensor, name: str) -> Tensor:
    return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def sigmoid(p: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    hidden = torch.sigmoid(linear(p, x, "hidden"))
    return hidden, linear(p, hidden, "output")


def normed(p: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    hidden = F.layer_norm(linear(p, x, "hidden"), p["norm.weight"].shape, p["norm.weight"], p["norm.bias"]).relu()
    return hidden, linear(p, hidden, "output")


def convolution(p: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    hidden = F.conv2d(x.reshape(-1, 2, 3, 3), p["hidden.weight"], p["hidden.bias"]).relu().mean((2, 3))  # 18 inputs as 2 x 3 x 3
    return hidden, linear(p, hidden, "output")


def traced(module: nn.Module) -> TorchModule:
    """Return the mathematics of a module as CONTRIBUTING.md writes it."""
    return TorchModule(module, trace(module, torch.zeros(2, 18)))


AXES = {"hidden.weight": ("hidden", None), "hidden.bias": ("hidden",), "output.weight": (None, "hidden"), "output.bias": (None,)}
ARCHITECTURES: dict[str, Callable[[int], Architecture]] = {
    "sigmoid": lambda classes: Own(sigmoid, AXES),
    "layer norm": lambda classes: Own(normed, AXES | {"norm.weight": ("hidden",), "norm.bias": ("hidden",)}),
    "convolution": lambda classes: Own(convolution, AXES | {"hidden.weight": ("hidden", None, None, None)}),
    "module": lambda classes: traced(
        nn.Sequential(OrderedDict(hidden=nn.Linear(18, 7), after=nn.Sigmoid(), output=nn.Linear(7, classes)))
    ),
    "chain with sigmoid": lambda classes: FeedForward([Layer("hidden", True, (nn.Sigmoid(),)), Layer("output", True)], n_outputs=classes),
    "chain without n_outputs": lambda classes: FeedForward([Layer("hidden", True, (nn.ReLU(),)), Layer("output", True)]),
    "chain with a layer norm of its own": lambda classes: FeedForward(
        [Layer("hidden", True, (nn.LayerNorm(7, elementwise_affine=False),)), Layer("output", True)], n_outputs=classes
    ),
    "chain that shifts": lambda classes: FeedForward([Layer("hidden", True, (nn.Hardtanh(0.5, 2.0),)), Layer("output", True)], n_outputs=classes),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OwnModel(Model):
    """Any of them, with odd widths and numbers of classes."""

    name: ClassVar[str] = "own"
    kind: str

    def architecture(self, shape: Shape) -> Architecture:
        return ARCHITECTURES[self.kind](shape.classes)

    def initial(self, shape: Shape, rng: np.random.Generator) -> dict[str, Tensor]:
        sizes = {
            "hidden.weight": (shape.width, shape.n_inputs),
            "hidden.bias": (shape.width,),
            "output.weight": (shape.classes, shape.width),
            "output.bias": (shape.classes,),
        }
        if self.kind == "convolution":
            sizes["hidden.weight"] = (shape.width, 2, 2, 2)
        if self.kind == "layer norm":
            sizes |= {"norm.weight": (shape.width,), "norm.bias": (shape.width,)}
        return {name: torch.from_numpy(rng.normal(0, 0.4, size).astype(np.float32)) for name, size in sizes.items()}


def own_job(kind: str = "sigmoid", **changes) -> PreparedJob:
    own = {"width": 7, "dataset": DATASET, "model": OwnModel(kind=kind), "training": Training(epochs=2, batch_size=16), "points": 3}
    return small_job(DATA, **own | changes)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_an_own_model_is_trained_as_it_is_and_its_final_loss_is_the_measured_one(kind, tmp_path):
    record = run_job(own_job(kind), tmp_path)
    for row in (row for row in record["runs"] if row["split"] == "train"):
        for letter, network in zip("ab", record["networks"], strict=True):
            np.testing.assert_allclose(row[f"loss_{letter}"], network["loss_final"], rtol=1e-6)
    assert record["status"] == "ok"


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_an_own_model_takes_the_steps_of_a_plain_loop(kind):
    """Six classes more, or a hidden neuron that hands on 1/2, would change every step."""
    task = planned_networks(own_job(kind, optimizer=Sgd(momentum=0.0, lr=0.1), training=Training(epochs=1, batch_size=60)))[0]
    (trained,) = train_all([task], Store(None), lambda steps: None)
    parameters = {name: tensor.clone().requires_grad_() for name, tensor in task.initial().items()}
    logits = task.architecture.forward(stacked([parameters]), DATA.train.inputs)[0]
    assert logits.shape == (60, 5)
    F.cross_entropy(logits, DATA.train.labels).backward()
    for name, tensor in trained[task.name].parameters.items():
        torch.testing.assert_close(tensor, (parameters[name] - 0.1 * parameters[name].grad).detach(), rtol=1e-5, atol=1e-6)


class Rescaled(FeedForward):
    """A chain with another function: the padding of its base class need not fit it."""

    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        return super().forward(stack, inputs) / stack["hidden_1.weight"].shape[1]


def test_padding_is_for_chains_that_keep_zeros_and_a_subclass_says_so_for_itself():
    chain = Mlp().architecture(Shape((18,), 7, 1, 5))
    assert chain.is_padded
    assert MeanFieldNetwork(nn.Tanh(), 7, 5).is_padded
    assert not Rescaled(chain.layers, n_outputs=5).is_padded
    assert all(not getattr(build(5), "is_padded", False) for build in ARCHITECTURES.values())
    network = Mlp().initial(Shape((18,), 7, 1, 5), np.random.default_rng(0))
    padded = chain.padded(network)
    assert {name: tuple(tensor.shape) for name, tensor in padded.items()} == {
        "hidden_1.weight": (16, 32), "hidden_1.bias": (16,), "output.weight": (16, 16), "output.bias": (16,),
    }  # fmt: skip
    for name, tensor in chain.unpadded(padded, {name: tensor.shape for name, tensor in network.items()}).items():
        assert torch.equal(tensor, network[name])


class Forked(Own):
    """Along a line it computes something else than in training."""

    def line_logits(self, *arguments) -> Tensor:
        return 1.1 * super().line_logits(*arguments)


def test_a_model_whose_line_is_not_its_forward_fails_its_job(tmp_path, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "sigmoid", lambda classes: Forked(sigmoid, AXES))
    with pytest.raises(InputError, match=r"^network \w+ ended its training at a loss of .* what was trained is not what is measured\."):
        run_job(own_job(), tmp_path)
    assert not (tmp_path / "record.json").exists()


@pytest.mark.parametrize(
    ("kinds", "pad"),
    [(("parameters", "momentum"), True), (("parameters",), False), (("parameters", "first"), False)],
    ids=["padded by an earlier version", "without momentum", "another optimizer's"],
)
def test_a_half_trained_network_of_other_shapes_is_trained_from_the_start(kinds, pad, tmp_path, caplog):
    task, store = planned_networks(own_job())[0], Store(tmp_path)
    tensors = {name: F.pad(tensor, (0, 9)) if pad else tensor for name, tensor in task.initial().items()}
    halves = {kind: {name: p.clone() for name, p in tensors.items()} for kind in kinds}
    store.save_partial(task.name, task.identity, PartialNetwork(halves, 1.0, 2, 0.1))
    (trained,), (expected,) = train_all([task], store, lambda n: None), train_all([task], Store(None), lambda n: None)
    assert f"the half-trained network {task.name} does not fit (" in caplog.text
    for name, tensor in expected[task.name].parameters.items():
        assert torch.equal(trained[task.name].parameters[name], tensor)
