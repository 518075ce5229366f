"""Networks as callers bring them to `compare`, with their specifications and data, and what `compare` says of them."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps import Comparison, compare
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations

N, IN, CLASSES = 48, 8, 3
GENERATOR = torch.Generator().manual_seed(0)
X, Y = torch.randn(N, IN, generator=GENERATOR), torch.randint(CLASSES, (N,), generator=GENERATOR)
SEQUENCES, IMAGES = torch.randn(N, 7, 7, generator=GENERATOR), torch.randn(N, 3, 6, 6, generator=GENERATOR)
IDS = torch.randint(60000, (N, 5), generator=GENERATOR)
ALL = ("identity", "weights", "covariance", "activations")
Axes = dict[str, tuple[str | None, ...]]


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return a network whose weights a seed has drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


class Net(nn.Module):
    """Parts by name, and a function of them and the inputs."""

    def __init__(self, forward: Callable[["Net", Tensor], object], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self._call = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> object:
        return self._call(self, x)


def dense(a: int = 8, act: Callable[[Tensor], Tensor] = torch.relu, **more: object) -> Net:
    """Return a network of one hidden layer, with attributes of its own."""
    net = Net(lambda s, x: s.o(s.act(s.a(x))), a=nn.Linear(IN, a), o=nn.Linear(a, CLASSES))
    net.act = act
    for name, value in more.items():
        setattr(net, name, value)
    return net


HIDDEN: Axes = {"a.weight": ("h", None), "a.bias": ("h",), "o.weight": (None, "h"), "o.bias": (None,)}


def with_buffer(value: Tensor, persistent: bool = False) -> Net:
    """Return a dense network whose hidden neurons are multiplied by a buffer."""
    net = dense(act=lambda z: z)
    net._call = lambda s, x: s.o(torch.relu(s.a(x)) * s.c)
    net.register_buffer("c", value, persistent=persistent)
    return net


def network_of(forward: Callable[[Net, Tensor], object], **parts: Callable[[], nn.Module | nn.Parameter]) -> Callable[[], Net]:
    return lambda: Net(forward, **{name: part() for name, part in parts.items()})


def returns(change: Callable[[Tensor], object]) -> Net:
    """Return a dense network whose logits are changed last."""
    return network_of(lambda s, x: change(s.o(torch.relu(s.a(x)))), a=lambda: nn.Linear(8, 8), o=lambda: nn.Linear(8, 3))()


def parameter(*shape: int) -> Callable[[], nn.Parameter]:
    return lambda: nn.Parameter(torch.randn(shape))


def conv(kind: type[nn.Module], *sizes: int, **settings: int) -> Callable[[], nn.Module]:
    return lambda: kind(*sizes, **settings)


def head(axes: Axes, group: str) -> Axes:
    return axes | {"o.weight": (None, group), "o.bias": (None,)}


# Networks, their specification and data: at each of them another rule for the neurons' axis would go wrong.
KINDS: dict[str, tuple[Callable[[], nn.Module], Axes, Tensor]] = {
    "keyword calls": (network_of(lambda s, x: s.o(input=torch.relu(s.a(input=x))), a=lambda: nn.Linear(8, 8), o=lambda: nn.Linear(8, 3)), HIDDEN, X),
    "conv1d, channels = length": (
        network_of(
            lambda s, x: s.o(F.relu(s.b(F.relu(s.a(x)))).mean(2)),
            a=conv(nn.Conv1d, 7, 7, 3, padding=1), b=conv(nn.Conv1d, 7, 7, 3, padding=1), o=lambda: nn.Linear(7, 3),
        ),
        head({"a.weight": ("a", None, None), "a.bias": ("a",), "b.weight": ("b", "a", None), "b.bias": ("b",)}, "b"),
        SEQUENCES,
    ),
    "conv2d, channels = pixels": (
        network_of(lambda s, x: s.o(F.relu(s.a(x)).mean((2, 3))), a=conv(nn.Conv2d, 3, 6, 3, padding=1), o=lambda: nn.Linear(6, 3)),
        head({"a.weight": ("h", None, None, None), "a.bias": ("h",)}, "h"),
        IMAGES,
    ),
    "linear on channels last": (
        network_of(
            lambda s, x: s.o(F.relu(s.b(F.relu(s.a(x)).permute(0, 2, 3, 1))).mean((1, 2))),
            a=conv(nn.Conv2d, 3, 6, 3, padding=1), b=lambda: nn.Linear(6, 6), o=lambda: nn.Linear(6, 3),
        ),
        head({"a.weight": ("a", None, None, None), "a.bias": ("a",), "b.weight": ("b", "a"), "b.bias": ("b",)}, "b"),
        IMAGES,
    ),
    "sequences as long as they are wide": (
        network_of(lambda s, x: s.o(F.relu(s.a(x))).mean(1), a=lambda: nn.Linear(7, 7), o=lambda: nn.Linear(7, 3)), HIDDEN, SEQUENCES
    ),
    "raw parameters, width = inputs": (
        network_of(lambda s, x: F.linear(F.relu(F.linear(x, s.v)), s.w), v=parameter(8, 8), w=parameter(3, 8)), {"v": ("h", None), "w": (None, "h")}, X
    ),
    "raw parameters on the left": (
        network_of(lambda s, x: (s.w @ F.relu(s.v @ x.T)).T, v=parameter(8, 8), w=parameter(3, 8)), {"v": ("h", None), "w": (None, "h")}, X
    ),
    "einsum": (
        network_of(
            lambda s, x: torch.einsum("oi,bi->bo", s.w, F.relu(torch.einsum("bi,oi->bo", x, s.v))), v=parameter(8, 8), w=parameter(3, 8)
        ),
        {"v": ("h", None), "w": (None, "h")}, X,
    ),
    "layer norm": (
        network_of(lambda s, x: s.o(F.relu(s.n(s.a(x)))), a=lambda: nn.Linear(8, 6), n=lambda: nn.LayerNorm(6), o=lambda: nn.Linear(6, 3)),
        HIDDEN | {"n.weight": ("h",), "n.bias": ("h",)}, X,
    ),
    "token ids": (
        network_of(
            lambda s, x: s.o(F.relu(s.a(s.e(x))).mean(1)), e=lambda: nn.Embedding(60000, 4), a=lambda: nn.Linear(4, 6), o=lambda: nn.Linear(6, 3)
        ),
        HIDDEN | {"e.weight": (None, None)}, IDS,
    ),
}  # fmt: skip


def planted(build: Callable[[], nn.Module], axes: Axes) -> tuple[nn.Module, nn.Module, dict[str, np.ndarray]]:
    """Return a network, the same with its neurons in another order, and that order."""
    a, spec = seeded(build, 0), PermutationSpec(axes)
    state = a.state_dict()
    rng = np.random.default_rng(1)
    moved = {group: rng.permutation(size) for group, size in spec.sizes(state).items()}
    b = copy.deepcopy(a)
    b.load_state_dict(apply_permutations(state, spec, moved))
    return a, b, moved


def compared(a: object, b: object, spec: object = None, x: Tensor = X, y: Tensor = Y, **more: object) -> Comparison:
    return compare(a, b, train=(x, y), test=(x, y), points=3, permutation_spec=spec, **more)


def refusal(**changes: object) -> str:
    """Return the sentence with which `compare` refuses two dense networks after some changes; the networks stay as they were."""
    arguments = {"a": dense(), "b": dense(), "spec": HIDDEN, **changes}
    networks = [net for net in (arguments["a"], arguments["b"]) if isinstance(net, Net)]
    before = [copy.deepcopy(net.state_dict()) for net in networks]
    with pytest.raises(InputError) as caught:
        compared(**arguments)
    for net, state in zip(networks, before, strict=True):
        assert net.training
        assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    return str(caught.value)
