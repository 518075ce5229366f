"""Training steps: stacks against a plain PyTorch loop, and against two processes of it; float32 and bfloat16 for wide networks."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pandas as pd
import torch

from benchmarks import plain
from benchmarks.timing import Seconds, interleaved, timed, with_threads
from lmc_sweeps.datasets.base import Data, Split, fingerprint
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.planned import PlannedNetwork, padded_split, padded_stack
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.jobs.stack_sizes import stack_size
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.loop import StackState, initial_state, train
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Training

NETWORKS = 20  # of a width in a sweep of ten pairs
REPEATS = 9


class TrainedStack:
    """A stack in the middle of its training, of the size that lmc_sweeps itself chooses here."""

    def __init__(
        self,
        data: Data,
        width: int,
        depth: int,
        batch_size: int,
        precision: str = "float32",
        device: str = "cpu",
        networks: int = NETWORKS,
    ) -> None:
        settings = JobSettings(
            width=width, depth=depth, networks=networks, seed=0, dataset=Digits(), model=Mlp(), optimizer=Sgd(),
            training=Training(epochs=200, batch_size=batch_size), matching=(Weights(),), device=device, precision=precision, points=3,
            store=None,
        )  # fmt: skip
        tasks = [PlannedNetwork(PreparedJob(settings, data, fingerprint(data)), number) for number in range(networks)]
        self.size = stack_size(tasks)
        self._tasks = tasks[: self.size]
        self._device = torch.device(device)
        self._split = padded_split(self._tasks[0].architecture, data.train, self._device)
        initial = padded_stack(self._tasks)
        self._state: StackState = initial_state(Sgd(), {name: tensor.to(self._device) for name, tensor in initial.items()})

    def steps(self, count: int) -> float:
        """Go on for `count` steps after a first one; return the seconds of one step of one network."""
        moments: list[float] = []
        state = replace(self._state, step=0)  # later epochs would first have to draw the orders of the earlier ones
        recipes = [task.recipe for task in self._tasks]
        first = self._tasks[0]

        def note(state: StackState) -> None:
            if state.step in (1, count + 1):  # a GPU works on while we go on: it is waited for at the ends only
                plain.finish(self._device)
            moments.append(time.perf_counter())

        self._state = train(first.training_architecture, state, recipes, self._split, note, count + 1)
        return (moments[-1] - moments[0]) / count / self.size


def narrow() -> pd.DataFrame:
    """Time steps of two hidden layers on digits, batches of 64, beside the time of their products and their update alone."""
    data = Digits().load()
    with plain.workers(2, data.train.inputs, data.train.labels) as workers:
        return pd.DataFrame([_narrow(data, width, workers) for width in (8, 16, 32, 64, 128, 256, 512, 1024)])


def _narrow(data: Data, width: int, workers: plain.Workers) -> dict[str, object]:
    stack, count = TrainedStack(data, width, 2, 64), {512: 80, 1024: 30}.get(width, 250)
    candidates = {
        "ours": lambda: stack.steps(count),
        "two processes": lambda: workers.steps(width, 2, 64, count),
        **_plain(data.train, width, 2, 64, count),
        "products and update alone": lambda: _products(64, width, 2, 64, stack.size) + _update(64, width, 2, stack.size),
    }
    timings = interleaved(candidates, REPEATS)
    row = _row(f"digits, 2 x {width}, batch 64", stack.size, timings)
    row["share_of_limit"] = timings["products and update alone"].median / timings["ours"].median
    return row


def wide() -> pd.DataFrame:
    """Time steps on pictures of MNIST's shape, batches of 500, with the share of the machine's peak for these products."""
    rng = torch.Generator().manual_seed(0)
    split = Split(torch.rand(6000, 784, generator=rng), torch.randint(10, (6000,), generator=rng))
    data = Data(split, split, 10)
    shapes = ((32, 1), (128, 1), (512, 1), (512, 3), (1024, 1), (2048, 1))
    return pd.DataFrame([_wide(data, width, depth) for width, depth in shapes])


def _wide(data: Data, width: int, depth: int) -> dict[str, object]:
    stack, rounded = (TrainedStack(data, width, depth, 500, precision) for precision in ("float32", "bfloat16"))
    count = 24 if width <= 128 else 6
    candidates = {
        "ours": lambda: stack.steps(count),
        "ours, bfloat16": lambda: rounded.steps(2),
        **_plain(data.train, width, depth, 500, 12),
        "products alone": lambda: _products(784, width, depth, 500, stack.size),
    }
    timings = interleaved(candidates, REPEATS)
    row = _row(f"MNIST, {depth} x {width}, batch 500", stack.size, timings)
    row["share_of_peak"] = timings["products alone"].median / timings["ours"].median
    row["bfloat16_against_float32"] = timings["ours"].median / timings["ours, bfloat16"].median
    return row


def _plain(split: Split, width: int, depth: int, batch_size: int, count: int) -> dict[str, Callable[[], float]]:
    """Return the plain loop on one thread and on two."""
    work = partial(plain.steps, split.inputs, split.labels, width, depth, batch_size, count)
    return {f"plain, threads {threads}": with_threads(threads, work) for threads in (1, 2)}


def _products(n_inputs: int, width: int, depth: int, batch: int, networks: int) -> float:
    """Return the seconds, per network, of the matrix products of a step, alone: each as fast as a stack, or one network, has it."""
    sizes = [n_inputs, *[width] * depth, 16]
    seconds = 0.0
    for layer, (d, m) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        shapes = [(batch, d, m), (m, batch, d), *([(batch, m, d)] if layer else [])]  # forward, gradient of W, gradient of h
        seconds += sum(min(_product(k, *shape) for k in {1, networks}) for shape in shapes)
    return seconds


def _product(k: int, a: int, b: int, c: int) -> float:
    left, right, out = torch.rand(k, a, b), torch.rand(k, b, c), torch.empty(k, a, c)
    torch.bmm(left, right, out=out)
    return min(timed(lambda: torch.bmm(left, right, out=out), k) for _ in range(5))


def _update(n_inputs: int, width: int, depth: int, networks: int) -> float:
    """Return the seconds, per network, of the optimizer's update of a stack, alone."""
    sizes = [n_inputs, *[width] * depth, 16]
    values = networks * sum((d + 1) * m for d, m in zip(sizes[:-1], sizes[1:], strict=True))
    weights, gradients, momentum = (1e-3 * torch.rand(values) for _ in range(3))
    return min(timed(lambda: Sgd().update([weights], [gradients], {"momentum": [momentum]}, 1e-6, 0), networks) for _ in range(5))


def _row(name: str, size: int, timings: dict[str, Seconds]) -> dict[str, object]:
    best = min((timings[key] for key in timings if key.startswith("plain")), key=lambda seconds: seconds.median)
    row: dict[str, object] = {"networks": name, "stack": size, "ratio_to_plain": best.median / timings["ours"].median}
    if "two processes" in timings:
        row["ratio_to_two_processes"] = timings["two processes"].median / timings["ours"].median
    return row | {f"{key} [ms]": str(seconds).replace(" ms", "") for key, seconds in timings.items()}
