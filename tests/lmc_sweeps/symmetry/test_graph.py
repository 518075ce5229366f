"""What a symmetry graph does to tensors."""

import numpy as np
import pytest
import torch
from axis_orders import index
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.axes import Axis, Factor
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.maps import Coupling, Permutation

HEADS = Axis(((Factor(2, "heads"), Factor(3, "inside")), (Factor(2, "heads"), Factor(2))))
rng = np.random.default_rng(0)


def test_applying_permutations_is_taking_these_places() -> None:
    graph = Graph({"w": (Axis(((Factor(4),),)), HEADS)}, {"heads": 2, "inside": 3})
    orders = {"heads": np.array([1, 0]), "inside": np.array([2, 0, 1])}
    weight = torch.from_numpy(rng.standard_normal((4, 10)))
    moved = graph.apply({"w": weight}, {group: Permutation(order) for group, order in orders.items()})["w"]
    assert torch.equal(moved, weight[:, index(HEADS, orders)])


@pytest.mark.parametrize("name", ["densenet", "vit chunked", "gpt"])
def test_a_relabeling_and_its_inverse_give_the_network_back(name: str) -> None:
    module = NETWORKS[name].make()
    graph = graph_of(name)
    maps = {group: Permutation(rng.permutation(size)) for group, size in graph.sizes.items()}
    tensors = {key: tensor for key, tensor in module.state_dict().items() if tensor.is_floating_point()}
    back = graph.apply(graph.apply(tensors, maps), {group: mapping.inverse() for group, mapping in maps.items()})
    assert all(torch.equal(back[key], tensor) for key, tensor in tensors.items())


def test_one_tensor_under_two_names_is_mapped_under_both() -> None:
    module = NETWORKS["gpt"].make()
    graph = graph_of("gpt")
    assert graph.tied == {"head.weight": "words.weight"}
    maps = {group: Permutation(rng.permutation(size)) for group, size in graph.sizes.items()}
    moved = graph.apply(dict(module.state_dict()), maps)
    assert torch.equal(moved["head.weight"], moved["words.weight"])
    assert not torch.equal(moved["head.weight"], module.head.weight)


def test_a_coupling_maps_a_network_into_another_width() -> None:
    """Each hidden neuron becomes two: outputs are the same, channels flattened with their positions too."""
    torch.manual_seed(0)
    module, x = NETWORKS["conv2d"].make().double(), torch.randn(2, 1, 8, 8, dtype=torch.float64)
    graph = graph_of("conv2d")
    doubled = {group: Coupling(np.repeat(np.eye(size), 2, axis=0) / (2 * size)) for group, size in graph.sizes.items()}
    wide = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(8, 12, 2), torch.nn.GELU(), torch.nn.Flatten(),
        torch.nn.Linear(48, 18), torch.nn.ReLU(), torch.nn.Linear(18, 3),
    ).double()  # fmt: skip
    wide.load_state_dict(graph.apply(dict(module.state_dict()), doubled))
    torch.testing.assert_close(wide(x), module(x), rtol=0, atol=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    graph = Graph({"w": (HEADS,)}, {"heads": 2, "inside": 3})
    with pytest.raises(InputError, match=r"^group 'heads' must be one of .*, got a map of 3 neurons\.$"):
        graph.apply({"w": torch.ones(10)}, {"heads": Permutation(np.arange(3))})
    with pytest.raises(InputError, match=r"^'w' must have the shape \(10,\), got \(9,\)\.$"):
        graph.apply({"w": torch.ones(9)}, {"heads": Permutation(np.arange(2))})
