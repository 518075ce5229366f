"""The baseline: a plain PyTorch training loop, one network after the other, as everybody writes it."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def network(n_inputs: int, width: int, depth: int, n_classes: int) -> nn.Sequential:
    """Return a multilayer perceptron."""
    sizes = [n_inputs, *[width] * depth]
    hidden = [module for d, m in zip(sizes[:-1], sizes[1:], strict=True) for module in (nn.Linear(d, m), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(width, n_classes))


def steps(inputs: Tensor, labels: Tensor, width: int, depth: int, batch_size: int, count: int) -> float:
    """Train one multilayer perceptron for `count` steps and return the seconds of one."""
    inputs = inputs.flatten(1)  # of images
    module = network(inputs.shape[1], width, depth, int(labels.max()) + 1).to(inputs.device)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    return steps_of(module, optimizer, inputs, labels, batch_size, count)


def steps_of(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: Tensor,
    labels: Tensor,
    batch_size: int,
    count: int,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Train any module for `count` steps, on labels of examples or of tokens, and return the seconds of one."""
    step = 0
    start = clock()
    while True:
        for rows in torch.randperm(len(labels), device=inputs.device).split(batch_size):
            optimizer.zero_grad()
            loss = F.cross_entropy(module(inputs[rows]).flatten(0, -2), labels[rows].flatten())
            loss.backward()
            optimizer.step()
            step += 1
            if step == count:
                finish(inputs.device)
                return (clock() - start) / count


def finish(device: torch.device) -> None:
    """Wait until a device has done what it was told to; the CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _work(pipe: Connection, inputs: Tensor, labels: Tensor) -> None:
    torch.set_num_threads(1)
    while (task := pipe.recv()) is not None:
        steps(inputs, labels, *task)
        pipe.send(True)


class Workers:
    """Worker processes of one thread each that train networks of their own side by side."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def steps(self, width: int, depth: int, batch_size: int, count: int) -> float:
        """Let every worker train a network for `count` steps; return the seconds of one step of one network."""
        start = time.perf_counter()
        for pipe in self._pipes:
            pipe.send((width, depth, batch_size, count))
        for pipe in self._pipes:
            pipe.recv()
        return (time.perf_counter() - start) / count / len(self._pipes)


@contextmanager
def workers(count: int, inputs: Tensor, labels: Tensor) -> Iterator[Workers]:
    """Start workers, which are then ready: their start is not timed."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=_work, args=(worker_end, inputs, labels), daemon=True) for _, worker_end in pairs]
    for process in processes:
        process.start()
    pool = Workers([pipe for pipe, _ in pairs])
    pool.steps(8, 1, 16, 2)
    try:
        yield pool
    finally:
        for pipe, _ in pairs:
            pipe.send(None)
        for process in processes:
            process.join()
