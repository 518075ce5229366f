"""How many examples are evaluated at once: as many as fit the memory that is free."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lmc_sweeps.common import checks
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks.modules import OwnNetwork

AUTO = "auto"
MOST = 2000  # examples at once: more are not faster
SHARE = 0.25  # of the free memory
AT_ONCE = 4  # activations of the largest layer that live at the same time
COPIES = 3  # of the outputs along the paths: one by one, together, and their logarithms of probabilities
# Of the largest activation's bytes on a CPU, but at least FEWEST examples: measured for convolutions of 100 KiB an example, 2000 at once
# take 1.4 times as long.
CACHE, FEWEST = 2**23, 32
STATISTICS = 4  # of all activations: those of two networks, and copies of them in float64


def check_batch_size(requested: Any) -> None:
    """Raise `InputError` unless it is ``auto`` or a positive integer."""
    if requested != AUTO:
        if isinstance(requested, str):
            raise checks.InputError(f"`batch_size` must be a positive integer or 'auto', got {requested!r}.")
        checks.integer("batch_size", requested)


def batch_size_of(
    requested: int | str, architecture: Architecture, a: OwnNetwork, inputs: Tensor, methods: Sequence[Matching], points: int
) -> int:
    r"""Return the number of examples that are evaluated at once: the requested one, or as many as fit a share of the free memory.

    .. math:: n = \frac{\text{free}/4}{4 h + 3\, M T z + 4 s}

    with the bytes of one example's largest activation h, of its outputs z for M paths of T points, and of all its activations s where a
    method needs their statistics: measured in one forward. At most 2000, which chains of linear layers, evaluated in blocks, always have;
    on a CPU no more than have 8 MiB of the largest activation, which stays near the cores.

    Parameters
    ----------
    requested : int or "auto"
    architecture : Architecture
    a : OwnNetwork
    inputs : Tensor, shape (n, ...)
    methods : sequence of Matching
    points : int
    """
    if not isinstance(requested, str):
        return requested
    if not isinstance(architecture, TorchModule):
        return MOST
    largest, total, outputs = bytes_per_example(a, inputs)
    has_statistics = any(method.needs & {"moments", "cross_moments"} for method in methods)
    needed = AT_ONCE * largest + COPIES * len(methods) * points * outputs + STATISTICS * total * has_statistics
    most = max(FEWEST, CACHE // max(largest, 1)) if inputs.device.type == "cpu" else MOST
    return int(max(1, min(MOST, most, SHARE * free_memory(inputs.device) // max(needed, 1))))


def bytes_per_example(a: OwnNetwork, inputs: Tensor) -> tuple[int, int, int]:
    """Return the bytes of one example's largest activation, of all its activations, and of its outputs, measured in two forwards."""
    few = inputs[:2].repeat(2, *(1 for _ in inputs.shape[1:]))
    half = few[: len(few) // 2]
    with _Sizes() as small:
        a.outputs("train", half)
    with _Sizes() as large:
        outputs = a.outputs("train", few)
    added = len(few) - len(half)
    if len(small.bytes) == len(large.bytes):  # what does not grow with the examples is no activation
        sizes = [(more - less) / added for less, more in zip(small.bytes, large.bytes, strict=True)]
    else:
        sizes = [size / len(few) for size in large.bytes]
    return int(max(sizes)), int(sum(size for size in sizes if size > 0)), outputs.nbytes // len(few)


def free_memory(device: torch.device) -> float:
    """Return the bytes that are free on a device, with those that PyTorch holds unused; in a container no more than its share."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + held)
    free = 4.0 * 2**30  # where the machine does not tell
    lines = _text("/proc/meminfo").splitlines()
    available = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    limit, used = _text("/sys/fs/cgroup/memory.max").strip(), _text("/sys/fs/cgroup/memory.current").strip()
    statistics = [line.split() for line in _text("/sys/fs/cgroup/memory.stat").splitlines()]
    cached = sum(int(words[1]) for words in statistics if words[0] in ("active_file", "inactive_file"))  # given back when it is needed
    container = [max(int(limit) - int(used) + cached, 0)] if limit.isdigit() and used.isdigit() else []
    return float(min([*available, *container], default=free))


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


class _Sizes(TorchDispatchMode):
    """While it is entered, notes the bytes of every operation's results."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        results = func(*args, **(kwargs or {}))
        tensors = [result for result in (results if isinstance(results, tuple | list) else [results]) if isinstance(result, Tensor)]
        self.bytes += [tensor.numel() * tensor.element_size() for tensor in tensors]
        return results
