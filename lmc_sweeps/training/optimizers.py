"""Optimizers: settings, and the fused update rules of torch.optim, called on the parts of a stack that share them.

`torch.optim`'s own objects cost more than the arithmetic of a narrow network's step, so the functions under them are called.
They take whole vectors where a tensor's size is a multiple of a cache line (models/padding.py sees to that), so that a number does not
depend on its place: a network gets the same bits alone and in any stack.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from lmc_sweeps.common import checks

Buffers = Mapping[str, Sequence[Tensor]]
DECAYED = ("all", "weights")
LEAST_EPSILON = 1e-16  # squares of gradients below 1e-18 are taken for 0 (common/subnormals.py): over less, they would make large steps


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """The settings of an optimizer; `lr` is the peak of the schedule, `buffers` names what it keeps for every parameter.

    `weight_decay` acts on what is `decayed`: ``all`` parameters, or ``weights``, the tensors of two axes and more, and so neither biases
    nor the gains of norms.
    """

    name: ClassVar[str]
    buffers: ClassVar[tuple[str, ...]]
    lr: float
    weight_decay: float = 0.0
    decayed: str = "all"

    def __post_init__(self) -> None:
        checks.one_of("optimizer.decayed", self.decayed, DECAYED)
        object.__setattr__(self, "lr", checks.number("optimizer.lr", self.lr, above=0.0))
        object.__setattr__(self, "weight_decay", checks.number("optimizer.weight_decay", self.weight_decay, least=0.0))

    @abstractmethod
    def update(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], buffers: Buffers, lr: float, step: int) -> None:
        """Make step number `step` (from 0) in place, at learning rate `lr`; before the first one, all buffers are 0."""


@dataclass(frozen=True, kw_only=True)
class Sgd(Optimizer):
    r"""Stochastic gradient descent with momentum, as `torch.optim.SGD`.

    .. math:: g \leftarrow g + \lambda\theta, \quad m \leftarrow \mu m + g, \quad \theta \leftarrow \theta - \eta m
    """

    name: ClassVar[str] = "sgd"
    buffers: ClassVar[tuple[str, ...]] = ("momentum",)
    lr: float = 0.05
    weight_decay: float = 0.0
    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "momentum", checks.number("optimizer.momentum", self.momentum, least=0.0, below=1.0))

    def update(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], buffers: Buffers, lr: float, step: int) -> None:
        torch._fused_sgd_(
            list(parameters),
            list(gradients),
            list(buffers["momentum"]) if self.momentum else [],
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )


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
    buffers: ClassVar[tuple[str, ...]] = ("first", "second")
    lr: float = 0.001
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("beta1", "beta2"):
            object.__setattr__(self, key, checks.number(f"optimizer.{key}", getattr(self, key), least=0.0, below=1.0))
        object.__setattr__(self, "epsilon", checks.number("optimizer.epsilon", self.epsilon, least=LEAST_EPSILON))

    def update(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], buffers: Buffers, lr: float, step: int) -> None:
        count = torch.tensor(float(step + 1), device=parameters[0].device)
        self._fused(
            list(parameters),
            list(gradients),
            list(buffers["first"]),
            list(buffers["second"]),
            [],
            [count] * len(parameters),
            lr=lr,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=self.weight_decay,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
        )

    _fused: ClassVar[Callable[..., Any]] = staticmethod(torch._fused_adam_)


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    r"""AdamW, as `torch.optim.AdamW`: the decay acts on the weights themselves, :math:`\theta \leftarrow (1 - \eta\lambda)\,\theta`.

    References
    ----------
    Loshchilov and Hutter 2019.
    """

    name: ClassVar[str] = "adamw"
    weight_decay: float = 0.01

    _fused: ClassVar[Callable[..., Any]] = staticmethod(torch._fused_adamw_)


OPTIMIZERS: Mapping[str, type[Optimizer]] = {cls.name: cls for cls in (Sgd, Adam, AdamW)}
