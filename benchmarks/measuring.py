"""Measuring a pair: the line against load-state-dict-and-evaluate, and matching by both transports beside the rest of a job."""

from functools import partial

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.timing import interleaved, timed
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.base import NEEDS, Permutations, SequentialMatching
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.measuring.evaluation import evaluate_line
from lmc_sweeps.measuring.pairs import compare_pair, with_identity
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.transport.assignment import Assignment
from lmc_sweeps.transport.base import Transport
from lmc_sweeps.transport.emd import Emd

REPEATS = 3


def pair(width: int, depth: int) -> tuple[FeedForward, dict[str, Tensor], dict[str, Tensor]]:
    """Return two networks of MNIST's shape at their initialisation."""
    shape = Shape((784,), width, depth, 10)
    a, b = (Mlp().initial(shape, generator(0, "benchmark", k)) for k in range(2))
    return Mlp().architecture(shape), a, b


def examples(n: int) -> Split:
    """Return pictures of MNIST's shape, made of noise."""
    rng = torch.Generator().manual_seed(0)
    return Split(torch.rand(n, 784, generator=rng), torch.randint(10, (n,), generator=rng))


def line() -> pd.DataFrame:
    """Walk 25 points by three methods and the identity; the baseline walks 12 of the 100 points, and its time is multiplied."""
    cases = ((64, 1, (10_000, 60_000)), (512, 1, (10_000, 60_000)), (512, 3, (10_000,)))
    return pd.DataFrame([_line(width, depth, [examples(size) for size in sizes]) for width, depth, sizes in cases])


def _line(width: int, depth: int, splits: list[Split]) -> dict[str, object]:
    architecture, a, b = pair(width, depth)
    rng = np.random.default_rng(0)
    maps = [{group: rng.permutation(width) for group in architecture.spec.groups} for _ in range(4)]
    t = line_points(25)
    chosen = [(m, point) for m in range(4) for point in t[::12]]

    def lmc_sweeps_line() -> float:
        return timed(lambda: [evaluate_line(architecture, a, b, maps, t, split) for split in splits])

    def plain() -> float:
        seconds = timed(lambda: [_plain_line(architecture, a, b, maps[m], point, split) for m, point in chosen for split in splits])
        return seconds * 4 * len(t) / len(chosen)

    timings = interleaved({"ours": lmc_sweeps_line, "plain": plain}, REPEATS)
    losses = evaluate_line(architecture, a, b, maps, t[::12], splits[0]).loss.ravel()
    expected = np.array([_plain_line(architecture, a, b, maps[m], point, splits[0]) for m, point in chosen])
    return {
        "networks": f"MNIST, {depth} x {width}, {' + '.join(f'{len(split):,}' for split in splits)} examples",
        "ratio_to_plain": timings["plain"].median / timings["ours"].median,
        "largest_relative_difference": float(np.max(np.abs(losses / expected - 1))),
        **{f"{key} [ms]": str(seconds).replace(" ms", "") for key, seconds in timings.items()},
    }


@torch.no_grad()
def _plain_line(
    architecture: FeedForward, a: dict[str, Tensor], b: dict[str, Tensor], timings: Permutations, t: float, split: Split
) -> float:
    """Return the loss at a point of the line, as everybody computes it: average the weights, load them, evaluate in batches."""
    aligned = apply_permutations(b, architecture.spec, timings)
    module = architecture.module(a)
    module.load_state_dict({name: (1 - t) * a[name] + t * aligned[name] for name in a})
    loss = wrong = 0.0
    for inputs, labels in zip(split.inputs.split(2000), split.labels.split(2000), strict=True):
        logits = module(inputs)
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
        wrong += int((logits.argmax(1) != labels).sum())
    return loss / len(split)


def matching() -> pd.DataFrame:
    """Match by three methods and both transports, with the transports' share of the time of measuring a pair (training not counted)."""
    train, few, test = examples(60_000), examples(8000), examples(10_000)
    return pd.DataFrame([_matching(width, train if width <= 1024 else few, test) for width in (128, 256, 512, 1024, 2048, 4096)])


def _matching(width: int, train: Split, test: Split) -> dict[str, object]:
    architecture, a, b = pair(width, 1)
    row: dict[str, object] = {"networks": f"MNIST, 1 x {width}, {len(train):,} + {len(test):,} examples"}
    solvers: dict[str, Transport] = {"emd": Emd(), "assignment": Assignment()}
    if width > 2048:
        del solvers["assignment"]  # minutes for `activations` of untrained networks, many of which are nearly equal
    for kind, solver in solvers.items():
        methods: tuple[SequentialMatching, ...] = (Weights(transport=kind), Covariance(transport=kind), Activations(transport=kind))
        result = compare_pair(architecture, a, b, train, test, with_identity(methods), 25 if width <= 1024 else 3)
        test_runs = [run for run in result.runs if run.split == "test"]
        row |= {f"{run.matching}, {kind} [s]": round(run.seconds_match, 3) for run in test_runs if run.matching != "identity"}
        if width > 1024:
            continue
        problem = matching_problem(architecture, [a, b], train, NEEDS)
        alone = sum(timed(partial(solver, method.ground_cost(problem, "hidden_1", {}))) for method in methods)
        match, evaluate = sum(run.seconds_match for run in test_runs), sum(run.seconds_evaluate for run in result.runs)
        row |= {f"three transports, {kind} [s]": round(alone, 3), f"share_of_transports, {kind}": alone / (match + evaluate)}
    return row
