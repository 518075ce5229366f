"""What else than training could move the midpoint of `weights` at learning rate 0.1? Other products and rows, and all pairs of networks.

python results/figure2_miss/miss_variants.py MNIST_FOLDER SWEEP STORE   writes miss_variants.csv and miss_pairs.csv beside this file; SWEEP
is the folder of `experiment=figure2_miss` (some minutes on one core).
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.datasets.idx import Mnist
from lmc_sweeps.jobs.records import read_record
from lmc_sweeps.networks import load_networks
from multirun_analysis.stats.intervals import network_jackknife
from multirun_analysis.studies.figure2_miss import PAPER_PAIRS, RATE, compared, from_paper, luck
from multirun_analysis.studies.paper_values import MIDPOINTS

HERE, PAPER, DRAWS = Path(__file__).parent, MIDPOINTS["weights"][RATE], 10_000
LAYERS = ("hidden_1", "hidden_2", "hidden_3")
Network = Mapping[str, Tensor]
Rows = Callable[[str, Tensor], Tensor]  # from a layer and its incoming weights to what is compared


def rounded(numbers: Tensor, bits: int) -> Tensor:
    """Return float32 numbers with so many bits after the leading one: 7 are bfloat16's, 10 TensorFloat-32's; ties go to the even one."""
    dropped = 23 - bits
    whole = numbers.contiguous().view(torch.int32)
    up = (1 << (dropped - 1)) - 1 + ((whole >> dropped) & 1)
    return ((whole + up) >> dropped << dropped).view(torch.float32)


def matched(a: Network, b: Network, rows: Rows) -> dict[str, Tensor]:
    """Return B with each hidden layer in the order that pairs the most similar rows with A's, layer by layer."""
    aligned = dict(b)
    for layer, following in zip(LAYERS, (*LAYERS[1:], "output"), strict=True):
        similarity = rows(layer, a[f"{layer}.weight"]) @ rows(layer, aligned[f"{layer}.weight"]).T
        order = torch.from_numpy(linear_sum_assignment(similarity.numpy(), maximize=True)[1])
        for name in (f"{layer}.weight", f"{layer}.bias"):
            aligned[name] = aligned[name][order]
        aligned[f"{following}.weight"] = aligned[f"{following}.weight"][:, order]
    return aligned


def exact(numbers: Tensor) -> Tensor:
    """Return numbers as they are."""
    return numbers


def midpoint_loss(a: Network, b: Network, test: Split, factors: Callable[[Tensor], Tensor] = exact) -> float:
    """Return the test loss halfway between two networks; `factors` rounds those of all products."""
    middle = {name: (a[name] + b[name]) / 2 for name in a}
    hidden = test.inputs
    for layer in (*LAYERS, "output"):
        hidden = factors(hidden) @ factors(middle[f"{layer}.weight"]).T + middle[f"{layer}.bias"]
        hidden = hidden if layer == "output" else hidden.relu()
    return float(F.cross_entropy(hidden.double(), test.labels))


def variants(train: Split) -> dict[str, tuple[Rows, Callable[[Tensor], Tensor]]]:
    """Return by name what is compared of a layer's weights, and how factors are rounded when the midpoint is evaluated."""
    used = train.inputs.std(0) > 0  # pixels that are the same in all images leave their weights where they began

    def of_used(layer: str, weights: Tensor) -> Tensor:
        return weights[:, used].double() if layer == "hidden_1" else weights.double()

    def as_trained(layer: str, weights: Tensor) -> Tensor:
        return weights.double()

    def in_bits(bits: int, layer: str, weights: Tensor) -> Tensor:
        return rounded(weights, bits)

    same = {"base": (as_trained, exact)}
    for name, bits in (("bfloat16", 7), ("tf32", 10)):
        same[f"matched in {name}"] = (partial(in_bits, bits), exact)
        same[f"evaluated in {name}"] = (as_trained, partial(rounded, bits=bits))
    same["rows of length 1"] = (lambda layer, weights: F.normalize(weights.double()), exact)
    same["rows without their mean"] = (lambda layer, weights: weights.double() - weights.double().mean(1, keepdim=True), exact)
    same["pixels that vary"] = (of_used, exact)
    return same


def pairs_of(sweep: Path, store: Path) -> dict[int, tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Return networks A and B by seed, of the jobs of a sweep with the base's recipe."""
    pairs = {}
    for folder in sorted(path.parent for path in sweep.glob("*/record.json")):
        record = read_record(folder)
        if record is None or record["scope"]["training.data_order"] != "own" or record["scope"]["precision"] != "float32":
            continue
        loaded = load_networks(folder, store=store)
        pairs[record["scope"]["seed"]] = tuple(
            {f"{name}.{kind}": getattr(getattr(module, name), kind).detach() for name in (*LAYERS, "output") for kind in ("weight", "bias")}
            for module in (loaded.network_a, loaded.network_b)
        )
    return dict(sorted(pairs.items()))


def of_all(crossed: pd.DataFrame) -> dict[str, object]:
    """Return the mean over all pairs, its gap with an interval over networks, and how many sets of four pairs are as low as the paper's.

    Pairs of a set share no network.
    """
    ends = [crossed[f"seed_{end}"].astype(str) + "." + crossed[f"number_{end}"].astype(str) for end in "ab"]
    low, high = network_jackknife(crossed["loss_midpoint"], *ends)
    loss = {frozenset(pair): value for *pair, value in zip(*ends, crossed["loss_midpoint"], strict=True)}
    rng, names = np.random.default_rng(0), sorted(set(ends[0]) | set(ends[1]))
    sets = [rng.permutation(names)[: 2 * PAPER_PAIRS].reshape(-1, 2) for _ in range(DRAWS)] if len(names) >= 2 * PAPER_PAIRS else []
    means = np.array([np.mean([loss[frozenset(pair)] for pair in four]) for four in sets])
    mean = crossed["loss_midpoint"].mean()
    gap = {"gap": mean - PAPER.mean, "gap_low": low - PAPER.mean, "gap_high": high - PAPER.mean}  # the paper's mean taken as known
    share = float((means <= PAPER.mean).mean()) if sets else float("nan")
    spread = {"n_pairs": len(crossed), "mean": mean, "std": crossed["loss_midpoint"].std()}
    return {"variant": "all pairs of networks", **spread, "paper": PAPER.mean, **gap, "luck_subsets": share}


def main(root: str, sweep: str, store: str) -> None:
    """Measure every variant on the pairs of a sweep, and the base on all pairs of their networks."""
    torch.set_num_threads(1)
    data, pairs = Mnist(root=root).load(), pairs_of(Path(sweep), Path(store))
    losses = {
        name: pd.Series({seed: midpoint_loss(a, matched(a, b, rows), data.test, factors) for seed, (a, b) in pairs.items()})
        for name, (rows, factors) in variants(data.train).items()
    }
    rows = [
        {"variant": name} | compared(each, losses["base"], PAPER) | from_paper(each, PAPER) | luck(each, PAPER)
        for name, each in losses.items()
    ]
    compared_rows, networks = variants(data.train)["base"][0], {(seed, k): pair[k] for seed, pair in pairs.items() for k in (0, 1)}
    crossed = []
    for (one, a), (other, b) in combinations(networks.items(), 2):
        loss = midpoint_loss(a, matched(a, b, compared_rows), data.test)
        crossed.append({"seed_a": one[0], "number_a": one[1], "seed_b": other[0], "number_b": other[1], "loss_midpoint": loss})
    all_pairs = pd.DataFrame(crossed)
    for name, each in (("variants", pd.DataFrame([*rows, of_all(all_pairs)])), ("pairs", all_pairs)):
        each.to_csv(HERE / f"miss_{name}.csv", index=False, float_format="%.6g")


if __name__ == "__main__":
    main(*sys.argv[1:])
