"""Batch norms: which a network has, and the sums over data of which their running statistics can be computed again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.functional import call, is_batch_norm, over_stack


@dataclass(frozen=True)
class BatchNorms:
    """The layers of a network whose running statistics can be computed again, and running means of layers of other kinds."""

    names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class NormSums:
    """Sums over data of what one batch norm is applied to, of K networks, in float64.

    Parameters
    ----------
    mean, variance : str
        The names of its running statistics in the stack.
    count : int
        Number of values of each channel: examples times positions.
    total, squares : Tensor, shape (K, channels)
        Sums of the values and of their squares.
    """

    mean: str
    variance: str
    count: int
    total: Tensor
    squares: Tensor

    def __add__(self, other: "NormSums") -> "NormSums":
        """Return the sums over both data."""
        return NormSums(self.mean, self.variance, self.count + other.count, self.total + other.total, self.squares + other.squares)

    def statistics(self) -> dict[str, Tensor]:
        r"""Return the running statistics of the pooled data, by name, in float64.

        .. math:: \mu = \frac1n \sum x, \qquad \sigma^2 = \frac{n}{n-1} \Big(\frac1n \sum x^2 - \mu^2\Big)
        """
        mean = self.total / self.count
        variance = (self.squares / self.count - mean.square()).clamp_min(0) * (self.count / (self.count - 1))
        return {self.mean: mean, self.variance: variance}


def batch_norms_of(module: nn.Module) -> BatchNorms:
    """Return the batch norms of a module that have running statistics, by their type; and other buffers called ``running_mean``."""
    names = tuple(_norms(module))
    owned = {f"{name}.running_mean" if name else "running_mean" for name in names}
    means = (name for name, _ in module.named_buffers() if name.rpartition(".")[2] == "running_mean")
    return BatchNorms(names, tuple(name for name in means if name not in owned))


def stacked_norm_sums(module: nn.Module, stack: Mapping[str, Tensor], inputs: Tensor, vmap: bool | None = None) -> dict[str, NormSums]:
    """Return by batch norm the sums of its inputs and of their squares, with batch norms in training mode and all else in evaluation.

    Parameters
    ----------
    module : nn.Module
    stack : mapping of str to Tensor, shapes (K, ...)
    inputs : Tensor, shape (n, ...)
        One batch that all networks see.
    vmap : bool, optional
        As for `functional.stacked_outputs`.

    Returns
    -------
    dict of str to NormSums
        The sums over all calls of a norm that is called several times.

    Raises
    ------
    InputError
        If a batch norm is not called, or its statistics are not in the stack.
    """
    norms = _norms(module)
    counts: dict[str, int] = {}

    def network(tensors: Mapping[str, Tensor], batch: Tensor) -> dict[str, Tensor]:
        counts.clear()  # they are the same for every network
        with _summing(norms, counts) as sums:
            call(module, dict(tensors), batch)
        return sums

    values = over_stack(module, network, stack, inputs, own_inputs=False, is_training=is_batch_norm, vmap=vmap)
    result = {}
    for name in norms:
        mean, variance = (f"{name}.{statistic}".lstrip(".") for statistic in ("running_mean", "running_var"))
        if name not in counts:
            raise InputError(f"the batch norm {name!r} is not called by the network's forward, so its statistics cannot be computed again.")
        if missing := [statistic for statistic in (mean, variance) if statistic not in stack]:
            raise InputError(f"the statistics of the batch norm {name!r} cannot be computed again: {missing[0]!r} is not in the stack.")
        result[name] = NormSums(mean, variance, counts[name], values[f"{name} total"], values[f"{name} squares"])
    return result


def _norms(module: nn.Module) -> dict[str, Any]:
    layers = module.named_modules()
    return {name: layer for name, layer in layers if is_batch_norm(layer) and getattr(layer, "running_mean", None) is not None}


@contextmanager
def _summing(norms: Mapping[str, nn.Module], counts: dict[str, int]) -> Iterator[dict[str, Tensor]]:
    """Yield a dict that is given the sums of every norm as it is called; `counts` how many values of each channel there are."""
    sums: dict[str, Tensor] = {}

    def noting(name: str) -> Callable[..., None]:
        def note(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            values = (args[0] if args else kwargs["input"]).detach().double()
            axes = [axis for axis in range(values.dim()) if axis != 1]
            for key, terms in ((f"{name} total", values), (f"{name} squares", values.square())):
                sums[key] = sums.get(key, 0) + terms.sum(axes)
            counts[name] = counts.get(name, 0) + values.numel() // values.shape[1]

        return note

    handles = [layer.register_forward_pre_hook(noting(name), with_kwargs=True) for name, layer in norms.items()]
    try:
        yield sums
    finally:
        for handle in handles:
            handle.remove()
