"""What a job is asked for: names that hold exactly what determines the networks, and every static error with its message."""

import math

import pytest
import torch
from small_jobs import small_settings

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data, split, token_split
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.training.recipe import Training


def job(**changes) -> JobSettings:
    default = {"width": 32, "matching": (Weights(), Covariance(), Activations()), "training": Training(), "points": 25}
    return small_settings(**default | changes)


@pytest.mark.parametrize("key", ["width", "depth"])
@pytest.mark.parametrize("value", [0, -3, 1.5, "abc", True, None])
def test_width_and_depth_must_be_positive_integers(key, value):
    with pytest.raises(InputError, match=rf"^`{key}` must be a positive integer, got {value!r}\.$"):
        job(**{key: value})


DEVICES = "auto, cpu, cuda, cuda:0, cuda:1, ..."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": 1}, "`networks` must be an integer of at least 2, got 1."),
        ({"networks": "two"}, "`networks` must be an integer of at least 2, got 'two'."),
        ({"seed": -1}, "`seed` must be a non-negative integer below 18446744073709551616, got -1."),
        ({"seed": 2**64}, "`seed` must be a non-negative integer below 18446744073709551616, got 18446744073709551616."),
        ({"seed": 0.0}, "`seed` must be a non-negative integer below 18446744073709551616, got 0.0."),
        (
            {"precision": "float16"},
            "`precision` must be one of bfloat16, bfloat16_factors, float32, tf32, got 'float16'. Did you mean 'bfloat16'?",
        ),
        (
            {"precision": "tf32", "device": "cpu"},
            "`precision` must be one of bfloat16, bfloat16_factors, float32 where `device` is cpu, got 'tf32', which is for CUDA devices.",
        ),
        ({"precision": None}, "`precision` must be one of bfloat16, bfloat16_factors, float32, tf32, got None."),
        *(
            ({"points": p}, f"`points` must be an odd integer of at least 3 (so that t = 0, 1/2 and 1 are there), got {p!r}.")
            for p in (1, 2, 10, -3, 5.0, "25", True)
        ),
        *(
            ({"time_limit": s}, f"`time_limit` must be a finite number above 0 and below 1e+08, got {s!r}.")
            for s in (0, -1.0, 1e8, "60", True, math.nan)
        ),
        *(({"plane": p}, f"`plane` must be true or false, got {p!r}.") for p in (3, 1, "yes", None)),
        (
            {"plane": True, "matching": (Identity(),)},
            "`plane` needs a matching method that moves B: the plane goes through A, B and permuted B.",
        ),
        ({"matching": ()}, "`matching` must name at least one method, got none; e.g. matching=[weights,activations]."),
        *(
            ({"device": d}, f"`device` must be one of {DEVICES}, got {d!r}.")
            for d in ("tpu", "cpu:0", "cpu:", "cuda:", "cuda:-1", "cuda:01", "cuda:²", "CUDA", "", None, 0)
        ),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(InputError) as caught:
        job(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_the_smallest_and_the_largest_seed_are_allowed(seed):
    assert job(seed=seed).seed == seed


@pytest.mark.parametrize(("device", "number"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1), ("cuda:10", 10)])
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, device, number):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
    with pytest.raises(InputError, match=rf"^`device` must be there, got '{device}' on a machine with {number} CUDA devices\.$"):
        job(device=device)


def test_a_batch_larger_than_the_training_set_is_refused_against_the_data():
    some = split([[0.0]] * 10, [0] * 10)
    data = Data(some, some, n_classes=1)
    job(training=Training(batch_size=10)).check_against(data)
    with pytest.raises(InputError, match=r"^`training\.batch_size` must be at most the size of the training set \(10\), got 11\.$"):
        job(training=Training(batch_size=11)).check_against(data)


def test_a_model_that_does_not_take_what_the_dataset_gives_is_refused_against_the_data():
    text = token_split([[0, 1]] * 100, [[1, 1]] * 100)
    with pytest.raises(InputError, match=r"^`model\.name` must be one of gpt for the tokens of dataset=digits, got 'mlp'\.$"):
        job().check_against(Data(text, text, n_classes=2))


@pytest.mark.parametrize("directions", ["one", "both"])
@pytest.mark.parametrize("networks", [2, 3, 5])
def test_every_pair_is_measured_in_one_direction_or_in_both(networks, directions):
    settings = small_settings(networks=networks, directions=directions)
    pairs = settings.pairs()
    assert len(pairs) == len(set(pairs)) == settings.n_pairs
    assert {frozenset(pair) for pair in pairs} == {frozenset((i, j)) for i in range(networks) for j in range(i)}
    assert ({(j, i) for i, j in pairs} == set(pairs)) is (directions == "both")
