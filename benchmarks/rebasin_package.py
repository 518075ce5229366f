"""Weight matching by the public package `rebasin` and by this project: how near B comes to A, and whether it is still the same function.

    pip install rebasin==0.0.47       # into an environment of its own that has lmc_sweeps too: it is no dependency
    python -m benchmarks.rebasin_package FOLDER [--data ROOT] [--draws N]

FOLDER holds the trained networks, and those that it lacks are trained: half an hour with ROOT, a folder with ``mnist`` and ``cifar10`` in
it, a minute without, for then only digits are compared. Writes ``benchmarks/results/rebasin_package.csv``. For every pair, before and after
matching, the squared distance over the parameters (no buffers)

    ||theta_A - P(theta_B)||^2

the largest change of B's logits in evaluation mode by its permutation, in units of the largest logit, and B's test error. A permuted B that
is another function is no answer to the problem, however near it is. `seconds_of_call` is matching alone for the package; for ours it is a
call of `compare`, which also proves the permutations and evaluates both splits at three points of the path.
"""

import argparse
import copy
import importlib.metadata
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks.real_pairs import RealPair, real_pairs
from benchmarks.timing import machine, timed
from lmc_sweeps import compare, matching
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGE = "package"
OURS = ("rebasin", "weights", "activations")
DRAWING = (PACKAGE, "rebasin")  # methods that draw the order in which they visit the groups
FEW = 1000  # examples for statistics and outputs
MISSING = "the package `rebasin` is not installed here (pip install rebasin==0.0.47, into an environment of its own); nothing was measured."

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Draw:
    """What one call of a method returned: the squared distance, how far the function is from B's, the test error, the seconds."""

    distance: float
    function_gap: float
    error: float
    seconds: float


def by_package(pair: RealPair, seed: int) -> State:
    """Return B's state dict permuted by the package, which draws the order of its steps from torch's global generator."""
    descent = importlib.import_module("rebasin").PermutationCoordinateDescent
    a, b = copy.deepcopy(pair.a), copy.deepcopy(pair.b)
    torch.manual_seed(seed)
    descent(a, b, pair.test.inputs[:2]).rebasin()
    state: State = b.state_dict()
    return state


def by_ours(method: str, pair: RealPair, seed: int) -> State:
    """Return B's state dict permuted by a method of this project."""
    train, test = ((split.inputs[:FEW], split.labels[:FEW]) for split in (pair.train, pair.test))
    result = compare(pair.a, pair.b, train=train, test=test, matching=[method], settings={method: {}}, points=3, seed=seed, device="cpu")
    return result.aligned[method]


def squared_distance(a: nn.Module, state: State) -> float:
    """Return the squared distance of a state dict from a network over the network's parameters, in float64."""
    return sum(float((tensor.detach().double() - state[name].double()).square().sum()) for name, tensor in a.named_parameters())


def comparison(pair: RealPair, draws: int) -> list[dict[str, object]]:
    """Return a row for each method: the mean of its draws, with the least and the largest distance."""
    methods: dict[str, Callable[[RealPair, int], State]] = {PACKAGE: by_package}
    for name in OURS:
        if name in matching.choices():
            methods[name] = lambda pair, seed, name=name: by_ours(name, pair, seed)  # type: ignore[misc]  # a default binds the name
    before = squared_distance(pair.a, pair.b.state_dict())
    outputs, error = evaluated(pair.b, pair.b.state_dict(), pair.test)
    rows = []
    for name, method in methods.items():
        row: dict[str, object] = {"networks": pair.name, "pair": pair.number, "method": name}
        try:
            several = [_draw(pair, method, outputs, seed) for seed in range(draws if name in DRAWING else 1)]
        except InputError as message:  # of a method that cannot match such networks
            rows.append(row | {"draws": 0, "distance_before": before, "message": str(message)})
            continue
        distances = [draw.distance for draw in several]
        rows.append(
            row
            | {
                "draws": len(several), "distance_before": before, "distance_after": statistics.mean(distances),
                "least": min(distances), "most": max(distances), "function_gap": max(draw.function_gap for draw in several),
                "error_b": error, "error_permuted_b": max(draw.error for draw in several),
                "seconds_of_call": statistics.mean(draw.seconds for draw in several), "message": "",
            }
        )  # fmt: skip
    return rows


def _draw(pair: RealPair, method: Callable[[RealPair, int], State], outputs: Tensor, seed: int) -> Draw:
    states: list[State] = []
    seconds = timed(lambda: states.append(method(pair, seed)))
    permuted, error = evaluated(pair.b, states[0], pair.test)
    gap = float((permuted - outputs).abs().max() / outputs.abs().max())
    return Draw(squared_distance(pair.a, states[0]), gap, error, seconds)


@torch.no_grad()
def evaluated(network: nn.Module, state: State, test: Split) -> tuple[Tensor, float]:
    """Return the logits of a copy of a network with other weights, in evaluation mode, on some test examples, and its error there."""
    module = copy.deepcopy(network)
    module.load_state_dict(state)
    outputs: Tensor = module.eval()(test.inputs[:FEW])
    return outputs, float((outputs.argmax(1) != test.labels[:FEW]).double().mean())


def main() -> None:
    """Compare all pairs and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the trained networks")
    parser.add_argument("--data", type=Path, help="a folder with mnist and cifar10 in it")
    parser.add_argument("--draws", type=int, default=5, help="how often methods that draw are called")
    arguments = parser.parse_args()
    try:
        importlib.import_module("rebasin")
    except ModuleNotFoundError:
        sys.exit(MISSING)
    rows = [row for pair in real_pairs(arguments.folder, arguments.data) for row in comparison(pair, arguments.draws)]
    table, heading = pd.DataFrame(rows), f"rebasin_package: {str(__doc__).splitlines()[0]}"
    conditions = f"{machine()}, rebasin {importlib.metadata.version('rebasin')}, {date.today().isoformat()}"
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "rebasin_package.csv").open("w", encoding="utf-8") as stream:
        stream.write(f"# {heading}\n# {conditions}\n")
        table.to_csv(stream, index=False, float_format="%.5g")
    print(f"\n{heading}\n{conditions}\n{summary(table).to_string(index=False, float_format='{:.4g}'.format)}", flush=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over the pairs of each kind of networks that a method could match, with the largest change of a function."""
    matched = table[table["draws"] > 0].groupby(["networks", "method"], sort=False)
    means = matched[["distance_before", "distance_after", "error_b", "error_permuted_b"]].mean()
    return means.assign(pairs=matched.size(), function_gap=matched["function_gap"].max()).reset_index()


if __name__ == "__main__":
    main()
