"""The peer for narrow networks: JAX, `vmap` over networks and `scan` over steps, compiled, in a process of its own with one core."""

import importlib.util
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

LR, MOMENTUM = 0.05, 0.9


def is_there() -> bool:
    """Return whether JAX is installed; nothing else of ours needs it."""
    return importlib.util.find_spec("jax") is not None


class Peer:
    """A process in which JAX trains stacks of networks."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def steps(self, width: int, depth: int, batch_size: int, networks: int, count: int) -> float:
        """Train so many networks at once for `count` steps; return the seconds of one step of one network. Compiling is not timed."""
        self._pipe.send((width, depth, batch_size, networks, count))
        seconds: float = self._pipe.recv()
        return seconds / count / networks


@contextmanager
def peer(inputs: np.ndarray, labels: np.ndarray) -> Iterator[Peer]:
    """Start the process, with examples (n, d) and their classes."""
    context = multiprocessing.get_context("spawn")
    parent_end, child_end = context.Pipe()
    process = context.Process(target=_work, args=(child_end, inputs, labels), daemon=True)
    process.start()
    child_end.close()  # the process alone holds that end: it is closed when it dies
    try:
        yield Peer(parent_end)
    finally:
        parent_end.send(None)
        process.join()


def _work(pipe: Connection, inputs: np.ndarray, labels: np.ndarray) -> None:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    compiled: dict[tuple[int, ...], Callable[[], Any]] = {}
    while (task := pipe.recv()) is not None:
        if task not in compiled:
            compiled[task] = _training(inputs, labels, *task)
            compiled[task]()
        start = time.perf_counter()
        compiled[task]()
        pipe.send(time.perf_counter() - start)


def _training(
    inputs: np.ndarray, labels: np.ndarray, width: int, depth: int, batch_size: int, networks: int, count: int
) -> Callable[[], Any]:
    """Return what trains a stack, each network in an order of its own, as ours do: gathering is part of a step."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    sizes = [inputs.shape[1], *[width] * depth, int(labels.max()) + 1]
    draw = [
        (rng.uniform(-1, 1, (networks, d, m)).astype(np.float32) / d**0.5, np.zeros((networks, m), np.float32))
        for d, m in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    examples, classes = jnp.asarray(inputs), jnp.asarray(labels)
    rows = jnp.asarray(rng.integers(0, len(inputs), (count, networks, batch_size)))

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        for weight, bias in parameters[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        logits = x @ parameters[-1][0] + parameters[-1][1]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()

    def step(state: Any, chosen: Any) -> Any:
        parameters, momentum = state
        gradients = jax.vmap(jax.grad(loss))(parameters, examples[chosen], classes[chosen])
        momentum = jax.tree.map(lambda m, g: MOMENTUM * m + g, momentum, gradients)
        return (jax.tree.map(lambda p, m: p - LR * m, parameters, momentum), momentum), None

    start = jax.tree.map(jnp.asarray, draw)
    state = (start, jax.tree.map(jnp.zeros_like, start))
    run = jax.jit(lambda begun, order: jax.lax.scan(step, begun, order)[0])
    return lambda: jax.block_until_ready(run(state, rows))
