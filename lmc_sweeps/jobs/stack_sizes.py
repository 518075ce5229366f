"""How many networks are best trained at once on this machine: within the memory that a stack may take, and measured, not guessed."""

import contextlib
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lmc_sweeps.common.devices import is_out_of_memory, resolve_device
from lmc_sweeps.common.time_limit import time_limit
from lmc_sweeps.jobs.estimates import estimate, seconds_of_curve
from lmc_sweeps.jobs.planned import PlannedNetwork, counts, groups, padded_split, padded_stack, products_of, training_split
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.training.loop import StackState, initial_state, train

log = logging.getLogger(__name__)
SLOWEST_GAIN = 0.97  # a larger stack must train a network in less than this share of the time
WARM_UP_STEPS, LEAST_STEPS, MOST_STEPS = 3, 7, 50  # of a trial, which ends after as many of them as take
PROBE_SECONDS = 0.05
TRIED = 4  # networks in the stack of an estimate


@dataclass(frozen=True)
class StackTimes:
    """How many networks of a group are best trained at once by one worker, and the seconds for each network in stacks of other sizes.

    `of_network` has them by size; of one size alone where they are a rough count and not measured. A size that was set is kept, however
    many workers there are: the bits of some networks depend on it.
    """

    best: int
    of_network: Mapping[int, float]
    is_set: bool = False

    def seconds(self, size: int) -> float:
        """Return about how long a stack of so many networks takes: as those of the sizes around it, by the logarithm of the size."""
        sizes = sorted(self.of_network)
        below = max((each for each in sizes if each <= size), default=sizes[0])
        above = min((each for each in sizes if each >= size), default=sizes[-1])
        share = 0.0 if above <= below else math.log(size / below) / math.log(above / below)
        return size * ((1 - share) * self.of_network[below] + share * self.of_network[above])


def stack_size(group: Sequence[PlannedNetwork]) -> int:
    """Return how many networks of a group are best trained at once on this machine: measured, within the bounds that were set."""
    return stack_times(group).best


def stack_times(group: Sequence[PlannedNetwork]) -> StackTimes:
    """Return how many networks of a group are best trained at once on this machine: measured, within the bounds that were set.

    Sizes 1, 2, 4, ... are tried for a few steps each, until a larger one no longer trains a network in less time, or does not fit. Networks
    that are computed one after the other in any stack are trained alone.
    """
    first = group[0]
    counted = {1: estimate(first.settings, first.data).seconds_training / first.settings.networks}
    best, fastest, size = 1, math.inf, 1
    tried: dict[int, float] = {}
    try:
        most = min(len(group), most_in_memory(first))
        if first.settings.training.stack is not None:
            return StackTimes(min(most, first.settings.training.stack), counted, is_set=True)
        if not _is_computed_at_once(first):
            return StackTimes(1, counted)
        if most == 1 or first.steps < 10 * (WARM_UP_STEPS + LEAST_STEPS):
            return StackTimes(most, counted)
        while size <= 4 * best:  # two sizes in a row without a gain end the search
            tried[size] = seconds_per_network_step(group[:size])
            if tried[size] < fastest * SLOWEST_GAIN:
                best, fastest = size, min(tried[size], fastest)
            if size == most:
                break
            size = min(2 * size, most)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    log.info("stacks of %d networks of width %d: %.2f ms per network and step", best, first.settings.width, 1000 * fastest)
    of_curve = seconds_of_curve(first.settings, first.data)
    return StackTimes(best, {size: first.steps * seconds + of_curve for size, seconds in tried.items()} or counted)


def _is_computed_at_once(network: PlannedNetwork) -> bool:
    device = resolve_device(network.settings.device)
    return network.training_architecture.is_computed_at_once({name: tensor.to(device) for name, tensor in padded_stack([network]).items()})


def training_seconds(networks: Sequence[PlannedNetwork]) -> float:
    """Return about how long the training of networks takes here, from a few steps of a small stack of every group."""
    return sum(group_seconds(group, seconds_per_network_step(group[:TRIED])) for group in groups(networks))


def group_seconds(group: Sequence[PlannedNetwork], of_step: float) -> float:
    """Return about how long a group takes to be trained, from the seconds of a step of one network, its training curves counted too."""
    first = group[0]
    return sum(of_step * network.steps for network in group) + len(group) * seconds_of_curve(first.settings, first.data)


def most_in_memory(network: PlannedNetwork) -> int:
    """Return how many networks fit in the memory of a stack."""
    return max(1, int(_memory_for_stacks(network.settings) / _bytes_in_stack(network, padded_stack([network]))))


def largest_stack(networks: Sequence[PlannedNetwork]) -> float:
    """Return about how many bytes the largest stack of these networks may take; no network is drawn for it."""
    stacks = [
        (len(group) * _bytes_in_stack(group[0], group[0].template), _memory_for_stacks(group[0].settings)) for group in groups(networks)
    ]
    return max((min(stack) for stack in stacks), default=0.0)


def _bytes_in_stack(network: PlannedNetwork, tensors: Mapping[str, torch.Tensor]) -> float:
    """Return the bytes of a network in a stack: weights, gradients, optimizer buffers, and a batch's activations.

    Weights and buffers are there twice, as training began and as it goes on; and in bfloat16, as factors and as results.
    """
    weights = sum(tensor.numel() for tensor in tensors.values())
    activations = counts(network.settings.model, network.job.shape).activations
    copies = 4 + 2 * len(network.settings.optimizer.buffers) + (network.settings.precision != "float32")
    return 4.0 * (copies * weights + 4 * network.settings.training.batch_size * activations)


def _memory_for_stacks(settings: JobSettings) -> float:
    """Return the bytes that a stack may take: those that were set, else 2 GiB, or most of what is free on a CUDA device."""
    if settings.training.stack_gib is not None:
        return settings.training.stack_gib * 2**30
    device = resolve_device(settings.device)
    if device.type != "cuda":
        return 2.0 * 2**30
    torch.cuda.empty_cache()  # what earlier stacks have left in torch's own keeping is free as well
    return 0.7 * torch.cuda.mem_get_info(device)[0]


class _Enough(Exception):
    """Ends a trial."""


def seconds_per_network_step(networks: Sequence[PlannedNetwork]) -> float:
    """Return how long a step takes for each network of a stack, measured on this machine; nothing of it is kept.

    It is the mean of a few steps, for now and then a step draws an order or gathers the batches of the next ones. The first steps do not
    count, unless there are no more; without a step it is 0.
    """
    device = resolve_device(networks[0].settings.device)
    architecture = networks[0].training_architecture
    split = training_split(networks[0], padded_split(architecture, networks[0].data.train, device))
    initial = {name: tensor.to(device) for name, tensor in padded_stack(networks).items()}
    moments = [time.perf_counter()]
    most = max(LEAST_STEPS, min(MOST_STEPS, networks[0].steps // 20))  # a trial must cost little beside the training

    def note(state: StackState) -> None:
        progressed()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        moments.append(time.perf_counter())
        if state.step >= WARM_UP_STEPS + LEAST_STEPS and moments[-1] - moments[WARM_UP_STEPS] > PROBE_SECONDS:
            raise _Enough

    settings = networks[0].settings
    label = f"a trial step of training {len(networks)} networks of width {settings.width}"
    with products_of(settings.precision), time_limit(settings.time_limit, label) as progressed, contextlib.suppress(_Enough):
        state = initial_state(networks[0].settings.optimizer, initial, networks[0].statistics)
        train(architecture, state, [network.recipe for network in networks], split, note, WARM_UP_STEPS + most)
    first = min(WARM_UP_STEPS, max(len(moments) - 2, 0))
    return (moments[-1] - moments[first]) / max(len(moments) - 1 - first, 1) / len(networks)
