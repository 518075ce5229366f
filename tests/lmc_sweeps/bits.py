"""What has the same bits: small networks trained and measured, as digests by name; run as a program, those that threads or stacks change."""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.measuring.gaps import relative_movement
from lmc_sweeps.measuring.moments import network_moments
from lmc_sweeps.measuring.pairs import compare_pair, with_identity
from lmc_sweeps.measuring.planes import plane_through
from lmc_sweeps.models.base import Model, Shape, stacked, unstack
from lmc_sweeps.models.mean_field import MeanField
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.padding import pad, pad_axes, unpad
from lmc_sweeps.symmetry.maps import permutations_of
from lmc_sweeps.training.loop import initial_state, train
from lmc_sweeps.training.optimizers import Adam, Optimizer, Sgd
from lmc_sweeps.training.recipe import Recipe, Training

THREADS = (1, 2, 4)
EXAMPLES, CLASSES, STEPS = 1437, 10, 3
Network = Mapping[str, Tensor]


@dataclass(frozen=True)
class Case:
    """A shape of training: the batches are 33 examples, 64, 500, 1,000 and the whole set, of which the last three end in a short one."""

    batch_size: int
    width: int
    depth: int
    n_inputs: int
    model: Model
    optimizer: Optimizer = Sgd()

    def __str__(self) -> str:
        return f"batch {self.batch_size}, {self.depth} x {self.width}"


CASES = (
    Case(33, 17, 3, 64, Mlp()),
    Case(64, 32, 1, 784, Mlp(activation="gelu"), Adam()),
    Case(500, 33, 1, 64, MeanField()),
    Case(1000, 256, 2, 64, Mlp(), Adam()),
    Case(EXAMPLES, 128, 1, 64, Mlp(activation="tanh", bias=False)),
)


@cache
def examples(n_inputs: int, count: int = EXAMPLES) -> Split:
    rng = torch.Generator().manual_seed(count)
    return Split(torch.rand(count, n_inputs, generator=rng), torch.randint(CLASSES, (count,), generator=rng))


def initial(case: Case, number: int) -> dict[str, Tensor]:
    return case.model.initial(Shape((case.n_inputs,), case.width, case.depth, CLASSES), generator(0, "network", number, "initialisation"))


def trained(case: Case, numbers: Sequence[int]) -> list[tuple[dict[str, Tensor], str]]:
    """Return networks trained in one stack, as sweeps train them, for the last steps of an epoch and the first of the next; and their scores."""
    split = examples(case.n_inputs)
    padded = Split(pad_axes(split.inputs, [1]), split.labels)
    training = Training(epochs=2, batch_size=case.batch_size)
    recipes = [Recipe(seed=0, number=number, optimizer=case.optimizer, training=training) for number in numbers]
    start = initial_state(case.optimizer, stacked([pad(initial(case, number)) for number in numbers]))
    start.step = max(0, training.steps(EXAMPLES) // 2 - STEPS + 1)
    architecture = case.model.architecture(Shape((case.n_inputs,), case.width, case.depth, CLASSES))
    state = train(architecture, start, recipes, padded, steps=STEPS)
    scores = evaluate(architecture, state.parameters, padded)
    shapes = {name: tensor.shape for name, tensor in initial(case, 0).items()}
    whole = [unpad(unstack(state.parameters, k), shapes) for k in range(len(numbers))]
    return [(network, digest(scores.loss[k], scores.error[k])) for k, network in enumerate(whole)]


def measured(case: Case, a: Network, b: Network) -> dict[str, str]:
    """Return all that is measured on a pair, as digests and as text."""
    architecture = case.model.architecture(Shape((case.n_inputs,), case.width, case.depth, CLASSES))
    split, test = examples(case.n_inputs), examples(case.n_inputs, 360)
    moments = network_moments(architecture, [a, b], split.inputs)
    digests = {f"moments of {key}": digest(each.second, moments.views[1][key].second, each.mean) for key, each in moments.views[0].items()}
    digests |= {f"cross moments of {key}": digest(cross) for key, cross in moments.cross[0, 1].items()}
    methods = with_identity([Weights(), Covariance(), Activations()])
    result = compare_pair(architecture, a, b, split, test, methods, points=3)
    for rows in result.tables().values():
        for row in rows:
            key = " ".join(str(row[name]) for name in ("matching", "split", "layer") if name in row)
            digests |= {f"{key}: {name}": repr(value) for name, value in row.items() if not name.startswith("seconds")}
    digests |= {
        f"{method} {group}": digest(moved) for method, maps in result.maps.items() for group, moved in permutations_of(maps).items()
    }
    plane = plane_through(a, b, {name: tensor.flip(0) for name, tensor in b.items()})
    if plane is not None:
        digests["plane"] = digest(plane.u, plane.v, plane.corners)
    return digests | {"movement": repr(relative_movement(initial(case, 0), a))}


def everything(case: Case, threads: int) -> dict[str, str]:
    """Return all numbers of a case, with so many threads: two networks, and what is measured on them."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        (a, score_a), (b, score_b) = (trained(case, [number])[0] for number in (0, 1))
        return {"a": of_network(a), "b": of_network(b), "scores": score_a + score_b} | measured(case, a, b)
    finally:
        torch.set_num_threads(before)


def in_stacks(case: Case, threads: int) -> list[tuple[str, str]]:
    """Return the digest and the scores of network 0 out of stacks of several sizes, in several places, with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        stacks = [([0], 0), ([0, 1], 0), ([1, 2, 0], 2), ([4, 3, 0, 1, 2], 2)]
        networks = [trained(case, numbers)[index] for numbers, index in stacks]
        return [(of_network(network), scores) for network, scores in networks]
    finally:
        torch.set_num_threads(before)


def of_network(network: Network) -> str:
    return digest(*(network[name] for name in sorted(network)))


def digest(*arrays: np.ndarray | Tensor) -> str:
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:12]


def differing(digests: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    return [name for name in expected | digests if digests.get(name) != expected.get(name)]


if __name__ == "__main__":
    broken = []
    for case in CASES:
        one, four = (everything(case, threads) for threads in (1, 4))
        broken += [f"{case}, 4 threads: {name}" for name in differing(four, one)]
        broken += [f"{case}, in a stack"] if len(set(in_stacks(case, 4))) > 1 else []
    sys.stdout.write(json.dumps({"capability": torch.backends.cpu.get_cpu_capability(), "broken": broken}))
