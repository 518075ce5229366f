"""Pairs of small transformers whose norms and biases are drawn, in float64, and their matching problems in linear form."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.measuring.lines import Pair
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.models.base import Architecture, Model, Shape
from lmc_sweeps.models.gpt import Gpt
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.vit import Vit

NEEDS = ("weights", "loss", "generator")
WIDTH = 6
MODELS: dict[str, tuple[Model, Shape]] = {
    "vit": (Vit(heads=3, mlp_ratio=2), Shape((1, 8, 8), WIDTH, 1, 5)),
    "gpt": (Gpt(heads=3, mlp_ratio=2, norm="rms"), Shape((5,), WIDTH, 2, 7)),
    "mlp": (Mlp(initialisation="he"), Shape((5,), WIDTH, 2, 3)),
}


@cache
def architecture(name: str) -> Architecture:
    model, shape = MODELS[name]
    return model.architecture(shape)


def network(name: str, seed: int) -> dict[str, Tensor]:
    model, shape = MODELS[name]
    rng = np.random.default_rng(seed)
    return {
        key: torch.from_numpy(rng.uniform(0.5, 1.5, tuple(tensor.shape))) if tensor.dim() == 1 else tensor.double()
        for key, tensor in model.initial(shape, rng).items()
    }


def examples(name: str, n: int = 24) -> Split:
    shape, rng = MODELS[name][1], np.random.default_rng(0)
    if name == "gpt":
        return Split(torch.from_numpy(rng.integers(7, size=(n, 5))), torch.from_numpy(rng.integers(7, size=(n, 5))))
    return Split(torch.from_numpy(rng.standard_normal((n, *shape.inputs))), torch.from_numpy(rng.integers(shape.classes, size=n)))


def pair_of(name: str, a: int = 1, b: int = 2) -> Pair:
    """Return two networks as they are."""
    split = examples(name)
    return Pair(architecture(name), network(name, a), network(name, b), len(split), split.inputs[:2])


def problem_of(pair: Pair, name: str, seed: int = 0) -> MatchingProblem:
    """Return the problem of a pair in linear form."""
    folded = pair.folded
    networks, rng = [folded.a, folded.b], np.random.default_rng(seed)
    return matching_problem(pair.architecture, networks, examples(name), NEEDS, rng, form=folded.form)


def planted(pair: Pair, seed: int = 0) -> Pair:
    """Return a pair whose B is A in other coordinates and another order, as far as A keeps its function."""
    rng, folded = np.random.default_rng(seed), pair.folded
    linear = folded.form.groups
    maps = {group: linear[group].random(rng) if group in linear else rng.permutation(size) for group, size in folded.graph.sizes.items()}
    return replace(pair, b=folded.graph.apply(folded.a, maps))
