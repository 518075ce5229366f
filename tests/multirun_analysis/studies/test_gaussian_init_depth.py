"""Output gaps in units of the unmatched pairs."""

import pandas as pd
import pytest
from study_rows import SEEDS, pair

from multirun_analysis.studies.gaussian_init_depth import gap_against_width, relative_gaps


def test_gaps_are_taken_in_units_of_the_same_pairs_unmatched():
    runs, layers = [], []
    for depth in (1, 2):
        for width in (8, 16):
            for seed in SEEDS:
                unmatched = 2.0 + seed
                for method, share in (("identity", 1.0), ("weights", 4 / width)):
                    for split in ("train", "test"):
                        runs.append(
                            pair(width, seed, depth=depth)
                            | {
                                "matching": method,
                                "split": split,
                                "output_gap": unmatched * share,
                                "output_scale": 0.8,
                                "loss_barrier": 0.0,
                            }
                        )
                layers += [
                    pair(width, seed, depth=depth) | {"matching": "weights", "layer": layer, "recursion_tolerance": 0.1 * layer + 1 / width}
                    for layer in range(1, depth + 1)
                ]
    frames = {
        "runs": pd.DataFrame(runs),
        "layers": pd.DataFrame(layers),
        "barrier_vs_width": pd.DataFrame({"interval": ["none: one pair"]}),
    }
    table = relative_gaps(frames)
    assert table["mean"].tolist() == pytest.approx([0.5, 0.25, 0.5, 0.25])
    assert table["recursion_tolerance"].tolist() == pytest.approx([0.225, 0.1625, 0.325, 0.2625])  # of the last hidden layer
    assert table["loss_barrier_zeros"].tolist() == [4] * 4
    assert len(gap_against_width(frames).axes) == 1  # one method beside the control
