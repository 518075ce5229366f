"""Residual streams of a network: what writes to them, the norms behind which they are read, and the layers that read there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.fx import Node

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.tracing import trace_with_program

NORMS = {"layer_norm": True, "rms_norm": False}  # whether the mean is taken off
SAME = frozenset({"contiguous", "clone", "to", "_to_copy", "dropout", "detach", "alias", "select", "slice", "view", "reshape", "flatten",
                  "unflatten", "permute", "transpose", "expand", "squeeze", "unsqueeze"})  # fmt: skip
SUMS = frozenset({"add", "add_", "cat"})  # of what is written to a stream
AVERAGES = frozenset({"mean"})  # of what is read: over tokens, so that a shift stays one
CHECKS = frozenset({"_assert_tensor_metadata"})  # which export puts before a cast: nothing takes their result
TURNS = frozenset({"t", "transpose", "permute", "numpy_T"})  # of weights
# The places of the input, the weight and the bias among the arguments of a layer.
LAYERS: dict[str, tuple[int | None, int, int | None]] = {
    "linear": (0, 1, 2), "addmm": (1, 2, 0), "matmul": (0, 1, None), "mm": (0, 1, None),
    "conv1d": (0, 1, 2), "conv2d": (0, 1, 2), "conv3d": (0, 1, 2), "embedding": (None, 0, None),
}  # fmt: skip
READERS = frozenset({"linear", "addmm", "matmul", "mm"})  # a convolution may pad with zeros, to which no shift is added


@dataclass(frozen=True)
class Reader:
    """A layer that reads a norm's output: the tensor of its weights and that of its biases, None where it has none."""

    weight: str
    bias: str | None


@dataclass(frozen=True)
class Norm:
    """A norm of a stream: its module, its scale and shift where it has them, whether it takes off the mean, and what reads its output."""

    module: str
    scale: str | None
    shift: str | None
    centres: bool
    readers: tuple[Reader, ...]


@dataclass(frozen=True)
class Stream:
    """A residual stream: its group, its norms, the tensors that write to it, and the layers that read it without a norm."""

    group: str
    norms: tuple[Norm, ...]
    writers: tuple[str, ...]
    plain_readers: tuple[str, ...] = ()


def streams(module: nn.Module, example: Tensor | tuple[Any, ...], keywords: Mapping[str, Any] | None = None) -> tuple[Stream, ...]:
    """Return the residual streams of a module with norms before its layers, as transformers with pre-norm have one.

    A stream is a sum of what layers, embeddings and parameters write, and nothing but norms (or layers, where no norm takes off the mean)
    reads it. It is found by following the operations from each norm, back to what writes and on to all that reads.

    Parameters
    ----------
    module : nn.Module
        Not changed.
    example : Tensor or tuple
        Inputs, at least two examples.
    keywords : mapping, optional
        Further inputs by name.

    Raises
    ------
    InputError
        If the module cannot be exported, or an operation or a tensor stands on a stream that a fold, or an orthogonal map, could not pass:
        a norm that is added to the stream (post-norm), a gain, a weight that both reads and writes (`folding.untied`).

    References
    ----------
    Ours, for finding them; Theus et al. 2025 (arXiv 2506.22712) and Ashkboos et al. 2024 (SliceGPT) fold norms of hand-written models.
    """
    return graph_with_streams(module, example, keywords)[1]


def graph_with_streams(
    module: nn.Module, example: Tensor | tuple[Any, ...], keywords: Mapping[str, Any] | None = None
) -> tuple[Graph, tuple[Stream, ...]]:
    """Return the symmetry graph of a module, as `trace`, and its residual streams, as `streams`."""
    graph, program = trace_with_program(module, example, keywords)
    walk = _Walk(graph, program)
    parts: list[_Part] = []
    for node in program.graph.nodes:
        if _operation(node) in NORMS and not any(node.args[0] in part.nodes for part in parts):
            parts.append(walk.part(node.args[0]))
    for part in parts:
        for node in part.nodes_of_norms:
            walk.add_norm(part, node)
    walk.check_uses()
    return graph, tuple(walk.stream(part) for part in parts)


@dataclass
class _Part:
    """What was met on one stream."""

    nodes: set[Node] = field(default_factory=set)
    nodes_of_norms: list[Node] = field(default_factory=list)
    norms: dict[str, Norm] = field(default_factory=dict)
    writers: dict[str, None] = field(default_factory=dict)
    plain_readers: dict[str, None] = field(default_factory=dict)


class _Walk:
    """The operations of an exported program, and what each of its tensors does at each of them."""

    def __init__(self, graph: Graph, program: Any) -> None:
        self.graph = graph
        own = {spec.arg.name: spec.target for spec in program.graph_signature.input_specs if spec.kind.name in ("PARAMETER", "BUFFER")}
        names = {n: graph.tied.get(own[n.name], own[n.name]) for n in program.graph.nodes if n.op == "placeholder" and n.name in own}
        self.names = {node: name for node, name in names.items() if name in graph.axes}  # what a state dict lacks is a constant
        self.roles: dict[str, dict[Node, str]] = {}

    def part(self, start: Node) -> _Part:
        """Return what is on the stream on which a tensor is."""
        part, pending = _Part(), [start]
        while pending:
            node = pending.pop()
            if node in part.nodes:
                continue
            part.nodes.add(node)
            pending += self._terms(node, part)
            for user in _users(node):
                if _operation(user) in SAME | SUMS:
                    pending.append(user)
                elif _operation(user) in NORMS and user.args[0] is node:
                    part.nodes_of_norms.append(user)
                else:
                    part.plain_readers[self._reader(user, node).weight] = None
        return part

    def _terms(self, node: Node, part: _Part) -> list[Node]:
        """Return what a tensor on a stream is the sum of; where it begins, note its writers."""
        operation = _operation(node)
        if operation in SAME | {"cat"} or (operation in SUMS and all(isinstance(term, Node) for term in node.args)):  # no number is added
            return list(node.all_input_nodes)
        if node in self.names:
            written = {self.names[node]: _users(node)}
        else:
            layer = self._layer(node)
            if layer is None:
                raise InputError(f"a residual stream must be a sum of what layers and parameters write, and {_label(node)} is on it.")
            written = {name: [node] for name in (layer.weight, layer.bias) if name is not None}
        for name, users in written.items():
            part.writers[name] = None
            self._note(name, "writes to a stream", users)
        return []

    def add_norm(self, part: _Part, node: Node) -> None:
        """Add a norm to its stream, with all that reads it; a module that is called twice is one norm."""
        module, pending = _module(node), [node]
        readers = dict.fromkeys(part.norms[module].readers if module in part.norms else ())
        for value in pending:
            for user in _users(value):
                if _operation(user) in SAME | AVERAGES:
                    pending.append(user)
                else:
                    reader = self._reader(user, value)
                    readers[reader] = None
                    self._note(reader.weight, f"is read behind {module}", [user])
                    self._note(reader.bias, f"is the bias of {reader.weight}", [user])
        shape: Any = node.args[1]
        weights = node.args[2 : 4 if NORMS[_operation(node)] else 3]
        scale, shift = ([self._name(argument) for argument in weights] + [None, None])[:2]
        if len(shape) > 1 or [scale, shift].count(None) > 2 - sum(argument is not None for argument in weights):
            raise InputError(
                f"a norm of a residual stream must be over one axis, with parameters for scale and shift, unlike {_label(node)}."
            )
        self._note(scale, f"is the scale of {module}", [node])
        self._note(shift, f"is the shift of {module}", [node])
        part.norms[module] = Norm(module, scale, shift, NORMS[_operation(node)], tuple(readers))

    def _reader(self, node: Node, value: Node) -> Reader:
        layer = self._layer(node) if _operation(node) in READERS and _argument(node, 0) is value else None
        if layer is None:
            raise InputError(
                f"a residual stream must be read by norms, and norms by linear layers, but {_label(node)} takes {_label(value)}."
            )
        return layer

    def _layer(self, node: Node) -> Reader | None:
        """Return the weights and biases of a layer; None of what is none."""
        if _operation(node) not in LAYERS:
            return None
        weight, bias = (self._name(_argument(node, k)) for k in (1, 2))
        return Reader(weight, bias) if weight is not None and (bias is not None or _argument(node, 2) is None) else None

    def _name(self, node: Any) -> str | None:
        """Return the tensor of a module that an argument is, but for the order of its axes."""
        while isinstance(node, Node) and _operation(node) in TURNS:
            node = node.args[0]
        return self.names.get(node)

    def _note(self, name: str | None, role: str, users: Iterable[Node]) -> None:
        if name is not None:
            self.roles.setdefault(name, {}).update(dict.fromkeys(users, role))

    def check_uses(self) -> None:
        """Raise `InputError` if a tensor of a stream is used in two ways."""
        for name, roles in self.roles.items():
            kinds = list(dict.fromkeys(roles.values()))
            users = [user for node, own in self.names.items() if own == name for user in _takers(node)]
            others = [_label(user) for user in users if user not in roles]
            if len(kinds) > 1 or others:
                also = kinds[1] if len(kinds) > 1 else f"is taken by {others[0]}"
                names = " is ".join([name, *(tied for tied, first in self.graph.tied.items() if first == name)])
                raise InputError(f"{names}, which {kinds[0]} and {also}: give each use a tensor of its own (tied ones: `untied`).")

    def stream(self, part: _Part) -> Stream:
        """Return a stream, after checking that its norms are of one kind and that all that it has is in the order of one group."""
        norms, plain = tuple(part.norms.values()), tuple(part.plain_readers)
        if len({norm.centres for norm in norms} | ({False} if plain else set())) > 1:
            other = plain[0] if plain else next(norm.module for norm in norms if not norm.centres)
            raise InputError(f"a residual stream whose norms take off its mean must be read by these alone, but {other} reads it too.")
        readers = [*plain, *(reader.weight for norm in norms for reader in norm.readers)]
        rows = [*part.writers, *(name for norm in norms for name in (norm.scale, norm.shift) if name is not None)]
        groups = {self._group(name, reads) for names, reads in ((readers, True), (rows, False)) for name in names}
        group = groups.pop()
        if groups or group is None:
            raise InputError(f"the neurons of a residual stream must be one axis of each of {', '.join((*readers, *rows))}.")
        return Stream(group, norms, tuple(name for name in self.graph.axes if name in part.writers), plain)

    def _group(self, name: str, reads: bool) -> str | None:
        """Return the only group on the axes of a tensor that are read, or that are not."""
        axes = [axis for axis in self.graph.axes[name] if axis.reads == reads and axis.groups]
        return axes[0].groups[0] if len(axes) == 1 and len(axes[0].segments) == len(axes[0].segments[0]) == 1 else None


def _argument(node: Node, k: int) -> Any:
    """Return the input, the weights or the biases of a layer."""
    position = LAYERS[_operation(node)][k]
    return node.args[position] if position is not None and position < len(node.args) else None


def _users(node: Node) -> list[Node]:
    """Return the operations that compute with a tensor."""
    return [user for user in node.users if _operation(user) not in CHECKS]


def _takers(node: Node) -> list[Node]:
    """Return the operations that take a tensor, in whatever order of its axes."""
    return [taker for user in _users(node) for taker in (_takers(user) if _operation(user) in TURNS else [user])]


def _operation(node: Node) -> str:
    packet = getattr(node.target, "overloadpacket", None)
    return packet.__name__ if packet is not None and node.op == "call_function" else str(node.op)


def _module(node: Node) -> str:
    """Return the name of the module that an operation was recorded in."""
    return str([*(node.meta.get("nn_module_stack") or {"": ("",)}).values()][-1][0])


def _label(node: Node) -> str:
    """Return an operation, or an input, with the module that it is recorded in."""
    label = _operation(node) if node.op == "call_function" else node.name
    return f"{label} of {_module(node)}" if _module(node) else label
