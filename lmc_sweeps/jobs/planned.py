"""The networks that jobs need, each with everything that determines it, grouped by the shape of the computation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.jobs.identities import network_name
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.models.base import Architecture, Counts, Model, Shape, stacked
from lmc_sweeps.training.recipe import Recipe


@dataclass(frozen=True)
class PlannedNetwork:
    """Network `number` of a job, with everything that determines it, whether it is trained or not."""

    job: PreparedJob
    number: int

    @cached_property
    def name(self) -> str:
        """Its name in the store."""
        return network_name(self.identity)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that determines it."""
        return self.job.network_identity(self.number)

    @property
    def settings(self) -> JobSettings:
        """The settings of its job."""
        return self.job.settings

    @property
    def data(self) -> Data:
        """The data of its job."""
        return self.job.data

    @property
    def template(self) -> dict[str, torch.Tensor]:
        """Its parameters without their values: what a stored one must be like."""
        return template(self.settings.model, self.job.shape)

    @property
    def statistics(self) -> frozenset[str]:
        """The names of those of its tensors that training changes by itself, and no optimizer: running statistics of batch norms."""
        return self.architecture.graph(self.template).buffers

    @property
    def steps(self) -> int:
        """The steps of its training."""
        return self.settings.training.steps(len(self.data.train))

    @property
    def curve_epochs(self) -> tuple[int, ...]:
        """The epochs after which its training curve is asked for."""
        return self.settings.training.epochs_of_curve()

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""
        s = self.settings
        number = 0 if s.training.data_order == "shared" else self.number
        return Recipe(seed=s.seed, number=number, optimizer=s.optimizer, training=s.training)

    @cached_property
    def architecture(self) -> Architecture:
        """Its mathematics."""
        return self.job.architecture

    @property
    def training_architecture(self) -> Architecture:
        """The same, with the products of the precision in which it is trained."""
        precision = self.settings.precision
        if not precision.startswith("bfloat16"):
            return self.architecture
        return self.architecture.with_products_in(torch.bfloat16, results=precision == "bfloat16")

    def initial(self) -> dict[str, torch.Tensor]:
        """Return its parameters before the first step."""
        rng = generator(self.settings.seed, "network", self.number, "initialisation")
        return self.settings.model.initial(self.job.shape, rng)

    def kind(self) -> tuple[Any, ...]:
        """Return everything that fixes the shape of the computation: networks of one kind can share a stack."""
        s = self.settings
        fixed = (self.job.fingerprint, s.model, s.width, s.depth, s.precision, s.device, s.training.stack, s.training.stack_gib)
        views = (s.training.batch_size, s.training.label_smoothing, s.training.augmentation, s.training.crop_padding)
        return (*fixed, self.steps, *views, s.training.curve_epochs, s.optimizer.buffers)


@lru_cache(maxsize=64)  # the networks of a job, and of all its seeds, are alike; a model may have to draw one
def _tensor_sizes(model: Model, shape: Shape) -> dict[str, tuple[int, ...]]:
    return model.tensor_sizes(shape)


def template(model: Model, shape: Shape) -> dict[str, torch.Tensor]:
    """Return the parameters of a network without their values."""
    return {name: torch.empty(size, device="meta") for name, size in _tensor_sizes(model, shape).items()}


@lru_cache(maxsize=1024)  # of every job of a sweep, before the first one begins
def counts(model: Model, shape: Shape) -> Counts:
    """Return the parameters, activations and operations of a network, from which memory and time are estimated."""
    return model.counts(shape)


def planned_networks(job: PreparedJob) -> list[PlannedNetwork]:
    """Return the networks of a job, by their numbers."""
    return [PlannedNetwork(job, number) for number in range(job.settings.networks)]


def groups(networks: Sequence[PlannedNetwork]) -> list[list[PlannedNetwork]]:
    """Return networks by kind, each once, in the order in which they were asked for."""
    by_kind: dict[tuple[Any, ...], dict[str, PlannedNetwork]] = {}
    for network in networks:
        by_kind.setdefault(network.kind(), {}).setdefault(network.name, network)
    return [list(group.values()) for group in by_kind.values()]


def taken_split(architecture: Architecture, split: Split, device: torch.device) -> Split:
    """Return a split on a device, its examples as the architecture's networks take them."""
    return Split(architecture.taken(split.inputs), split.labels).to(device)


def padded_split(architecture: Architecture, split: Split, device: torch.device) -> Split:
    """Return the same as networks in training take them: filled up where these are."""
    return Split(architecture.training_inputs(split.inputs), split.labels).to(device)


def training_split(network: PlannedNetwork, padded: Split) -> Split:
    """Return the training set as the loop takes it: padded and rounded, or the images themselves, on that device, if they are augmented."""
    if network.settings.training.augmentation != "none":
        return network.data.train.to(padded.labels.device)
    return Split(network.training_architecture.rounded_inputs(padded.inputs), padded.labels)


def padded_stack(networks: Sequence[PlannedNetwork]) -> dict[str, torch.Tensor]:
    """Return the stack in which networks of one kind begin their training."""
    return stacked([network.architecture.padded(network.initial()) for network in networks])


@contextmanager
def products_of(precision: str) -> Iterator[None]:
    """Let CUDA's products use TensorFloat-32 for a while, if that is the precision; it is a switch of the whole process."""
    if precision != "tf32":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
