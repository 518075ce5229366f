"""From the tensors of a file to the layers of a network: which bias belongs to which weights, and which layer comes after which.

A file holds names and shapes, not the network's forward. The order of its layers is taken from the shapes, where only one order leads from
the inputs to the classes, or from the numbers in the names; never from names alone, which would put `hidden` before `input`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.pickled import shown
from lmc_sweeps.own_networks.files import NetworkFile, listed
from lmc_sweeps.own_networks.orders import Ends, Shape, ends_of, fits, orders

WEIGHTS, KERNELS, UNTOLD = ("weight", "weights"), ("kernel", "kernels"), ("w",)
BIASES = ("bias", "biases", "b")
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")  # what PyTorch's wrappers put into names
TOKENS = re.compile(r"([./:_-]|[0-9]+)")
MOST_LAYERS = 1000
# Weights that are computed from what the file holds, and layers that are no step of a chain.
COMPUTED = re.compile(r"parametrizations\.|(^|[._])weight_(g|v|orig|mask|u)$")
RECURRENT = re.compile(r"(^|[._])weight_(ih|hh)")
STATISTICS = ("running_mean", "running_var")
PYTHON = "in Python, lmc_sweeps.compare takes modules of your own"


@dataclass(frozen=True)
class Weights:
    """The weight matrix of a layer under its name in the file, as it stands there, and its bias."""

    layer: str
    name: str
    tensor: Tensor
    bias_name: str | None = None
    bias: Tensor | None = None

    @property
    def kind(self) -> str:
        """The last word of the name that says what the tensor is, empty where none does."""
        return _kind(self.name)[1]


@dataclass(frozen=True)
class Chain:
    """The layers of a network from input to output, weights as (outputs, inputs) in float32, and what is to be said of them."""

    layers: tuple[Weights, ...]
    notes: tuple[str, ...]


def chain(file: NetworkFile, ends: Ends, where: str, own: Sequence[str] = (), asked: Sequence[str] | None = None) -> Chain:
    """Return the layers of a file in the order in which they are computed.

    Parameters
    ----------
    file : NetworkFile
    ends : (int, int)
        Inputs of the first layer and outputs of the last one.
    where : str
        What has these inputs and outputs, for messages.
    own : sequence of str
        The layers of the model in their order: a file with just these names needs no other hint.
    asked : sequence of str, optional
        The layers in their order, as the user says; others in the file are left aside.

    Raises
    ------
    InputError
        If tensors belong to no layer, no order fits, or several do.
    """
    found, notes = weights_of(file, asked)
    found, is_turned = _ordered(file, found, ends, where, own, asked)
    if is_turned:
        notes = (*notes, "weights are stored as (inputs, outputs), as Keras and JAX have them, and were transposed")
    kinds = {str(t.dtype).removeprefix("torch.") for part in found for t in (part.tensor, part.bias) if t is not None}
    if kinds != {"float32"}:
        notes = (*notes, f"its numbers are {' and '.join(sorted(kinds))}; they are measured in float32")
    return Chain(tuple(_plain(file, part, is_turned) for part in found), notes)


def weights_of(file: NetworkFile, asked: Sequence[str] | None = None) -> tuple[list[Weights], tuple[str, ...]]:
    """Return the weight matrices of a file with their biases, those in `asked` in its order, and what is left aside."""
    names = _short(file.tensors)
    matrices: dict[str, str] = {}
    for name, short in names.items():
        if _is_matrix(file, name, short):
            key = _kind(short)[0]
            if key in matrices:
                raise InputError(f"{str(file.path)!r} holds two weight matrices of one layer: {listed((matrices[key], name))}.")
            matrices[key] = name
    rest = [name for name in names if name not in matrices.values()]
    biases = {_kind(names[name])[0]: name for name in rest if _is_vector(file, name) and _kind(names[name])[1] in BIASES}
    every = [
        Weights(_layer(names[name]), name, file.tensors[name], biases.get(key), file.tensors[biases[key]] if key in biases else None)
        for key, name in matrices.items()
    ]
    chosen = every if asked is None else [_asked(file, layer, every) for layer in asked]
    if len(chosen) < 2:
        raise InputError(
            f"{str(file.path)!r} holds {len(chosen)} weight matrices ({listed(file.tensors) or 'and nothing else'}); "
            "a network with a hidden layer has at least 2."
        )
    if len(chosen) > MOST_LAYERS:
        raise InputError(f"{str(file.path)!r} holds {len(chosen):,} weight matrices; at most {MOST_LAYERS:,} are taken.")
    taken = {part.name for part in chosen} | {part.bias_name for part in chosen}
    left = [name for name in names if name not in taken]
    _check_left(file, left, names, asked is not None)
    return chosen, ((f"left aside, for they are neither weights nor biases of its layers: {listed(left)}",) if left else ())


def _short(names: Mapping[str, Tensor]) -> dict[str, str]:
    """Return for every name one without the words of wrappers and without what all weights' names begin with."""
    short = {name: ".".join(word for word in name.split(".") if word not in WRAPPERS) or name for name in names}
    if len(set(short.values())) < len(short):
        return {name: name for name in names}
    weights = [short[name].split(".")[:-1] for name, tensor in names.items() if tensor.dim() == 2]
    common = 0
    while weights and all(len(words) > common + 1 and words[common] == weights[0][common] for words in weights):
        common += 1
    prefix = "".join(f"{word}." for word in weights[0][:common]) if weights else ""
    cut = {name: word.removeprefix(prefix) for name, word in short.items()}
    return cut if len(set(cut.values())) == len(cut) else short


def _kind(name: str) -> tuple[str, str]:
    """Return a name with its last word for weights or a bias taken out, which both tensors of a layer share, and that word."""
    words = TOKENS.split(name)
    places = [k for k, word in enumerate(words) if word.lower() in (*WEIGHTS, *KERNELS, *UNTOLD, *BIASES)]
    if not places:
        return name, ""
    kind, words[places[-1]] = words[places[-1]].lower(), "*"
    return "".join(words), kind


def _layer(name: str) -> str:
    """Return what a layer is called: the name of its weights without a last part that only says that they are weights."""
    stem, _, leaf = re.sub(r":0$", "", name).replace("/", ".").rpartition(".")
    return stem if stem and leaf.lower() in (*WEIGHTS, *KERNELS, *UNTOLD) else name


def _is_vector(file: NetworkFile, name: str) -> bool:
    return file.tensors[name].dim() == 1 and file.tensors[name].is_floating_point()


def _is_matrix(file: NetworkFile, name: str, short: str) -> bool:
    """Return whether a tensor is a weight matrix; `InputError` if it is something that changes the function and is no matrix."""
    tensor, path, said = file.tensors[name], str(file.path), shown(name, 100)
    if COMPUTED.search(name):
        raise InputError(
            f"{path!r} holds parts from which weights are computed ({said}): make them plain weights before saving, with "
            "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight'), remove_weight_norm, remove_spectral_norm or prune.remove."
        )
    if RECURRENT.search(name):
        raise InputError(f"{path!r} holds a recurrent layer ({said}), and models here are chains of linear layers.")
    is_weight = _kind(short)[1] in (*WEIGHTS, *KERNELS, *UNTOLD) or tensor.dim() == 2
    if tensor.is_complex() or (is_weight and tensor.dim() >= 2 and not tensor.is_floating_point() and _kind(short)[1]):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise InputError(f"{path!r} has weights of type {kind} ({said}); save them as plain real numbers (quantised ones: dequantised).")
    if tensor.dim() > 2 and tensor.is_floating_point():
        shape = tuple(tensor.shape)
        raise InputError(
            f"{path!r} holds {said} of shape {shape}; models here are chains of linear layers, without convolutions; {PYTHON}."
        )
    return tensor.dim() == 2 and tensor.is_floating_point()


def _asked(file: NetworkFile, layer: str, every: Sequence[Weights]) -> Weights:
    found = [part for part in every if layer in (part.layer, part.name, _layer(part.name))]
    if len(found) != 1:
        raise InputError(f"`--layers` must name layers of {str(file.path)!r}, {listed(part.layer for part in every)}; got {layer!r}.")
    return found[0]


def _check_left(file: NetworkFile, left: Sequence[str], names: Mapping[str, str], is_asked: bool) -> None:
    """Raise `InputError` if what is left aside changes the function: normalisations, and vectors that nobody left aside by word."""
    vectors = [name for name in left if _is_vector(file, name)]
    stems = [_kind(names[name])[0] for name in vectors]
    for name, stem in zip(vectors, stems, strict=True):
        if name.rpartition(".")[2] in STATISTICS or stems.count(stem) > 1:
            raise InputError(
                f"{str(file.path)!r} holds a normalisation ({shown(name, 100)}); "
                f"models here are chains of linear layers without any; {PYTHON}."
            )
    if vectors and not is_asked:
        raise InputError(
            f"{str(file.path)!r} holds {shown(vectors[0], 100)} of shape {tuple(file.tensors[vectors[0]].shape)}, which is the bias of no "
            f"weight matrix; models here are weight matrices and their biases. If it is no part of the network, name its layers: "
            "--layers NAME,NAME,..."
        )


def _ordered(
    file: NetworkFile, found: list[Weights], ends: Ends, where: str, own: Sequence[str], asked: Sequence[str] | None
) -> tuple[list[Weights], bool]:
    """Return the layers in their order, and whether their weights stand as (inputs, outputs)."""
    turns = [turned for turned in (False, True) if all(_fits_bias(part, turned) for part in found)]
    if not turns:
        part = next(part for part in found if not _fits_bias(part, False))
        shapes = f"{tuple(part.tensor.shape)} and {len(part.bias) if part.bias is not None else 0} numbers"
        raise InputError(f"{str(file.path)!r}: the weights {shown(part.name, 100)} and their bias do not fit together: {shapes}.")
    kinds = {part.kind in KERNELS for part in found if part.kind in (*WEIGHTS, *KERNELS)}
    native = kinds.pop() if len(kinds) == 1 else None  # in which way names say that weights stand
    results = {turned: _resolved(found, turned, ends, own, asked, turned is native) for turned in turns}
    possible = [turned for turned in results if results[turned] is not None]
    if native in possible:
        possible = [bool(native)]
    if not possible:
        raise InputError(f"{str(file.path)!r} {_misfit(found, bool(native), ends, where, asked)}")
    order = results[possible[0]]
    if len(possible) > 1:
        raise InputError(
            f"{str(file.path)!r}: neither shapes nor names say whether its weights stand as (outputs, inputs) or as (inputs, outputs). "
            "Save them as PyTorch has them, (outputs, inputs), under names that end in .weight."
        )
    if not order:
        raise InputError(_unordered(file, found, possible[0]))
    return [found[k] for k in order], possible[0]


def _resolved(
    found: Sequence[Weights], turned: bool, ends: Ends, own: Sequence[str], asked: Sequence[str] | None, is_native: bool
) -> list[int] | None:
    """Return the one order of the layers, an empty list where there are several, None where there is none."""
    shapes = [_shape(part, turned) for part in found]
    names = [part.layer for part in found]
    if asked is not None or sorted(names) == sorted(own):
        order = list(range(len(found))) if asked is not None else [names.index(name) for name in own]
        return order if fits([shapes[k] for k in order], ends) else None
    free, numbered = orders(shapes, ends), orders(shapes, ends, names)
    if len(free) == 1 and (is_native or numbered):
        return free[0]
    if len(numbered) == 1:
        return numbered[0]
    return [] if free and (is_native or numbered) else None


def _shape(part: Weights, turned: bool) -> Shape:
    """Return inputs and outputs of a layer."""
    rows, columns = part.tensor.shape
    return (rows, columns) if turned else (columns, rows)


def _fits_bias(part: Weights, turned: bool) -> bool:
    return part.bias is None or len(part.bias) == _shape(part, turned)[1]


def _misfit(found: Sequence[Weights], turned: bool, ends: Ends, where: str, asked: Sequence[str] | None) -> str:
    """Return why there is no order: other ends than the dataset's, or no chain at all."""
    shapes = [_shape(part, turned) for part in found]
    other = (shapes[0][0], shapes[-1][1]) if asked is not None else ends_of(shapes)
    if other is not None and other != ends and (asked is None or fits(shapes, other)):
        return f"has {other[0]} inputs and {other[1]} classes; {where} has {ends[0]} and {ends[1]}."
    layers = listed(f"{part.layer} ({shape[0]} to {shape[1]})" for part, shape in zip(found, shapes, strict=True))
    said = "the order of `--layers`," if asked is not None else "no order of its layers,"
    hint = "" if asked is not None else " If only some of them are the network, name these: --layers NAME,NAME,..."
    return f"is no chain of linear layers: {said} {layers}, leads from the {ends[0]} inputs to the {ends[1]} classes of {where}.{hint}"


def _unordered(file: NetworkFile, found: Sequence[Weights], turned: bool) -> str:
    layers = listed(f"{part.layer} ({' to '.join(map(str, _shape(part, turned)))})" for part in found)
    told = "--layers NAME,NAME,..., from input to output"
    if file.has_order:  # that in which they were constructed, which need not be that of the forward
        told += f"; the file holds them in the order --layers {','.join(shown(part.layer, 100) for part in found[:40])}"
    return (
        f"{str(file.path)!r}: the order of its layers cannot be told, neither from their shapes nor from numbers in their names: {layers}. "
        f"Give it with {told}."
    )


def _plain(file: NetworkFile, part: Weights, turned: bool) -> Weights:
    """Return a layer with weights as (outputs, inputs), in float32."""
    weights = _float32(file, part.name, part.tensor.T if turned else part.tensor)
    bias = None if part.bias is None or part.bias_name is None else _float32(file, part.bias_name, part.bias)
    return Weights(part.layer, part.name, weights, part.bias_name, bias)


def _float32(file: NetworkFile, name: str, tensor: Tensor) -> Tensor:
    found = tensor.to(torch.float32).contiguous()
    if not bool(torch.isfinite(found).all()):
        about = "numbers beyond float32" if bool(torch.isfinite(tensor.double()).all()) else "NaN or infinite numbers"
        raise InputError(f"{str(file.path)!r} holds {about} in {shown(name, 100)}; a network to be measured has finite weights.")
    return found
