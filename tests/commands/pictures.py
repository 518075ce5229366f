"""A few pictures in the files of MNIST, for what needs a dataset in files."""

from pathlib import Path

import numpy as np

from lmc_sweeps.datasets.idx import FILES


def pictures(folder: Path) -> None:
    """Write the four files of MNIST with a few pictures that can be told apart: the class is a bright row."""
    folder.mkdir(exist_ok=True)
    for kind, size in (("train", 600), ("t10k", 200)):
        labels = np.arange(size, dtype=np.uint8) % 10
        images = np.random.default_rng(size).integers(0, 64, (size, 28, 28), dtype=np.uint8)
        images[np.arange(size), 2 * labels] = 255
        for file, array in zip([name for name in FILES if name.startswith(kind)], (images, labels), strict=True):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
            (folder / file).write_bytes(head + array.tobytes())
