"""The same bits, for networks and for what is measured on them: whatever the threads, the stack, the store and the instruction set."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bits import CASES, THREADS, Case, differing, everything, in_stacks, initial, measured, trained
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split, fingerprint
from lmc_sweeps.datasets.gaussian_mixture import GaussianMixture
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.measuring.gaps import distance, relative_movement
from lmc_sweeps.models.base import Shape, stacked
from lmc_sweeps.models.mlp import Mlp

by_case = pytest.mark.parametrize("case", CASES, ids=str)
# Each makes one machine stand for another; MKL's variables mean nothing where torch was built with another library.
MACHINES = [
    {"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
]


@by_case
def test_the_number_of_threads_changes_neither_networks_nor_what_is_measured(case: Case) -> None:
    expected = everything(case, 1)
    for threads in THREADS[1:]:
        assert differing(everything(case, threads), expected) == []


@by_case
def test_a_network_has_the_same_bits_and_scores_in_any_place_of_any_stack(case: Case) -> None:
    assert len({*in_stacks(case, 1), *in_stacks(case, 4)}) == 1


@by_case
def test_networks_from_the_store_are_measured_as_those_just_trained(case: Case) -> None:
    """Other order of names, another place in memory: what safetensors gives."""

    def stored(network: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: elsewhere(network[name]) for name in sorted(network, reverse=True)}

    a, b = (trained(case, [number])[0][0] for number in (0, 1))
    assert differing(measured(case, stored(a), stored(b)), measured(case, a, b)) == []


def elsewhere(tensor: Tensor) -> Tensor:
    """Return a copy that does not begin at a cache line."""
    return torch.cat([torch.zeros(3, dtype=tensor.dtype), tensor.flatten()])[3:].view(tensor.shape)


@pytest.mark.parametrize("width", [1, 4, 5, 17, 33, 100])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_scores_and_activations_of_a_network_do_not_depend_on_its_place_in_an_unpadded_stack(activation: str, width: int) -> None:
    case = Case(64, width, 2, 61, Mlp(activation=activation))
    data = torch.Generator().manual_seed(0)
    x, y = torch.rand(33, 61, generator=data), torch.randint(10, (33,), generator=data)
    architecture, split = case.model.architecture(Shape((61,), width, 2, 10)), Split(x, y)
    networks = [initial(case, number) for number in range(5)]
    alone = evaluate(architecture, stacked(networks[:1]), split)
    hidden = architecture.activations(stacked(networks[:1]), x)
    for order in ([0, 1], [1, 0], [2, 1, 0], [4, 3, 0, 1, 2]):
        stack, index = stacked([networks[number] for number in order]), order.index(0)
        scores = evaluate(architecture, stack, split)
        assert (scores.loss[index], scores.error[index]) == (alone.loss[0], alone.error[0])
        for key, values in architecture.activations(stack, x).items():
            assert torch.equal(values[index], hidden[key][0])


@pytest.mark.parametrize("name", ["distance", "relative_movement"])
def test_long_sums_of_squares_do_not_depend_on_threads_or_on_the_order_of_names(name: str) -> None:
    rng = torch.Generator().manual_seed(0)
    a, b = ({f"p{k}": torch.randn(k * 700, 301, generator=rng) for k in range(1, 6)} for _ in range(2))
    function = {"distance": distance, "relative_movement": relative_movement}[name]
    sums = set()
    before = torch.get_num_threads()
    for threads in THREADS:
        torch.set_num_threads(threads)
        sums |= {function(a, b), function(dict(reversed(a.items())), b), function(a, dict(reversed(b.items())))}
    torch.set_num_threads(before)
    assert len(sums) == 1


def test_drawn_data_and_weights_do_not_depend_on_the_threads_of_numpy() -> None:
    model = Mlp(initialisation="low_dimensional", intrinsic_dimension=40)

    def drawn() -> tuple[str, list[bytes]]:
        weights = model.initial(Shape((700,), 300, 1, 10), np.random.default_rng(0))
        data = GaussianMixture(ambient_dimension=700, intrinsic_dimension=300, train_size=500, test_size=20).load()
        return fingerprint(data), [weights[name].numpy().tobytes() for name in weights]

    with one_thread():
        alone = drawn()
    assert drawn() == alone  # with as many threads as NumPy takes


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: " ".join(machine.values()))
def test_the_same_holds_with_other_instructions_and_more_threads_than_cores(machine: dict[str, str]) -> None:
    threads = {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4", "MKL_DYNAMIC": "FALSE", "OMP_DYNAMIC": "FALSE"}
    program = Path(__file__).with_name("bits.py")
    completed = subprocess.run([sys.executable, program], env=os.environ | threads | machine, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    assert json.loads(completed.stdout)["broken"] == []
