"""The comparison of convolutional and residual pairs: a row for each method and repair, those of `compare`."""

import numpy as np
import torch
from torch import nn

from benchmarks import compare_pairs
from benchmarks.real_pairs import RealPair
from lmc_sweeps import compare
from lmc_sweeps.datasets.base import Split

rng = np.random.default_rng(0)


def network(seed: int, norm: bool) -> nn.Module:
    torch.manual_seed(seed)
    norms = [nn.BatchNorm2d(6)] if norm else []
    return nn.Sequential(nn.Conv2d(1, 6, 3), *norms, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)).eval()


def examples(n: int) -> Split:
    return Split(torch.from_numpy(rng.standard_normal((n, 1, 6, 6)).astype(np.float32)), torch.from_numpy(rng.integers(3, size=n)))


def test_there_is_a_row_for_each_method_and_repair_with_the_numbers_of_compare() -> None:
    for norm in (False, True):
        pair = RealPair("small", "0", network(0, norm), network(1, norm), examples(40), examples(20))
        table = compare_pairs.compared(pair)
        repairs = ["none", "reset"] if norm else ["none"]
        methods = ["identity", *compare_pairs.METHODS]
        assert list(zip(table["repair"], table["matching"], strict=True)) == [(repair, method) for repair in repairs for method in methods]
        assert table.filter(like="seconds_").ge(0).all(axis=None)
        splits = ((split.inputs, split.labels) for split in (pair.train, pair.test))
        result = compare(pair.a, pair.b, **dict(zip(("train", "test"), splits, strict=True)), matching=["weights"], points=11, device="cpu")
        expected = result.to_frame().query("split == 'test'").set_index("matching")
        plain = table.query("repair == 'none'").set_index("matching")
        for method in ("identity", "weights"):
            np.testing.assert_allclose(plain.loc[method, "loss_barrier"], expected.loc[method, "loss_barrier"], rtol=1e-5, atol=1e-7)
