"""Training steps: stacks against a plain PyTorch loop, and against two processes of it; float32 and bfloat16 for wide networks."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import torch

from benchmarks import jax_peer, plain
from benchmarks.timing import Seconds, busy_cores, interleaved, timed, with_threads
from benchmarks.trained_stacks import TrainedStack, job, side_by_side
from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.training.optimizers import Sgd
from multirun_analysis.common.side_by_side import cores

NETWORKS = 20  # of a width in a sweep of ten pairs
REPEATS = 9


def narrow() -> Iterator[dict[str, object]]:
    """Time steps of two hidden layers on digits, batches of 64, by one process and by a worker for every core, idle and busy."""
    data = Digits().load()
    # Copies: PyTorch moves tensors that it sends to another process, and what NumPy looked at is gone.
    examples = data.train.inputs.flatten(1).numpy().copy(), data.train.labels.numpy().copy()
    with plain.workers(2, data.train.inputs, data.train.labels) as processes, ExitStack() as started:
        peer = started.enter_context(jax_peer.peer(*examples)) if jax_peer.is_there() else None
        for width in (8, 16, 32, 64, 128, 256, 512, 1024):
            yield _narrow(data, width, processes, peer)


def _narrow(data: Data, width: int, processes: plain.Workers, peer: jax_peer.Peer | None) -> dict[str, object]:
    of_width = job(data, width, 2, 64, NETWORKS)
    stack, count = TrainedStack(of_width), {512: 80, 1024: 30}.get(width, 250)
    with side_by_side(of_width, cores()) as shared:
        candidates = {
            "ours": lambda: stack.steps(count),
            "ours, workers": lambda: shared.steps(4 * count),
            "two processes": lambda: processes.steps(width, 2, 64, count),
            **_plain(data.train, width, 2, 64, count),
            "products and update alone": lambda: _products(64, width, 2, 64, stack.size) + _update(64, width, 2, stack.size),
        }
        if peer is not None:
            candidates["JAX"] = lambda: peer.steps(width, 2, 64, stack.size, count)
        timings = interleaved(candidates, REPEATS)
        with busy_cores():
            busy = interleaved({key: candidates[key] for key in ("ours", "ours, workers", "plain, threads 1")}, REPEATS)
    row = _row(f"digits, 2 x {width}, batch 64", stack.size, timings)
    row["workers"] = cores()
    row["ratio_of_workers"] = timings["ours, workers"].speed(timings["ours"])
    row["workers_to_plain"] = timings["ours, workers"].speed(timings["plain, threads 1"])
    row["workers_busy_to_idle"] = timings["ours, workers"].median / busy["ours, workers"].median
    row["workers_to_plain_busy"] = busy["ours, workers"].speed(busy["plain, threads 1"])
    if "JAX" in timings:
        row["ratio_to_jax"] = timings["ours"].speed(timings["JAX"])
    row["share_of_limit"] = timings["products and update alone"].median / timings["ours"].median
    return row | {f"{key}, one core busy [ms]": str(seconds).replace(" ms", "") for key, seconds in busy.items()}


def wide() -> Iterator[dict[str, object]]:
    """Time steps on pictures of MNIST's shape, batches of 500, with the share of the machine's peak for these products."""
    rng = torch.Generator().manual_seed(0)
    split = Split(torch.rand(6000, 784, generator=rng), torch.randint(10, (6000,), generator=rng))
    data = Data(split, split, 10)
    shapes = ((32, 1), (128, 1), (512, 1), (512, 3), (1024, 1), (2048, 1))
    for width, depth in shapes:
        yield _wide(data, width, depth)


def _wide(data: Data, width: int, depth: int) -> dict[str, object]:
    jobs = [job(data, width, depth, 500, NETWORKS, precision=precision) for precision in ("float32", "bfloat16")]
    stack, rounded = map(TrainedStack, jobs)
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
