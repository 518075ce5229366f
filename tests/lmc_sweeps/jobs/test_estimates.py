"""What a job takes: what no machine can do is refused by the key that it comes from, what one can do is left alone."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data, Split, token_split
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.estimates import BATCH, MEMORY, OPERATIONS_PER_SECOND, amount, check_fits, estimate, memory_here
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.base import Architecture, Shape
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.gpt import Gpt
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.repair.base import Repair
from lmc_sweeps.repair.repair import LayerwiseRepair
from lmc_sweeps.repair.repair_closed_form import ClosedFormRepair
from lmc_sweeps.repair.reset import Reset
from lmc_sweeps.training.optimizers import Adam, Sgd
from lmc_sweeps.training.recipe import Training

JOB = JobSettings(
    width=32,
    depth=1,
    networks=2,
    seed=0,
    dataset=Digits(),
    model=Mlp(),
    optimizer=Sgd(),
    training=Training(),
    matching=(Weights(), Covariance(), Activations()),
    device="cpu",
    precision="float32",
    points=25,
    store=None,
)
DATA = Data(*(Split(torch.empty(n, 64), torch.zeros(n, dtype=torch.int64)) for n in (1437, 360)), n_classes=10)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"points": 10**30 + 1}, r"^a job of `points` 1(,000){9},001 takes about 9.6e\+26 GB of memory, most of it for the outputs along the line; there are 16.0 GB "),
        ({"width": 10**6}, "^a job of `width` 1,000,000 takes about 96,0.* GB of memory, most of it for the costs between neurons; there are 16.0 GB "),
        ({"width": 10**40}, r"^a job of `width` 10(,000){13} takes about .*e\+"),
        ({"depth": 10**5}, "^`depth` must be at most 10,000, got 100000.$"),
        ({"depth": 10**30}, "^`depth` must be at most 10,000, got 10{30}.$"),
        ({"networks": 10**8}, r"^a job of `networks` 100,000,000, `points` 25 takes about 3.6e\+11 GB of memory, most of it for the record; "),
        ({"training": Training(epochs=10**12)}, "^a job of `training.epochs` 1,000,000,000,000 takes about .* most of it for the learning rates of all steps; "),
        ({"width": 2048, "depth": 6, "training": Training(epochs=10**8, batch_size=1437)}, "^a job of `width` 2,048, `depth` 6, `networks` 2, `training.epochs` 100,000,000 takes about 58 years of one core, most of it for training.$"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_its_key_with_the_estimate_and_what_there_is(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        check_fits(replace(JOB, **changes), DATA, memory=16e9)


@pytest.mark.parametrize(
    "changes", [{}, {"width": 4096}, {"depth": 100}, {"networks": 100}, {"points": 1001}, {"training": Training(epochs=10_000)}]
)
def test_what_can_be_done_is_left_alone(changes):
    check_fits(replace(JOB, **changes), DATA, memory=16e9)


def test_memory_is_counted_from_weights_buffers_moments_costs_outputs_and_the_record():
    job = replace(JOB, width=100, depth=2, networks=3, points=5, optimizer=Adam(), training=Training(epochs=2, batch_size=64))
    weights, neurons = 64 * 100 + 100 * 100 + 100 * 10 + 210, 64 + 200 + 10
    record = 2 * 3 * 4 * (60 * 5 + 1500)
    assert estimate(job, DATA).memory == {
        "the networks themselves": 4 * 3 * weights,
        "training a network": 4 * 4 * weights + 8 * 64 * neurons,  # weights, gradients and Adam's two; activations and their gradients
        "the learning rates of all steps": 40 * 2 * 23,
        "the moments of the activations": 3 * 8 * 2 * 100**2 + 2 * 8 * 64**2,
        "the costs between neurons": 9 * 8 * 100**2,
        "the networks of a pair": 2 * 4 * weights + 2 * 8 * weights + 8 * BATCH * neurons,
        "the outputs along the line": 3 * 4 * 10 * BATCH * 4 * 5,
        "the record": 3 * record,
    }
    assert estimate(job, DATA).record == record


def test_outputs_of_tokens_are_logits_at_every_position_of_so_many_examples_as_have_a_batch_of_them():
    text = token_split(torch.zeros(100, 25), torch.zeros(100, 25))
    job = replace(JOB, model=Gpt(heads=2), width=8, matching=(Weights(),), points=3, training=Training(batch_size=10))
    assert estimate(job, Data(text, text, n_classes=7)).memory["the outputs along the line"] == 3 * 4 * (25 * 7) * (BATCH // 25) * 2 * 3


def test_methods_that_need_no_moments_hold_none():
    memory = estimate(replace(JOB, matching=(Weights(),)), DATA).memory
    assert memory["the moments of the activations"] == 0
    assert memory["the costs between neurons"] > 0
    assert estimate(replace(JOB, matching=(Identity(),)), DATA).memory["the costs between neurons"] == 0


def test_the_tensors_that_training_begins_with_are_those_that_are_counted():
    job = replace(JOB, width=48, depth=3)
    weights = sum(tensor.numel() for tensor in job.model.initial(Shape((64,), 48, 3, 10), np.random.default_rng(0)).values())
    assert estimate(job, DATA).memory["the networks themselves"] == 4 * 2 * weights


@dataclass(frozen=True, kw_only=True)
class Unlike(Repair):
    """A repair that looks at no examples."""

    name: ClassVar[str] = "unlike"

    def between(self, architecture, a, b, train):
        return lambda stack, t: dict(stack)


class Plain(FeedForward):
    """A network whose architecture counts nothing for itself."""

    counts = Architecture.counts


@dataclass(frozen=True, kw_only=True)
class Own(Mlp):
    """A model of one's own."""

    name: ClassVar[str] = "own"

    def architecture(self, shape: Shape) -> FeedForward:
        return Plain(super().architecture(shape).layers, n_outputs=shape.classes)


def test_a_model_of_ones_own_is_counted_by_its_tensors():
    job = replace(JOB, width=48, depth=3)
    own, mlp = (estimate(replace(job, model=model), DATA) for model in (Own(), Mlp()))
    assert (own.memory, own.record, own.seconds_training) == (mlp.memory, mlp.record, mlp.seconds_training)
    assert own.seconds_measuring > mlp.seconds_measuring  # its first layer is computed at every t
    with pytest.raises(
        InputError, match="^a job of `width` 4,096, `depth` 3 takes about .* most of it for the moments of the activations; "
    ):
        check_fits(replace(job, model=Own(), width=4096), DATA, memory=1e9)


def test_time_grows_with_what_is_asked_for():
    seconds = [estimate(replace(JOB, networks=n), DATA).seconds_measuring for n in (2, 4)]
    assert seconds[1] == pytest.approx(6 * seconds[0])
    assert estimate(replace(JOB, training=Training(epochs=40)), DATA).seconds_training == pytest.approx(
        2 * estimate(JOB, DATA).seconds_training
    )


def test_repairs_take_forward_passes_at_every_point_of_every_line():
    """Of three convolutions with biases and as many batch norms without: REPAIR takes one pass for all of the former, reset one for all of the latter."""
    images = Split(torch.empty(100, 1, 8, 8), torch.zeros(100, dtype=torch.int64))
    data, norms = Data(images, images, n_classes=10), {"batch": Cnn(), "none": Cnn(norm="none")}
    training = Training(batch_size=10)
    for repair, norm, passes in (
        (LayerwiseRepair(), "none", 100), (LayerwiseRepair(examples=20), "none", 20), (LayerwiseRepair(), "batch", 0),
        (Reset(), "batch", 100), (Reset(examples=20), "batch", 20), (ClosedFormRepair(), "none", 0),
    ):  # fmt: skip
        job = replace(JOB, model=norms[norm], width=4, depth=3, matching=(Weights(),), points=3, training=training, repair=(repair,))
        plain = estimate(replace(job, repair=(Unlike(),)), data).seconds_measuring
        operations = job.model.counts(job.shape(data)).operations
        assert estimate(job, data).seconds_measuring - plain == pytest.approx(
            operations * passes * 2 * 3 / OPERATIONS_PER_SECOND, abs=1e-12
        )


def test_training_curves_take_time_and_room_by_the_number_of_their_points():
    plain, *curved = (estimate(replace(JOB, training=Training(epochs=40, curve_epochs=every)), DATA) for every in (None, 40, 10))
    seconds, room = ([getattr(each, name) - getattr(plain, name) for each in curved] for name in ("seconds_training", "record"))
    assert seconds[1] / seconds[0] == pytest.approx(5 / 2)  # epochs 0, 10, ..., 40 against 0, 40
    assert room[1] / room[0] == 5 / 2
    assert seconds[0] > 0
    assert curved[1].seconds_measuring == plain.seconds_measuring


def test_what_is_said_of_the_memory_is_believed(monkeypatch):
    here = memory_here()
    assert here > 1e8
    monkeypatch.setenv(MEMORY, "2.5")
    assert memory_here() == 2.5e9
    for wrong in ("much", "-1", "nan"):
        monkeypatch.setenv(MEMORY, wrong)
        with pytest.raises(InputError, match=f"^`{MEMORY}` must be a "):
            memory_here()


@pytest.mark.parametrize(("size", "text"), [(0, "0.0 MB"), (1.5e6, "1.5 MB"), (96e12, "96,000.0 GB"), (8e30, "8.0e+21 GB")])
def test_sizes_are_for_people(size, text):
    assert amount(size) == text
