"""Random streams: one per (seed, purpose), the same in every process, on every device, for any number of threads."""

import hashlib
import json

import numpy as np


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the generator that belongs to a root seed and a purpose.

    The words ``[seed, *purpose]`` are hashed by SHA-256, whose 256 bits seed a `numpy.random.SeedSequence`: two purposes
    never share a stream, and Python's salted ``hash()`` and ``seed + 1`` are not used.

    Parameters
    ----------
    seed : int
        Root seed.
    *purpose : str or int
        What the numbers are for, e.g. ``("network", 0, "data_order")``.

    Returns
    -------
    numpy.random.Generator
        A PCG64 generator of its own.
    """
    digest = hashlib.sha256(json.dumps([seed, *purpose]).encode()).digest()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(np.frombuffer(digest, dtype="<u4").tolist()))))
