"""Convolutional and residual networks compared without a specification: every method, with batch norms as they are and reset.

    python -m benchmarks.compare_pairs FOLDER --data ROOT [--only NAME ...]

FOLDER holds the trained networks of `rebasin_package`, and those that it lacks are trained. For every pair, method and repair,
``benchmarks/results/compare_pairs.csv`` has the errors at the ends and the barriers on the test split at 11 points, the distance of the
networks over all tensors, and the seconds of each stage of `compare` for the whole pair. Statistics for matching are those of all training
examples; those of `reset` of 2,000.
"""

import argparse
from datetime import date
from pathlib import Path

import pandas as pd
from torch import nn

from benchmarks.real_pairs import DIGITS, RealPair, real_pairs
from benchmarks.timing import machine
from lmc_sweeps import compare

RESULTS = Path(__file__).resolve().parent / "results"
METHODS = ("weights", "covariance", "activations", "rebasin")
POINTS, EXAMPLES = 11, 2000  # of the training split: that the path, and the statistics of batch norms, are evaluated on
MEASURES = [
    "error_a", "error_b", "loss_barrier", "error_barrier", "loss_midpoint", "error_midpoint", "function_gap", "distance", "seconds_match",
]  # fmt: skip


def compared(pair: RealPair) -> pd.DataFrame:
    """Return a row for each method and repair, with how the method ended and the seconds of the whole comparison by stage."""
    has_norms = any(isinstance(module, nn.BatchNorm2d) for module in pair.a.modules())
    train, test = ((split.inputs, split.labels) for split in (pair.train, pair.test))
    result = compare(
        pair.a,
        pair.b,
        train=train,
        test=test,
        matching=METHODS,
        repair=("none", "reset") if has_norms else ("none",),
        settings={"reset": {"examples": EXAMPLES}} if has_norms else None,
        points=POINTS,
        train_examples=EXAMPLES,
        device="cpu",
    )
    rows = result.to_frame().query("split == 'test'")[["matching", "repair", *MEASURES]]
    ends = result.searches.set_index("matching")["sentence"]
    rows.insert(0, "networks", pair.name)
    return rows.assign(ended=rows["matching"].map(ends), **{f"seconds_{stage}": value for stage, value in result.seconds.items()})


def main() -> None:
    """Compare the pairs of images and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the trained networks")
    parser.add_argument("--data", type=Path, required=True, help="a folder with mnist and cifar10 in it")
    parser.add_argument("--only", nargs="+", help="names of pairs")
    arguments = parser.parse_args()
    frames = []
    for pair in real_pairs(arguments.folder, arguments.data):
        if pair.name != DIGITS and pair.name in (arguments.only or [pair.name]):
            frames.append(compared(pair))
            print(frames[-1][["networks", "matching", "repair", *MEASURES]].round(4).to_string(index=False), flush=True)
    conditions = f"{machine()}, {date.today().isoformat()}"
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "compare_pairs.csv").open("w", encoding="utf-8") as stream:
        stream.write(f"# compare_pairs: {str(__doc__).splitlines()[0]}\n# {conditions}\n")
        pd.concat(frames).to_csv(stream, index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
