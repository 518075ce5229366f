"""Optimizers of stacks: the update rules of torch.optim with settings of its own for every network of the stack.

`torch.optim` has one learning rate for a whole tensor, and a stack holds networks whose rates may differ. Each step is made of
single-rounding operations only (no fused multiply-add), so a network gets the same bits alone and in any stack.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lmc_sweeps import checks

State = dict[str, dict[str, Tensor]]
Own = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """The settings of an optimizer; `lr` is the peak of the schedule."""

    name: ClassVar[str]
    varies: ClassVar[tuple[str, ...]] = ("lr", "weight_decay")  # the settings that may differ within a stack
    lr: float
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", checks.number("optimizer.lr", self.lr, above=0.0))
        object.__setattr__(self, "weight_decay", checks.number("optimizer.weight_decay", self.weight_decay, least=0.0))

    def kind(self) -> tuple[Any, ...]:
        """Return what must be equal within a stack; a decay of 0 is left out of the arithmetic, so it counts as a kind."""
        fixed = {key: value for key, value in asdict(self).items() if key not in self.varies}
        return (self.name, self.weight_decay > 0, *sorted(fixed.items()))

    @abstractmethod
    def state(self, stack: Mapping[str, Tensor]) -> State:
        """Return the state before the first step, by kind and parameter."""

    @abstractmethod
    def update(self, stack: Mapping[str, Tensor], gradients: Mapping[str, Tensor], state: State, own: Own, step: int) -> None:
        """Make step number `step` (from 0) in place; `own` holds the settings that vary, each of shape (K,)."""


def own_settings(optimizers: Sequence[Optimizer], device: torch.device) -> Own:
    """Return the settings that may differ within a stack, by name, tensors of shape (K,)."""
    return {
        key: torch.tensor([getattr(optimizer, key) for optimizer in optimizers], dtype=torch.float32, device=device)
        for key in optimizers[0].varies
    }


def _zeros(stack: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.zeros_like(tensor) for name, tensor in stack.items()}


def _per_network(setting: Tensor, like: Tensor) -> Tensor:
    return setting.view(-1, *(1,) * (like.dim() - 1))


@dataclass(frozen=True, kw_only=True)
class Sgd(Optimizer):
    r"""Stochastic gradient descent with momentum, as `torch.optim.SGD`.

    .. math:: g \leftarrow g + \lambda\theta, \quad m \leftarrow \mu m + g, \quad \theta \leftarrow \theta - \eta m
    """

    name: ClassVar[str] = "sgd"
    varies: ClassVar[tuple[str, ...]] = ("lr", "weight_decay", "momentum")
    lr: float = 0.05
    weight_decay: float = 0.0
    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "momentum", checks.number("optimizer.momentum", self.momentum, least=0.0, below=1.0))

    def state(self, stack: Mapping[str, Tensor]) -> State:
        return {"momentum": _zeros(stack)}

    def update(self, stack: Mapping[str, Tensor], gradients: Mapping[str, Tensor], state: State, own: Own, step: int) -> None:
        for name, parameter in stack.items():
            gradient, momentum = gradients[name], state["momentum"][name]
            if self.weight_decay:
                gradient = gradient + parameter * _per_network(own["weight_decay"], parameter)
            momentum.mul_(_per_network(own["momentum"], parameter)).add_(gradient)
            parameter.sub_(momentum * _per_network(own["lr"], parameter))


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    r"""Adam, as `torch.optim.Adam`; `weight_decay` is added to the gradient.

    .. math:: m \leftarrow \beta_1 m + (1-\beta_1) g, \quad v \leftarrow \beta_2 v + (1-\beta_2) g^2, \quad
              \theta \leftarrow \theta - \eta\, \frac{m / (1-\beta_1^k)}{\sqrt{v / (1-\beta_2^k)} + \epsilon}

    References
    ----------
    Kingma and Ba 2015.
    """

    name: ClassVar[str] = "adam"
    lr: float = 0.001
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("beta1", "beta2"):
            object.__setattr__(self, key, checks.number(f"optimizer.{key}", getattr(self, key), least=0.0, below=1.0))
        object.__setattr__(self, "epsilon", checks.number("optimizer.epsilon", self.epsilon, above=0.0))

    def state(self, stack: Mapping[str, Tensor]) -> State:
        return {"first": _zeros(stack), "second": _zeros(stack)}

    def update(self, stack: Mapping[str, Tensor], gradients: Mapping[str, Tensor], state: State, own: Own, step: int) -> None:
        for name, parameter in stack.items():
            lr = _per_network(own["lr"], parameter)
            gradient = self._decay(parameter, gradients[name], lr, _per_network(own["weight_decay"], parameter))
            first, second = state["first"][name], state["second"][name]
            first.mul_(self.beta1).add_(gradient * (1 - self.beta1))
            second.mul_(self.beta2).add_(gradient * gradient * (1 - self.beta2))
            scale = (second / (1 - self.beta2 ** (step + 1))).sqrt_().add_(self.epsilon)
            parameter.sub_(first / (1 - self.beta1 ** (step + 1)) / scale * lr)

    def _decay(self, parameter: Tensor, gradient: Tensor, lr: Tensor, weight_decay: Tensor) -> Tensor:
        return gradient + parameter * weight_decay if self.weight_decay else gradient


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    r"""AdamW, as `torch.optim.AdamW`: the decay acts on the weights themselves, :math:`\theta \leftarrow (1 - \eta\lambda)\,\theta`.

    References
    ----------
    Loshchilov and Hutter 2019.
    """

    name: ClassVar[str] = "adamw"
    weight_decay: float = 0.01

    def _decay(self, parameter: Tensor, gradient: Tensor, lr: Tensor, weight_decay: Tensor) -> Tensor:
        if self.weight_decay:
            parameter.mul_(1 - lr * weight_decay)
        return gradient


OPTIMIZERS: Mapping[str, type[Optimizer]] = {cls.name: cls for cls in (Sgd, Adam, AdamW)}
