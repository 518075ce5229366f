"""What a user's own model must be before a network of it is trained; one sentence names the model, the rule and what it has instead."""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.identity import code_of
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import TOKENS, VECTORS
from lmc_sweeps.models.base import Architecture, Model, Shape, sources_of, stacked
from lmc_sweeps.models.torch_module import TorchModule
from multirun_analysis.common.registry import failed_at

FEW = 2  # examples that are tried
SIGNATURES = {"check_shape": ("shape",), "architecture": ("shape",), "initial": ("shape", "rng")}  # methods that a model defines
T = TypeVar("T")


def wrong_signature(kind: type[Model]) -> str | None:
    """Return which method of a model's class cannot be called with a `Shape`, and how it is to be defined; None if all can."""
    for method, arguments in SIGNATURES.items():
        try:
            inspect.signature(getattr(object.__new__(kind), method)).bind(*arguments)
        except TypeError:  # also if it cannot be called at all
            own = getattr(kind, method)
            written = f"`{method}({', '.join(inspect.signature(own).parameters)})`" if callable(own) else repr(own)
            return (
                f"must have the method `{method}(self, {', '.join(arguments)})`, got {written}: `shape` is a `Shape` "
                "(lmc_sweeps.models.base), with `inputs`, `n_inputs`, `width`, `depth` and `classes`"
            )
    return None


def check_takes(model: Model, kind: str, dataset: str, choices: Mapping[str, type[Model]]) -> None:
    """Raise `InputError` where a model cannot take the examples of a dataset.

    Parameters
    ----------
    model : Model
    kind : str
        Of the examples, one of `KINDS`.
    dataset : str
        Its name, for the message.
    choices : mapping of str to type
        All models, of which the message names those that can.
    """
    if kind not in model.takes:
        names = sorted(name for name, choice in choices.items() if kind in choice.takes)
        if not names:
            raise InputError(f"`dataset` {dataset} gives {kind}, which no model here takes.")
        raise InputError(f"`model.name` must be one of {', '.join(names)} for the {kind} of dataset={dataset}, got {model.name!r}.")


def check_batches(model: Model, shape: Shape, examples: int, batch_size: int, kind: str) -> None:
    """Raise `InputError` where a batch of one example is left, and a batch norm would see a single value of each channel in it.

    Such a value is its own mean: there is no variance to divide by, and PyTorch refuses to train.

    Parameters
    ----------
    model : Model
    shape : Shape
        Of its networks.
    examples, batch_size : int
        Of training; the last batch of an epoch is what is left.
    kind : str
        Of the examples, one of `KINDS`.
    """
    if examples % batch_size != 1 and batch_size > 1:
        return
    architecture = model.architecture(shape)
    if not architecture.batch_norms().names:
        return
    stack, inputs = stacked([model.initial(shape, generator(0, "template"))]), architecture.taken(_examples(shape, kind))
    for name, sums in architecture.norm_sums(stack, inputs).items():
        if sums.count == FEW:
            raise InputError(
                f"`training.batch_size` must leave no batch of one example for model={model.name}, whose batch norm {name!r} then sees one "
                f"value of each channel and cannot normalise it: {examples} training examples in batches of {batch_size} leave one."
            )


def check_model(model: Model, shape: Shape, sees_activations: bool, kind: str = VECTORS) -> None:
    """Try a model that a user has added on a few examples, before the first job.

    Parameters
    ----------
    model : Model
        One of ours is not tried.
    shape : Shape
        Of its networks.
    sees_activations : bool
        Whether a method looks at activations: without one they are not tried.
    kind : str
        Of its examples, one of `KINDS`.

    Raises
    ------
    InputError
        If its networks, their parameters, their sources or activations are not what everything else takes them for.
    """
    if code_of(type(model)):
        _tried(model, shape, sees_activations, kind)


@lru_cache(maxsize=256)
def _tried(model: Model, shape: Shape, sees_activations: bool, kind: str) -> None:
    architecture = _made(model, "architecture", lambda: model.architecture(shape), shape)
    if not isinstance(architecture, Architecture):
        raise InputError(f"model={model.name}: `architecture` must return an Architecture, got {type(architecture).__name__}.")
    parameters = _made(model, "initial", lambda: model.initial(shape, generator(0, "template")), shape)
    _check_parameters(model, parameters)
    sizes: Mapping[str, int] = {}
    sources: Mapping[str, tuple[str, ...]] = {}
    try:
        if isinstance(architecture, TorchModule):  # its graph was derived, or tested, and it shows what it can
            architecture.check_trainable(parameters)
        else:
            sizes, sources = architecture.spec.sizes(parameters), sources_of(architecture)
    except InputError as error:
        raise InputError(f"model={model.name}: {error}") from None
    _check_widths(model, architecture, parameters, sizes, sources)
    stack, inputs = stacked([parameters]), architecture.taken(_examples(shape, kind))
    items = shape.inputs if kind == TOKENS else ()  # of an example, each with its logits
    with torch.no_grad():
        logits = _made(model, "forward", lambda: architecture.forward(stack, inputs), shape)
        _check_shape(model, "`forward` must return logits", logits, (1, FEW, *items, shape.classes))
        if sees_activations and kind != TOKENS:  # whose rows an architecture may order as it likes
            activations = _made(model, "activations", lambda: architecture.activations(stack, inputs), shape)
            _check_activations(model, activations, sizes, sources)


def _examples(shape: Shape, kind: str) -> Tensor:
    """Return a few examples as a dataset gives them, drawn."""
    rng = generator(0, "inputs")
    if kind == TOKENS:
        return torch.from_numpy(rng.integers(shape.classes, size=(FEW, *shape.inputs)))
    return torch.from_numpy(rng.standard_normal((FEW, *shape.inputs))).float()


def _made(model: Model, method: str, call: Callable[[], T], shape: Shape) -> T:
    """Return what a method of a user's returns; what it raises becomes a sentence with the line at which it did."""
    try:
        return call()
    except InputError as error:
        raise InputError(f"model={model.name}: {error}") from error
    except Exception as error:  # of code that anybody may have written
        described = f"{shape.n_inputs} inputs, width {shape.width}, depth {shape.depth} and {shape.classes} classes"
        line = failed_at(error)
        raise InputError(
            f"model={model.name}: `{method}` fails for {described}: {f'{line}: ' if line else ''}{type(error).__name__}: {error}."
        ) from error


def _check_parameters(model: Model, parameters: Any) -> None:
    if not isinstance(parameters, Mapping) or not all(isinstance(tensor, Tensor) for tensor in parameters.values()):
        raise InputError(f"model={model.name}: `initial` must return a mapping of names to tensors, got {type(parameters).__name__}.")
    for name, tensor in parameters.items():
        if tensor.dtype != torch.float32:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InputError(f"model={model.name}: `initial` must return tensors in float32, got {kind} for {name!r}; write `.float()`.")
        if not bool(tensor.isfinite().all()):
            raise InputError(f"model={model.name}: `initial` must return finite numbers, got others in {name!r}.")


def _check_widths(
    model: Model,
    architecture: Architecture,
    parameters: Mapping[str, Tensor],
    sizes: Mapping[str, int],
    sources: Mapping[str, tuple[str, ...]],
) -> None:
    """Raise `InputError` if a source that is a group has another number of neurons than the axis that it feeds."""
    for group, fed in sources.items():
        for name, source in zip(architecture.spec.incoming(group), fed, strict=True):
            columns = parameters[name].shape[1]
            if sizes.get(source, columns) != columns:
                raise InputError(
                    f"model={model.name}: `sources` of {group!r} names {source!r} for {name!r}, whose second axis must then have "
                    f"{sizes[source]} entries, got {columns}."
                )


def _check_shape(model: Model, rule: str, values: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(values, Tensor) or tuple(values.shape) != shape:
        got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise InputError(f"model={model.name}: {rule} of shape {shape} for 1 network and {shape[1]} examples, got {got}.")


def _check_activations(model: Model, activations: Any, sizes: Mapping[str, int], sources: Mapping[str, tuple[str, ...]]) -> None:
    needed = list(dict.fromkeys([*sizes, *(source for fed in sources.values() for source in fed)]))
    lacking = [key for key in needed if key not in activations]
    if lacking:
        raise InputError(
            f"model={model.name}: `activations` must have every group and every source ({', '.join(needed)}); it lacks "
            f"{', '.join(lacking)}, and has {', '.join(map(str, activations))}."
        )
    for group, size in sizes.items():
        _check_shape(model, f"`activations` must have, for {group!r}, a tensor", activations[group], (1, FEW, size))
