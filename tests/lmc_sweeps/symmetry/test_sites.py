"""Where activations are seen: one site for each group at least, and values that are those of the network's own layers."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from traced_networks import NETWORKS, Attention, graph_of

from lmc_sweeps.models.base import stacked
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.sites import sites_of
from lmc_sweeps.symmetry.tracing import trace


@pytest.mark.parametrize("name", NETWORKS)
def test_every_group_is_seen_somewhere_with_all_of_its_neurons(name: str) -> None:
    graph = graph_of(name)
    sites = sites_of(graph)
    assert set(sites.groups) == set(graph.sizes)
    for group, shown in sites.groups.items():
        for site in shown:
            assert [factor.size for factor in site.neurons if factor.group == group] == [graph.sizes[group]]
    keys = [site.key for read in sites.reads.values() for site in read]
    assert len(set(keys)) == len(keys)


def network_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in module.state_dict().items() if tensor.is_floating_point()}


def test_heads_and_what_is_inside_of_them_are_seen_together() -> None:
    torch.manual_seed(0)
    attention = Attention(12, 3, "separate").double()
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    graph = trace(attention, x)
    architecture = TorchModule(attention, graph)
    shown = []
    attention.out.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0].detach()))
    attention(x)
    (heads,) = [group for group in graph.sizes if graph.sizes[group] == 3]
    site = next(site for site in architecture.sites({})[heads] if site.tensor == "out.weight")
    assert [factor.size for factor in site.neurons] == [3, 4]
    values = architecture.activations(stacked([network_of(attention)]), x)[site.key][0]
    torch.testing.assert_close(values, shown[0].reshape(-1, 12), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["conv2d", "vgg11", "resnet20 batch"])
def test_what_is_computed_before_a_normalisation_is_the_layers_own_output(name: str) -> None:
    module, x = NETWORKS[name].make(), NETWORKS[name].example()
    layers = {key: layer for key, layer in module.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
    shown: dict[str, Tensor] = {}
    for key, layer in layers.items():
        layer.register_forward_hook(lambda layer, inputs, output, key=key: shown.__setitem__(key, output.detach()))
    module.eval()(x)
    graph = graph_of(name)
    computed = TorchModule(module, graph).activations(stacked([network_of(module)]), x, before=True)
    for group in graph.sizes:
        first = next(o.tensor.removesuffix(".weight") for o in graph.occurrences(group) if o.tensor.endswith(".weight") and not o.reads)
        values = shown[first].movedim(1, -1).reshape(-1, graph.sizes[group])
        torch.testing.assert_close(computed[group][0], values, rtol=1e-5, atol=1e-6)


def test_a_linear_layer_of_sequences_shows_its_output_with_its_bias() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3)).double()
    architecture = TorchModule(module, trace(module, torch.randn(4, 5, 6, dtype=torch.float64)))
    for x in (torch.randn(4, 5, 6, dtype=torch.float64), torch.randn(5, 4, 6, dtype=torch.float64).transpose(0, 1)):
        (computed,) = architecture.activations(stacked([network_of(module)]), x, before=True).values()
        np.testing.assert_allclose(computed[0], module[0](x).detach().reshape(-1, 8), rtol=1e-12, atol=1e-12)
