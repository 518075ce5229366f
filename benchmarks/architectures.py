"""Training steps of convolutional networks and transformers: in stacks, one network after the other, and in a plain PyTorch loop."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks import plain
from benchmarks.timing import interleaved, threads
from benchmarks.trained_stacks import TrainedStack, job
from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.datasets.python_text import PythonText
from lmc_sweeps.jobs.planned import planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.models.base import Model
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.models.functional import stacked_gradients, stacked_training_outputs
from lmc_sweeps.models.gpt import Gpt
from lmc_sweeps.models.resnet import Resnet
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.models.vgg import Vgg
from lmc_sweeps.models.vit import Vit
from lmc_sweeps.training.optimizers import AdamW, Optimizer, Sgd

NETWORKS = 8  # of a width in a sweep of four pairs
AT_ONCE = 4  # networks of the stack that is computed at once, whether it pays or not
REPEATS = 15
TURN = 0.2  # seconds of work of one candidate in one turn, or a step of every network where these take longer
EXAMPLES = 2000


@dataclass(frozen=True)
class Case:
    """One row: networks of a model on examples of a kind."""

    label: str
    model: Model
    width: int
    depth: int
    data: Data
    batch_size: int
    optimizer: Optimizer

    def job(self) -> PreparedJob:
        """Return a job of `NETWORKS` of these networks."""
        return job(self.data, self.width, self.depth, self.batch_size, NETWORKS, self.model, self.optimizer)

    @property
    def norm(self) -> str:
        """The norm of its model."""
        return str(vars(self.model)["norm"])


def cases() -> Iterator[Case]:
    """Yield all rows: convolutions by SGD on images of the shape of those of CIFAR-10, transformers by AdamW on these and on characters."""
    images, text = _images(), PythonText(train_size=EXAMPLES, test_size=100).load()
    for norm in ("batch", "layer"):
        for width in (8, 32):
            yield Case("cnn", Cnn(norm=norm), width, 3, images, 100, Sgd())
        for width in (4, 8):
            yield Case("vgg11", Vgg(norm=norm), width, 1, images, 100, Sgd())
        for width in (2, 8):
            yield Case("resnet20", Resnet(norm=norm), width, 1, images, 100, Sgd())
    for width in (16, 64):
        yield Case("vit", Vit(), width, 2, images, 100, AdamW())
    for width in (16, 64):
        yield Case("gpt", Gpt(), width, 2, text, 32, AdamW())


def architectures() -> pd.DataFrame:
    """Time steps of 8 networks in the stacks that are chosen, one by one, in stacks of 4 computed at once, and in a plain PyTorch loop."""
    with threads(1):
        return pd.DataFrame([row(case) for case in cases()])


def row(case: Case, repeats: int = REPEATS, turn: float = TURN) -> dict[str, object]:
    """Return the times of one case, and medians of the ratios in a turn; `turn` is how many seconds of work are timed at a time.

    Times are those of the processor, not of the clock on the wall: with one thread they are the same, less what other programs took.
    """
    prepared = case.job()
    stacks = {
        "ours": TrainedStack(prepared),
        "one after the other": TrainedStack(prepared, 1),
        "at once": TrainedStack(prepared, AT_ONCE, at_once(prepared)),
    }
    loop = PlainLoop(prepared)
    loop.steps(1)
    count = max(2, math.ceil(turn / loop.steps(2)))
    if stacks["ours"].size == 1:  # then both are one
        del stacks["ours"]
    candidates: dict[str, Callable[[], float]] = {
        name: partial(stack.steps, max(1, count // stack.size), time.process_time) for name, stack in stacks.items()
    }
    timings = interleaved({**candidates, "plain": lambda: loop.steps(count)}, repeats)
    chosen = timings.setdefault("ours", timings["one after the other"])
    return {
        "model": case.label,
        "norm": case.norm,
        "width": case.width,
        "batch": case.batch_size,
        "stack": stacks["ours"].size if "ours" in stacks else 1,
        "ratio_to_plain": chosen.speed(timings["plain"]),
        "ratio_to_one_after_the_other": chosen.speed(timings["one after the other"]),
        "at_once_to_one_after_the_other": timings["at once"].speed(timings["one after the other"]),
        **{f"{key} [ms]": str(timings[key]).replace(" ms", "") for key in ("ours", "one after the other", "at once", "plain")},
    }


class PlainLoop:
    """The loop that everybody writes, on network 0 of a job: its module, `torch.optim`, and the same steps."""

    def __init__(self, job: PreparedJob) -> None:
        self.module = job.architecture.module(planned_networks(job)[0].initial()).train()
        self._optimizer = torch_optimizer(job.settings.optimizer, self.module)
        self._split, self._batch_size = job.data.train, job.settings.training.batch_size

    def steps(self, count: int) -> float:
        """Go on for `count` steps; return the seconds of one."""
        split, size = self._split, self._batch_size
        return plain.steps_of(self.module, self._optimizer, split.inputs, split.labels, size, count, time.process_time)


def torch_optimizer(optimizer: Optimizer, module: nn.Module) -> torch.optim.Optimizer:
    """Return an optimizer of PyTorch's own with the same settings."""
    if isinstance(optimizer, AdamW):
        betas = (optimizer.beta1, optimizer.beta2)
        return torch.optim.AdamW(module.parameters(), optimizer.lr, betas, optimizer.epsilon, optimizer.weight_decay)
    assert isinstance(optimizer, Sgd)
    return torch.optim.SGD(module.parameters(), optimizer.lr, optimizer.momentum, weight_decay=optimizer.weight_decay)


class AtOnce(TorchModule):
    """A module of which a stack is computed at once by `torch.vmap`, whether that is faster or not."""

    def is_computed_at_once(self, stack: Mapping[str, Tensor]) -> bool:
        return True

    def training_forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return stacked_training_outputs(self._module, stack, inputs, vmap=True)

    def gradients(
        self, stack: Mapping[str, Tensor], inputs: Tensor, at_logits: Callable[[Tensor], Tensor], out: Mapping[str, Tensor]
    ) -> None:
        for name, gradient in stacked_gradients(self._module, stack, inputs, at_logits, vmap=True).items():
            out[name].copy_(gradient)


def at_once(job: PreparedJob) -> AtOnce:
    """Return the architecture of a job, computed at once."""
    initial = planned_networks(job)[0].initial()
    return AtOnce(job.architecture.module(initial), job.architecture.graph(initial))


def _images() -> Data:
    """Return noise of CIFAR-10's shape: how long a step takes does not depend on what is seen."""
    rng = torch.Generator().manual_seed(0)
    split = Split(torch.randn(EXAMPLES, 3, 32, 32, generator=rng), torch.randint(10, (EXAMPLES,), generator=rng))
    return Data(split, split, 10)
