"""Make arrays.npz, a small file for the dataset in parts/datasets/arrays.py: python make_arrays.py."""

import numpy as np

rng = np.random.default_rng(0)
centres = rng.standard_normal((3, 6))
arrays = {}
for name, size in (("train", 150), ("test", 90)):
    labels = np.arange(size) % 3
    arrays |= {f"{name}_labels": labels, f"{name}_inputs": centres[labels] + 0.5 * rng.standard_normal((size, 6))}
np.savez("arrays.npz", **arrays)
