"""The symmetry graph of any module that `torch.export` takes, derived from its operations."""

import copy
import logging
import operator
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node

from lmc_sweeps.common.checks import InputError, first_line
from lmc_sweeps.symmetry import shapes as _shapes  # noqa: F401 - registers its rules
from lmc_sweeps.symmetry.axes import Axis, Factor, Segment
from lmc_sweeps.symmetry.factors import Places
from lmc_sweeps.symmetry.graph import Graph, Limit
from lmc_sweeps.symmetry.naming import group_names
from lmc_sweeps.symmetry.rules import RULES, elementwise
from lmc_sweeps.symmetry.values import Value, Walk


def trace(module: nn.Module, example: Tensor | tuple[Any, ...], keywords: Mapping[str, Any] | None = None) -> Graph:
    """Return which neurons of a module can be relabelled without a change of what it computes.

    Its operations are taken one after the other, as `torch.export` records them in evaluation mode, and each ties or fixes the axes of
    tensors by a rule of its own. An operation without a rule fixes all axes that it touches, and the graph names it in `limits`.

    Parameters
    ----------
    module : nn.Module
        Not changed.
    example : Tensor or tuple
        Inputs, at least two examples.
    keywords : mapping, optional
        Further inputs by name.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        If the module cannot be exported.

    Notes
    -----
    What is found free is free, for the rules are exact; what is free need not be found: of an operation's symmetries the rules know those
    that permute neurons, and of attention heads one order inside all heads.

    References
    ----------
    Ours. Ainsworth et al. 2022 write such specifications by hand.
    """
    return trace_with_program(module, example, keywords)[0]


def trace_with_program(
    module: nn.Module, example: Tensor | tuple[Any, ...], keywords: Mapping[str, Any] | None = None
) -> tuple[Graph, Any]:
    """Return the graph of a module, as `trace`, and the exported program that it is derived from."""
    if not isinstance(module, nn.Module):
        raise InputError(f"`module` must be a torch.nn.Module, got {type(module).__name__}.")
    inputs = example if isinstance(example, tuple) else (example,)
    _check_example(module, inputs, dict(keywords or {}))
    program = _exported(module, inputs, dict(keywords or {}))
    walk = _Tracer(module, program)
    for node in program.graph.nodes:
        walk.visit(node)
    return walk.graph(), program


def _check_example(module: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Raise `InputError` if the module does not take its example."""
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            copy.deepcopy(module).eval()(*copy.deepcopy(inputs), **copy.deepcopy(keywords))
    except Exception as error:
        kinds = ", ".join(f"{tuple(part.shape)} in {part.dtype}" if isinstance(part, Tensor) else type(part).__name__ for part in inputs)
        raise InputError(
            f"`example` must be what a {type(module).__name__} takes, got {kinds}: its forward raised {first_line(error)}"
        ) from error


def _exported(module: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    export = getattr(torch.export, "export_for_training", None) if torch.__version__ < "2.6" else None  # it compares versions
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # of a transformer's layers: one operation, which hides what it is made of
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)  # pages of a graph's code, where a module cannot be traced
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what does not matter to shapes, as where a module keeps its weights twice
            return (export or torch.export.export)(copy.deepcopy(module).eval(), inputs, keywords, strict=False)
    except Exception as error:
        raise InputError(
            f"{type(module).__name__} cannot be traced: torch.export stops with {first_line(error)} "
            "Write its permutation specification by hand, and pass it as `permutation_spec`."
        ) from error
    finally:
        logging.disable(level)
        torch.backends.mha.set_fastpath_enabled(fused)


class _Tracer:
    """The walk through an exported program: the value of every node."""

    def __init__(self, module: nn.Module, program: Any) -> None:
        self.walk = Walk()
        self.values: dict[Node, Any] = {}
        self.tensors: dict[str, Value] = {}
        self.limits: list[tuple[str, tuple[Places, ...]]] = []
        self.tied = _tied(module)
        self.own = module.state_dict(keep_vars=True)
        kinds = {spec.arg.name: (spec.kind.name, spec.target) for spec in program.graph_signature.input_specs}
        self.inputs = {name: target if kind in ("PARAMETER", "BUFFER") else None for name, (kind, target) in kinds.items()}

    def visit(self, node: Node) -> None:
        if node.op == "placeholder":
            self.values[node] = self._input(node)
        elif node.op == "output":
            for value in _tensors(self._argument(node.args)):
                self.walk.fix(value)
        elif node.op == "call_function" and node.target is operator.getitem:
            self.values[node] = self._argument(node.args[0])[node.args[1]]
        else:
            self.values[node] = self._result(node)

    def _input(self, node: Node) -> Any:
        """Return the value of a parameter or buffer, free, or of an input or constant, whose entries are known by their places."""
        example = node.meta.get("val")
        name = self.inputs.get(node.name)
        if not isinstance(example, Tensor):
            return example
        name = self.tied.get(name or "", name)
        if name is None or name not in self.own or not example.is_floating_point():
            return self.walk.fresh(example.shape, fixed=True)
        if name not in self.tensors:
            value = self.walk.fresh(example.shape)
            self.tensors[name] = Value(value.axes, tuple((name, k) for k in range(len(value.axes))))
        return self.tensors[name]

    def _argument(self, argument: Any) -> Any:
        if isinstance(argument, Node):
            return self.values[argument]
        if isinstance(argument, list | tuple):
            return [self._argument(part) for part in argument]
        if isinstance(argument, Mapping):
            return [self._argument(part) for part in argument.values()]
        return argument

    def _result(self, node: Node) -> Any:
        example = node.meta.get("val")
        if not isinstance(example, Tensor | list | tuple):
            return example  # a number: shapes are those of the example
        if node.op == "get_attr":  # a constant
            return self.walk.fresh(example.shape, fixed=True) if isinstance(example, Tensor) else None
        shape: Any = tuple(example.shape) if isinstance(example, Tensor) else [tuple(e.shape) for e in example if isinstance(e, Tensor)]
        arguments = self._bound(node)
        for value in _tensors(arguments):
            self.walk.used.update(dict.fromkeys(origin[0] for origin in value.origins if origin is not None))
        packet = getattr(node.target, "overloadpacket", None)
        name = packet.__name__ if packet is not None else str(node.target)
        tags = getattr(node.target, "tags", ())
        self.walk.factors.begin(name)
        rule = RULES.get(name) or (elementwise if torch.Tag.pointwise in tags else None)
        if rule is not None and getattr(node.target, "namespace", "") == "aten":
            try:
                result = rule(self.walk, shape, *arguments)
            except Exception:  # NoRule, and forms of an operation that its rule does not expect: what it has tied by then is tied
                return self._unknown(name, arguments, shape)
            if self._shapes(result) == (shape if isinstance(shape, list) else [shape]):
                return result
        return self._unknown(name, arguments, shape)

    def _shapes(self, result: Any) -> list[tuple[int, ...]]:
        return [tuple(map(self.walk.size, value.axes)) for value in _tensors(result)]

    def _bound(self, node: Node) -> list[Any]:
        """Return the arguments of an operation in the order of its schema, defaults where none are given."""
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            return [self._argument(argument) for argument in (*node.args, *node.kwargs.values())]
        arguments = dict(zip((argument.name for argument in schema.arguments), node.args, strict=False)) | dict(node.kwargs)
        return [self._argument(arguments.get(a.name, a.default_value if a.has_default_value() else None)) for a in schema.arguments]

    def _unknown(self, name: str, arguments: Sequence[Any], shape: Any) -> Any:
        """Return new tensors; these and all that the operation takes are fixed at the end, to know what would have been free without it."""
        results = [self.walk.fresh(part) for part in (shape if isinstance(shape, list) else [shape])]
        self.limits.append((name, tuple(axis for value in (*_tensors(arguments), *results) for axis in value.axes)))
        return results if isinstance(shape, list) else results[0]

    def graph(self) -> Graph:
        """Return the graph of what was found, tensors in the order of the module's own."""
        factors = self.walk.factors
        for name in self.tensors.keys() - self.walk.used.keys():
            factors.fix(*self.tensors[name].axes)
        limits = self._limits()
        resolved = {name: [factors.resolved(axis) for axis in value.axes] for name, value in self.tensors.items()}
        groups = group_names(self.walk, resolved)
        axes = {
            name: tuple(self._axis(name, k, axis, groups) for k, axis in enumerate(resolved[name])) for name in self.own if name in resolved
        }
        sizes = {group: factors.size(number) for number, group in groups.items()}
        tied = {name: first for name, first in self.tied.items() if first in axes}
        return Graph(axes, sizes, limits, tied, frozenset(name for name in axes if not isinstance(self.own[name], nn.Parameter)))

    def _axis(self, name: str, k: int, axis: Places, groups: Mapping[int, str]) -> Axis:
        segments = [
            _merged([Factor(self.walk.factors.size(n), groups.get(self.walk.factors.root(n))) for n in segment]) for segment in axis
        ]
        if all(factor.group is None for segment in segments for factor in segment):
            segments = [(Factor(self.walk.size(axis)),)]
        rows = self.walk.reading.get((name, k), ())
        numbers = [self.walk.factors.root(n) for row in rows for segment in self.walk.factors.resolved(row) for n in segment]
        across = dict.fromkeys(groups[number] for number in numbers if number in groups)
        return Axis(tuple(segments), (name, k) in self.walk.reading, tuple(across))

    def _limits(self) -> tuple[Limit, ...]:
        """Fix what unknown operations touch, and return which tensors had a free place there."""
        factors = self.walk.factors
        limits: dict[str, dict[str, None]] = {}
        lost = [(operation, {n for segment in factors.resolved(((number,),)) for n in segment}) for operation, number in factors.forced]
        for operation, axes in self.limits:
            lost.append((operation, {n for a in axes for segment in factors.resolved(a) for n in segment if not factors.is_fixed(n)}))
        for operation, numbers in lost:
            for name in self.own:
                value = self.tensors.get(name, Value(()))
                if any(n in numbers for axis in value.axes for segment in factors.resolved(axis) for n in segment):
                    limits.setdefault(operation, {})[name] = None
        for _, axes in self.limits:
            factors.fix(*axes)
        return tuple(Limit(operation, tuple(names)) for operation, names in limits.items())


def _merged(factors: Sequence[Factor]) -> Segment:
    """Return a segment in which factors that stay, one inside the other, are one."""
    merged: list[Factor] = []
    for factor in factors:
        if merged and merged[-1].group is None and factor.group is None:
            merged[-1] = Factor(merged[-1].size * factor.size)
        else:
            merged.append(factor)
    return tuple(merged)


def _tied(module: nn.Module) -> dict[str, str]:
    """Return the first name of every tensor that has several, by its other names."""
    first: dict[tuple[Any, ...], str] = {}
    names = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor):
            key = (tensor.data_ptr(), tensor.shape, tensor.stride()) if tensor.numel() and not tensor.is_meta else (id(tensor),)
            if first.setdefault(key, name) != name:
                names[name] = first[key]
    return names


def _tensors(arguments: Any) -> Iterator[Value]:
    if isinstance(arguments, Value):
        yield arguments
    elif isinstance(arguments, list | tuple):
        for argument in arguments:
            yield from _tensors(argument)
