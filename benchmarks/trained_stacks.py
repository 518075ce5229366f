"""Stacks in the middle of their training, to be timed: of the sizes that lmc_sweeps itself chooses."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch

from benchmarks import plain
from lmc_sweeps.common.worker_process import Progress
from lmc_sweeps.common.workers import Workers, workers
from lmc_sweeps.datasets.base import Data, fingerprint
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.balancing import Waiting, balanced
from lmc_sweeps.jobs.planned import padded_split, padded_stack, planned_networks, training_split
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.jobs.stack_sizes import stack_size, stack_times
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.base import Architecture, Model
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.loop import StackState, initial_state, train
from lmc_sweeps.training.optimizers import Optimizer, Sgd
from lmc_sweeps.training.recipe import Training

EPOCHS = 200  # so many that a few steps of trying pay


def job(
    data: Data,
    width: int,
    depth: int,
    batch_size: int,
    networks: int,
    model: Model | None = None,
    optimizer: Optimizer | None = None,
    precision: str = "float32",
    device: str = "cpu",
) -> PreparedJob:
    """Return a job of some networks, multilayer perceptrons by SGD if nothing else is said; what it says of the dataset is not used."""
    settings = JobSettings(
        width=width, depth=depth, networks=networks, seed=0, dataset=Digits(), model=model or Mlp(), optimizer=optimizer or Sgd(),
        training=Training(epochs=EPOCHS, batch_size=batch_size), matching=(Weights(),), device=device, precision=precision, points=3,
        store=None,
    )  # fmt: skip
    return PreparedJob(settings, data, fingerprint(data))


class TrainedStack:
    """Networks of a job in the middle of their training.

    Parameters
    ----------
    job : PreparedJob
    size : int, optional
        How many are trained at once; as many as lmc_sweeps chooses here if not given.
    architecture : Architecture, optional
        By which they are computed, instead of the job's own; it must not be padded.
    """

    def __init__(self, job: PreparedJob, size: int | None = None, architecture: Architecture | None = None) -> None:
        tasks = planned_networks(job)
        self.size = stack_size(tasks) if size is None else size
        self._tasks = tasks[: self.size]
        first = self._tasks[0]
        self._architecture = architecture or first.training_architecture
        self._device = torch.device(job.settings.device)
        self._split = training_split(first, padded_split(first.architecture, job.data.train, self._device))
        initial = padded_stack(self._tasks)
        on_device = {name: tensor.to(self._device) for name, tensor in initial.items()}
        self._state: StackState = initial_state(job.settings.optimizer, on_device, first.statistics)

    def networks(self) -> dict[str, torch.Tensor]:
        """Return the tensors of the networks as they are now, a stack."""
        return self._state.parameters

    def steps(self, count: int, clock: Callable[[], float] = time.perf_counter) -> float:
        """Go on for `count` steps after a first one; return the seconds of one step of one network."""
        moments: list[float] = []
        state = replace(self._state, step=0)  # later epochs would first have to draw the orders of the earlier ones
        recipes = [task.recipe for task in self._tasks]

        def note(state: StackState) -> None:
            if state.step in (1, count + 1):  # a GPU works on while we go on: it is waited for at the ends only
                plain.finish(self._device)
            moments.append(clock())

        self._state = train(self._architecture, state, recipes, self._split, note, count + 1)
        return (moments[-1] - moments[0]) / count / self.size


class StackWork:
    """What a worker does of a job's networks: steps of stacks that it keeps."""

    def __init__(self, job: PreparedJob) -> None:
        self._job, self._stacks = job, dict[int, TrainedStack]()

    def begin(self, progress: Progress, is_alone: bool) -> None:
        """Make ready."""

    def steps(self, sizes: Sequence[int], count: int) -> None:
        """Train a stack of each of these sizes for so many steps."""
        for size in sizes:
            if size not in self._stacks:
                self._stacks[size] = TrainedStack(self._job, size)
            self._stacks[size].steps(count)


class SideBySide:
    """The networks of a job, divided among workers as a sweep divides them."""

    def __init__(self, at_work: Workers, sizes: list[list[int]]) -> None:
        self._workers, self._sizes = at_work, sizes
        self.steps(2)  # now each has its stacks

    def steps(self, count: int) -> float:
        """Train all networks for so many steps; return the seconds of one step of one network."""
        start = time.perf_counter()
        for share in filter(None, self._sizes):
            self._workers.ask(id(share), "steps", share, count)
        while self._workers.is_busy:
            for answer in self._workers.answers():
                if answer.error is not None:
                    raise answer.error
        return (time.perf_counter() - start) / count / sum(map(sum, self._sizes))


@contextmanager
def side_by_side(job: PreparedJob, count: int) -> Iterator[SideBySide]:
    """Yield a job's networks, divided among so many workers, each of which takes the longest stack that is left when it is free."""
    tasks = planned_networks(job)
    waiting = Waiting(tuple(task.name for task in tasks), stack_times(tasks))
    shares: list[list[int]] = [[] for _ in range(count)]
    seconds = [0.0] * count
    for of_stack, names in balanced([waiting], count):
        first = seconds.index(min(seconds))
        shares[first].append(len(names))
        seconds[first] += of_stack
    with workers(StackWork(job), lambda steps: None, count) as at_work:
        yield SideBySide(at_work, shares)
