"""`compare` with modules of every kind that callers bring: what works has the planted answer, what does not is refused in one true sentence."""

import copy
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

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
    net = Net(lambda s, x: s.o(s.act(s.a(x))), a=nn.Linear(IN, a), o=nn.Linear(a, CLASSES))
    net.act = act
    for name, value in more.items():
        setattr(net, name, value)
    return net


HIDDEN: Axes = {"a.weight": ("h", None), "a.bias": ("h",), "o.weight": (None, "h"), "o.bias": (None,)}


def network_of(forward: Callable[[Net, Tensor], object], **parts: Callable[[], nn.Module | nn.Parameter]) -> Callable[[], Net]:
    return lambda: Net(forward, **{name: part() for name, part in parts.items()})


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


@pytest.mark.parametrize("kind", KINDS)
def test_the_neurons_axis_is_what_the_product_sums_over(kind):
    build, axes, x = KINDS[kind]
    a, b, moved = planted(build, axes)
    comparison = compared(a, b, axes, x)
    for method in ALL[1:]:
        for group, order in moved.items():
            np.testing.assert_array_equal(comparison.permutations[method][group], np.argsort(order))
    matched = comparison.runs[comparison.runs.matching != "identity"]
    assert (matched.loss_barrier < 1e-6).all()
    assert (comparison.runs.function_gap < 1e-5).all()


def test_a_specification_in_any_order_gives_the_same_as_in_the_order_of_the_network():
    build, axes, x = KINDS["conv1d, channels = length"]
    a, b = (seeded(build, seed) for seed in (0, 1))
    expected = compared(a, b, axes, x)
    for names in (list(axes)[::-1], sorted(axes), list(axes)[2:] + list(axes)[:2]):
        comparison = compared(a, b, {name: axes[name] for name in names}, x)
        for method in ALL:
            for group in ("a", "b"):
                np.testing.assert_array_equal(comparison.permutations[method][group], expected.permutations[method][group])
        assert comparison.layers[["matching", "layer", "layer_name"]].equals(expected.layers[["matching", "layer", "layer_name"]])


def compiled(net: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.compile(net, backend="eager")


def test_a_wrapped_network_is_the_one_inside_and_gets_its_aligned_state_under_its_own_names():
    plain = [seeded(dense, seed) for seed in (0, 1)]
    expected = compared(*plain, HIDDEN)
    for wrap in (nn.DataParallel, compiled, torch.optim.swa_utils.AveragedModel, lambda net: nn.DataParallel(compiled(net))):
        a, b = map(wrap, copy.deepcopy(plain))
        prefix = next(name for name in b.state_dict() if name.endswith("a.weight")).removesuffix("a.weight")
        for spec in (HIDDEN, {prefix + name: entry for name, entry in HIDDEN.items()}):
            comparison = compared(a, b, spec)
            assert comparison.runs.loss_barrier.tolist() == expected.runs.loss_barrier.tolist()
        b.load_state_dict(comparison.aligned["weights"])
        torch.testing.assert_close(
            b.state_dict()[f"{prefix}a.weight"], expected.aligned["weights"]["a.weight"], rtol=0, atol=0, check_device=False
        )


def test_tied_parameters_are_one_and_move_together():
    def tied() -> Net:
        net = Net(lambda s, x: s.o(torch.relu(s.a(x))) + s.p(torch.relu(s.a(x))), a=nn.Linear(8, 5), o=nn.Linear(5, 3), p=nn.Linear(5, 3))
        net.p.weight = net.o.weight
        return net

    a, b = (seeded(tied, seed) for seed in (0, 1))
    for more in ({"p.bias": (None,)}, {"p.bias": (None,), "p.weight": (None, "h")}):
        comparison = compared(a, b, HIDDEN | more)
        b.load_state_dict(comparison.aligned["activations"])
        assert torch.equal(comparison.aligned["activations"]["o.weight"], comparison.aligned["activations"]["p.weight"])
    with pytest.raises(InputError, match=r"^'p.weight' and 'o.weight' are one tensor, but the permutation specification gives them"):
        compared(a, b, HIDDEN | {"p.bias": (None,), "p.weight": (None, None)})
    untied = copy.deepcopy(b)
    untied.p.weight = nn.Parameter(untied.o.weight.detach().clone())
    with pytest.raises(InputError, match=r"^network A and network B differ in 'p.weight': o.weight against \(3, 5\)\."):
        compared(a, untied, HIDDEN | {"p.bias": (None,)})


@pytest.mark.parametrize(("kind_a", "kind_b", "measured"), [
    (torch.bfloat16, torch.bfloat16, "float32"), (torch.float16, torch.float32, "float32"), (torch.float64, torch.float32, "float64"),
])  # fmt: skip
def test_networks_in_other_precisions_are_measured_in_one_and_it_is_said(kind_a, kind_b, measured):
    build, axes, _ = KINDS["token ids"]
    a, b = seeded(build, 0).to(kind_a), seeded(build, 1).to(kind_b)
    comparison = compared(a, b, axes, IDS)
    names = [str(kind).removeprefix("torch.") for kind in (kind_a, kind_b)]
    assert comparison.notes == (
        f"precision: network A is in {names[0]} and network B is in {names[1]}; weights, statistics and all products were computed in {measured}.",
    )
    exact = [copy.deepcopy(net).to(getattr(torch, measured)) for net in (a, b)]  # ids above 256 and above 2048 would be rounded
    with torch.no_grad():
        for net, letter in zip(exact, "ab", strict=True):
            np.testing.assert_allclose(comparison.runs[f"loss_{letter}"], float(F.cross_entropy(net(IDS), Y)), rtol=1e-5)
    assert {tensor.dtype for tensor in comparison.aligned["weights"].values()} == {kind_b}
    assert (a.o.weight.dtype, b.o.weight.dtype) == (kind_a, kind_b)


def test_training_mode_dropout_and_batch_norm_are_measured_in_evaluation_mode_and_stay_as_they_were():
    build = network_of(
        lambda s, x: s.o(s.d(F.relu(s.n(s.a(x))))), a=lambda: nn.Linear(8, 6), n=lambda: nn.BatchNorm1d(6), d=lambda: nn.Dropout(0.5),
        o=lambda: nn.Linear(6, 3),
    )  # fmt: skip
    axes = HIDDEN | {f"n.{name}": ("h",) for name in ("weight", "bias", "running_mean", "running_var")} | {"n.num_batches_tracked": ()}
    a, b = (seeded(build, seed) for seed in (0, 1))
    for net in (a, b):
        net(X)  # in training mode: the norm has seen the data
    before = copy.deepcopy(b.state_dict())
    comparison = compared(a, b, axes)
    assert a.training
    assert b.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in b.state_dict().items())
    with torch.no_grad():
        expected = copy.deepcopy(b).eval()(X)
        b.load_state_dict(comparison.aligned["covariance"])
        torch.testing.assert_close(b.eval()(X), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(comparison.runs.loss_b, float(F.cross_entropy(expected, Y)), rtol=1e-5)
    with pytest.raises(
        InputError, match=r"^the permutation specification does not keep .* axes of that length without a group are in n.running_mean"
    ):
        compared(a, b, axes | {"n.running_mean": (None,)})


def test_inputs_that_a_network_changes_in_place_stay_as_they_were():
    a, b = (
        seeded(network_of(lambda s, x: s.o(torch.relu(s.a(x.mul_(2)))), a=lambda: nn.Linear(8, 8), o=lambda: nn.Linear(8, 3)), seed)
        for seed in (0, 1)
    )
    before = X.clone()
    comparison = compared(a, b, HIDDEN)
    assert torch.equal(X, before)
    with torch.no_grad():
        np.testing.assert_allclose(comparison.runs.loss_a, float(F.cross_entropy(a(X.clone()), Y)), rtol=1e-5)


def buffer(value: Tensor, persistent: bool = False) -> Net:
    net = dense(act=lambda z: z)
    net._call = lambda s, x: s.o(torch.relu(s.a(x)) * s.c)
    net.register_buffer("c", value, persistent=persistent)
    return net


def random() -> Net:
    return network_of(lambda s, x: s.o(F.dropout(s.a(x), 0.5)), a=lambda: nn.Linear(8, 8), o=lambda: nn.Linear(8, 3))()


DIFFER = "network A and network B do not compute the same function of their weights"
TENSOR = "network A must return one tensor of logits, (examples, classes), got a"
NOT_KEPT = (
    "the permutation specification does not keep the network's function: relabelling the 8 neurons of group 'h' changes its logits by"
)


def returns(change: Callable[[Tensor], object]) -> Net:
    return network_of(lambda s, x: change(s.o(torch.relu(s.a(x)))), a=lambda: nn.Linear(8, 8), o=lambda: nn.Linear(8, 3))()


def folded(fold: Callable[[nn.Module], object]) -> Net:
    net = dense()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older ones are deprecated
        fold(net.a)
    return net


def script() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(dense(), X[:2])


def zeros(net: Net) -> Net:
    nn.init.zeros_(net.a.bias)
    return net


def dead(net: Net) -> Net:
    nn.init.constant_(net.a.bias, -100.0)
    return net


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a state dict": ({"a": dense().state_dict()}, "network A is a state dict (OrderedDict), not a module: build the module, load it with `load_state_dict`"),
    "a path": ({"b": Path("b.pt")}, "network B is a path, 'b.pt', not a module: load the file into a module first, or compare two safetensors files"),
    "a string": ({"a": "a.pt"}, "network A is a path, 'a.pt', not a module"),
    "a class": ({"a": nn.Linear}, "network A is the class Linear, not a network of it: pass an instance."),
    "a function": ({"b": torch.relu}, "network B must be a torch.nn.Module, got builtin_function_or_method."),
    "TorchScript": ({"a": script()}, "network A is a TopLevelTracedModule, code of TorchScript: pass the module that it was made of."),
    "weight norm": ({"a": folded(parametrizations.weight_norm)}, "network A has a parametrised weight, 'a.weight', of which a line has two meanings"),
    "old weight norm": ({"b": folded(nn.utils.weight_norm)}, "network B has a parametrised weight, 'a.weight', of which a line has two meanings"),
    "pruned": ({"a": folded(lambda layer: prune.l1_unstructured(layer, "weight", 0.3))}, "network A has a parametrised weight, 'a.weight'"),
    "lazy": ({"a": nn.Sequential(nn.LazyLinear(3))}, "network A has no values yet in '0.weight' (a lazy or a meta module)"),
    "no parameters": ({"a": nn.Flatten()}, "network A, a Flatten, has no parameters: there is nothing to match."),
    "float8": ({"a": dense().to(torch.float8_e4m3fn)}, "network A must have weights in one of float64, float32, bfloat16, float16, and 'a.weight' is in float8_e4m3fn."),
    "another activation": ({"b": dense(act=torch.tanh)}, f"{DIFFER} (the network act: relu against tanh): with equal weights their logits differ by"),
    "another constant": ({"a": dense(k=1.0, _call=lambda s, x: s.k * s.o(s.act(s.a(x)))), "b": dense(k=1.001, _call=lambda s, x: s.k * s.o(s.act(s.a(x))))}, f"{DIFFER} (the network k: 1.0 against 1.001): with equal weights"),
    "another buffer": ({"a": buffer(torch.ones(8)), "b": buffer(torch.full((8,), 1.01))}, f"{DIFFER} (the network c has other values)"),
    "another buffer of integers": ({"a": buffer(torch.arange(8), True), "b": buffer(torch.arange(8).flip(0), True)}, f"{DIFFER} (the network c has other values)"),
    "a hook": ({"b": (lambda net: (net.o.register_forward_hook(lambda m, i, o: 2 * o), net)[1])(dense())}, f"{DIFFER}: with equal weights"),
    "random": ({"a": random(), "b": random()}, "network A returns other logits when it is called once more"),
    "batch norm without statistics": ({"a": nn.Sequential(dense(), nn.BatchNorm1d(3, affine=False, track_running_stats=False)), "b": nn.Sequential(dense(), nn.BatchNorm1d(3, affine=False, track_running_stats=False)), "spec": {f"0.{name}": entry for name, entry in HIDDEN.items()}}, "network A computes something else for an example in another batch"),
    "a constant that is permuted": ({"a": buffer(torch.arange(8), True), "b": buffer(torch.arange(8), True), "spec": HIDDEN | {"c": ("h",)}}, "'c', in torch.int64, is a constant: only finite floating-point numbers are permuted."),
    "a dict": ({"a": returns(lambda z: {"logits": z, "loss": 0})}, f"{TENSOR} dict of 'logits', 'loss': wrap it in a module whose forward returns the logits."),
    "a tuple": ({"a": returns(lambda z: (z, z))}, f"{TENSOR} tuple: wrap it in a module"),
    "three axes": ({"a": returns(lambda z: z[:, None])}, "network A must return logits of shape (examples, classes), got (2, 1, 3) for 2 examples of shape (8,)."),
    "one logit": ({"a": returns(lambda z: z[:, :1])}, "network A must return the logits of at least 2 classes, got shape (2, 1): a regression is not measured here"),
    "probabilities": ({"a": returns(lambda z: z.softmax(1)), "b": returns(lambda z: z.softmax(1))}, "network A returns probabilities, which sum to 1; the loss is taken of logits"),
    "classes": ({"a": returns(lambda z: z.argmax(1)[:, None].expand(-1, 3))}, "network A must return logits in floating-point numbers, got torch.int64."),
    "a cast inside": ({"a": dense(_call=lambda s, x: s.o(s.a(x.bfloat16()))).bfloat16()}, "`train` has inputs of shape (8,) in float32, which network A does not take: its forward raised RuntimeError. Its first weights, 'a.weight', have shape (8, 8); it is in bfloat16 and measured in float32, which its code must take."),
    "wrong width": ({"x": X[:, :5]}, "`train` has inputs of shape (5,) in float32, which network A does not take: its forward raised RuntimeError. Its first weights, 'a.weight', have shape (8, 8)."),
    "bytes that wrap": ({"a": dense(_call=lambda s, x: s.o(s.a((x - 128) / 64.0))), "x": (60 * X.abs()).to(torch.uint8)}, "`train` has inputs in torch.uint8, for which network A computes something else than for the same numbers in torch.float32"),
    "nothing permuted": ({"spec": {name: (None,) * len(entry) for name, entry in HIDDEN.items()}}, "the permutation specification names no group: nothing could be permuted"),
    "one neuron": ({"a": dense(1), "b": dense(1)}, "every group of the permutation specification (h) has one neuron: there is nothing to permute."),
    "only a bias": ({"spec": {"a.weight": (None, None), "a.bias": ("h",), "o.weight": (None, "h"), "o.bias": (None,)}}, "group 'h' has no incoming weights"),
    "never computed": ({"spec": HIDDEN | {"a.weight": ("h", "i")}}, "group 'i' is on no parameter's first axis, that of its outputs (a.weight only)"),
    "unknown name": ({"spec": HIDDEN | {"a.biass": ("h",)}}, "the permutation specification names 'a.biass', which the network lacks; it has a.weight, a.bias, o.weight, o.bias. Did you mean 'a.bias'?"),
    "missing name": ({"spec": {name: entry for name, entry in HIDDEN.items() if name != "a.bias"}}, "the permutation specification lacks the parameters a.bias."),
    "axes": ({"spec": HIDDEN | {"a.bias": ("h", None)}}, "'a.bias' has 1 axes (8,), but the permutation specification gives it 2."),
    "sizes": ({"spec": HIDDEN | {"o.bias": ("h",)}}, "group 'h' has 8 neurons, but 'o.bias' of shape (3,) gives it 3."),
    "a bare name": ({"spec": HIDDEN | {"a.bias": "h"}}, "`permutation_spec` must give 'a.bias' one entry per axis, the name of a group or None, as in ('hidden', None), got 'h'."),
    "no mapping": ({"spec": ["h"]}, "`permutation_spec` must be a mapping of parameters to one entry per axis, the name of a group or None, got list."),
    "a bias left behind": ({"spec": HIDDEN | {"a.bias": (None,)}}, NOT_KEPT),
    "a bias of zeros left behind": ({"a": zeros(dense()), "b": zeros(dense()), "spec": HIDDEN | {"a.bias": (None,)}}, NOT_KEPT),
    "dead neurons": ({"a": dead(dense()), "b": dead(dense()), "spec": HIDDEN | {"a.bias": (None,)}}, NOT_KEPT),
    "labels as numbers": ({"y": Y.float()}, "`train` must have labels that are integers, the numbers of classes, got torch.float32: if they are numbers of classes pass `labels.long()`; a regression is not measured here."),
    "soft labels": ({"y": torch.rand(N, 3)}, "`train` must have labels that are integers, the numbers of classes, got torch.float32: one-hot or soft labels become classes by `labels.argmax(1)`."),
    "a column of labels": ({"y": Y[:, None]}, f"`train` needs one label per input, got inputs ({N}, 8) and labels ({N}, 1); a column becomes labels by `labels.flatten()`."),
    "NaN": ({"x": torch.where(torch.arange(N)[:, None] == 5, torch.nan, X)}, f"`train` must have finite inputs; 1 of {N} examples hold NaN or infinity, the first is example 5."),
    "complex inputs": ({"x": X.to(torch.complex64)}, "`train` must have inputs in a dense tensor of real numbers, got torch.complex64"),
    "settings": ({"settings": {"weights": True}}, "`settings` must be a mapping of methods to mappings of their settings, got {'weights': True}."),
    "methods": ({"matching": [1]}, "`matching` must be a sequence of names of methods, got [1]."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_measured_is_refused_in_one_sentence(case):
    changes, message = REFUSED[case]
    arguments = {"a": dense(), "b": dense(), "spec": HIDDEN, **changes}
    before = [copy.deepcopy(net.state_dict()) if isinstance(net, Net) else {} for net in (arguments["a"], arguments["b"])]
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        compared(arguments.pop("a"), arguments.pop("b"), arguments.pop("spec"), **arguments)
    for net, state in zip((changes.get("a"), changes.get("b")), before, strict=True):
        if isinstance(net, Net):
            assert net.training
            assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())


RAW: Axes = {"v": ("h", None), "w": (None, "h")}


@pytest.mark.parametrize(
    ("build", "axes", "message"),
    [
        (  # as `x @ w` has it: the layout in which the first axis is that of the inputs
            network_of(lambda s, x: F.relu(x @ s.v) @ s.w, v=parameter(8, 8), w=parameter(8, 3)), {"v": (None, "h"), "w": ("h", None)},
            "'w' is summed over its first axis (as in `x @ weight`, or a transposed convolution): that axis has its inputs",
        ),
        (
            network_of(lambda s, x: (F.relu((x[:, None] * s.v).sum(-1))[:, None] * s.w).sum(-1), v=parameter(8, 8), w=parameter(3, 8)), RAW,
            "the activations of 'h' cannot be read, as `covariance` and `activations` need them: 'w' would have to be summed over",
        ),
        (
            network_of(lambda s, x: s.o(torch.relu(s.i(x)) + s.b(torch.relu(s.a(torch.relu(s.i(x)))))), i=lambda: nn.Linear(8, 6),
               a=lambda: nn.Linear(6, 5), b=lambda: nn.Linear(5, 6), o=lambda: nn.Linear(6, 3)),
            {"i.weight": ("r", None), "i.bias": ("r",), "a.weight": ("a", "r"), "a.bias": ("a",), "b.weight": ("r", "a"), "b.bias": ("r",),
             "o.weight": (None, "r"), "o.bias": (None,)},
            "group 'r' is fed by 'a', and that by 'r' in its turn (a residual connection?): one pass cannot match it, as weights would.",
        ),
    ],
    ids=["inputs first", "no product", "a true cycle"],
)  # fmt: skip
def test_a_right_specification_that_the_methods_would_misread_is_refused(build, axes, message):
    a, b = (seeded(build, seed) for seed in (0, 1))
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        compared(a, b, axes)
    if "first axis" not in message:  # the identity moves nothing and has nothing to misread
        assert set(compared(a, b, axes, matching=["identity"]).runs["matching"]) == {"identity"}


def test_activations_of_one_sequential_that_say_the_same_are_the_same():
    def chain(*after: nn.Module) -> nn.Sequential:
        return nn.Sequential(nn.Linear(8, 6), *after, nn.Linear(6, 3))

    pairs = [
        (chain(nn.ReLU(inplace=True)), chain(nn.ReLU())),
        (chain(nn.ReLU(), nn.Dropout(0.1)), chain(nn.ReLU(), nn.Dropout(0.9))),
    ]
    for a, b in pairs:
        assert compared(a, b).notes == ()
    with pytest.raises(InputError, match=r"^network A and network B differ: Layer\(.*negative_slope=0.1\)"):
        compared(chain(nn.LeakyReLU(0.1)), chain(nn.LeakyReLU(0.2)))


def test_constants_of_a_network_are_its_own_a_mask_of_infinities_too():
    def masked() -> Net:
        net = dense()
        net._call = lambda s, x: s.o(torch.relu(s.a(x))) + torch.where(s.m < 0, 0.0, s.m)
        net.register_buffer("m", torch.tensor([0.0, -torch.inf, 0.0]))
        return net

    a, b, moved = planted(masked, HIDDEN | {"m": (None,)})
    for axes in (HIDDEN, HIDDEN | {"m": (None,)}):
        comparison = compared(a, b, axes)
        np.testing.assert_array_equal(comparison.permutations["weights"]["h"], np.argsort(moved["h"]))
        assert (comparison.runs[comparison.runs.matching == "weights"].loss_barrier < 1e-6).all()
    b.load_state_dict(comparison.aligned["weights"])
