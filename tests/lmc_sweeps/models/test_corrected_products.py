"""Corrections on the way through a module: those of one pass for each layer."""

import pytest
import torch
from small_models import KINDS, MODELS, drawn
from torch import Tensor, nn

from lmc_sweeps.models import corrected_products
from lmc_sweeps.models.base import stacked
from lmc_sweeps.models.corrected_products import corrected_on_the_way
from lmc_sweeps.models.hidden_layers import Correction, HiddenLayer, corrected_in_turn, means_and_deviations
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.tracing import trace


def standardised(layer: HiddenLayer, results) -> Correction:
    """Give the results of a layer mean 0.3 and deviation 1.5; a layer without a bias cannot be shifted, and takes the deviation alone."""
    mean, deviation = means_and_deviations(results)
    scale = 1.5 / deviation.clamp_min(0.1)
    return Correction(scale, 0.3 - scale * mean)


def both(architecture: TorchModule, network: dict[str, Tensor], inputs: Tensor, corrector=standardised) -> list[dict[str, Tensor]]:
    """Return a network corrected by the architecture, over two batches, and by a pass for each layer."""
    stack, batches = stacked([network]), list(inputs.split([len(inputs) // 2, len(inputs) - len(inputs) // 2]))
    return [architecture.corrected(stack, batches, corrector), corrected_in_turn(architecture, stack, batches, corrector)]


def on_the_way(architecture: TorchModule, network: dict[str, Tensor], inputs: Tensor) -> dict[str, Tensor] | None:
    module, layers = architecture.module(network), architecture.hidden_layers()
    expected = list(architecture.linear_results(stacked([network]), inputs[:2]))
    return corrected_on_the_way(module, network, layers, [inputs], standardised, expected)


@pytest.mark.parametrize("name", KINDS)
def test_one_pass_gives_the_tensors_of_a_pass_for_each_layer(name: str) -> None:
    architecture = MODELS[name].architecture
    network = {key: tensor.double() if tensor.is_floating_point() else tensor for key, tensor in drawn(name, 0).items()}
    inputs = MODELS[name].inputs()
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    once, in_turn = both(architecture, network, inputs)
    assert any(not torch.equal(tensor[0], network[key]) for key, tensor in once.items())
    for key, tensor in in_turn.items():
        torch.testing.assert_close(once[key], tensor, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", KINDS)
def test_all_layers_of_our_models_are_corrected_on_the_way(name: str) -> None:
    architecture, network = MODELS[name].architecture, drawn(name, 0)
    changed = on_the_way(architecture, network, MODELS[name].inputs())
    assert changed is not None
    assert set(architecture.linear_results(stacked([network]), MODELS[name].inputs()[:2])) <= set(changed)


def test_results_that_are_too_large_for_one_pass_are_corrected_in_as_many_as_there_are_layers(monkeypatch) -> None:
    name = next(each for each in KINDS if each.startswith("vgg11"))
    monkeypatch.setattr(corrected_products, "MOST_BYTES", 1)
    assert on_the_way(MODELS[name].architecture, drawn(name, 0), MODELS[name].inputs()) is None
    once, in_turn = both(MODELS[name].architecture, drawn(name, 0), MODELS[name].inputs())
    assert all(torch.equal(once[key], tensor) for key, tensor in in_turn.items())


def test_a_layer_that_is_left_alone_keeps_its_tensors() -> None:
    name = next(each for each in KINDS if each.startswith("vgg11"))
    network = drawn(name, 0)
    first = MODELS[name].architecture.hidden_layers()[0]
    once, _ = both(
        MODELS[name].architecture, network, MODELS[name].inputs(), lambda layer, rows: None if layer == first else standardised(layer, rows)
    )
    assert torch.equal(once[first.weight][0], network[first.weight])


class AddsBias(nn.Module):
    """Two layers of which the first one's bias is added in a call of its own, and the second one's to the product's transpose."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.out = nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = (inputs @ self.one.weight.T + self.one.bias).relu()
        return self.out((self.two.weight @ hidden.T + self.two.bias[:, None]).T.relu())


class Transposed(nn.Module):
    """A transposed convolution between others, whose weights count their neurons on the second axis."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.out = nn.Conv1d(4, 5, 1), nn.ConvTranspose1d(5, 6, 3), nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.out(self.two(self.one(inputs[..., None]).relu()).relu().mean(-1))


@pytest.mark.parametrize(("make", "is_on_the_way"), [(AddsBias, False), (Transposed, True)])
def test_other_modules_are_corrected_in_one_pass_or_a_pass_for_each_layer(make, is_on_the_way: bool) -> None:
    torch.manual_seed(0)
    module, inputs = make().double(), torch.randn(40, 4).double()
    architecture, network = TorchModule(module, trace(module, inputs[:2])), dict(module.state_dict())
    assert (on_the_way(architecture, network, inputs) is not None) == is_on_the_way
    once, in_turn = both(architecture, network, inputs)
    for key, tensor in in_turn.items():
        torch.testing.assert_close(once[key], tensor, rtol=1e-9, atol=1e-10)
