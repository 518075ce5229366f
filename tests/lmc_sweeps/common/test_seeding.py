"""Random streams: equal for equal (seed, purpose) in every process, unrelated otherwise."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from lmc_sweeps.common import seeding
from lmc_sweeps.common.seeding import generator

PURPOSES = [(), ("network", 0), ("network", 1), ("network", "0"), ("network0",), ("network", 0, "data_order", 0), (0, "network")]


def raw(seed: int, *purpose: str | int) -> list[int]:
    return generator(seed, *purpose).bit_generator.random_raw(4).tolist()


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_same_seed_and_purpose_give_the_same_stream(purpose: tuple) -> None:
    assert raw(3, *purpose) == raw(3, *purpose)


def test_no_two_seeds_or_purposes_share_a_stream() -> None:
    # ("network", 0) against ("network", "0") and ("network0",): words must not run into one another.
    streams = [tuple(raw(seed, *purpose)) for seed in (0, 1, 2**64 - 1) for purpose in PURPOSES]
    assert len(set(streams)) == len(streams)


def test_streams_of_neighbouring_seeds_are_not_correlated() -> None:
    draws = np.array([generator(seed, "network", 0).standard_normal(4000) for seed in range(5)])
    off_diagonal = np.corrcoef(draws)[~np.eye(5, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(4000)  # five standard errors


def test_the_stream_is_pcg64_seeded_by_the_sha256_of_the_words() -> None:
    # Restated from the documentation: words as a JSON list, digest as eight little-endian 32-bit numbers.
    digest = hashlib.sha256(b'[7, "network", 1, "data_order", 2]').digest()
    entropy = [int.from_bytes(digest[k : k + 4], "little") for k in range(0, 32, 4)]
    expected = np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(4).tolist()
    assert raw(7, "network", 1, "data_order", 2) == expected


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_with_another_hash_seed_draws_the_same(hash_seed: str) -> None:
    # The file by its path: importing the package would import torch, too.
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['generator'](7, 'network', 1).bit_generator.random_raw(4).tolist())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", code, seeding.__file__]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(raw(7, "network", 1))


def test_drawing_touches_no_global_stream() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002 the global stream is what is looked at
    generator(0, "network").standard_normal(10)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
