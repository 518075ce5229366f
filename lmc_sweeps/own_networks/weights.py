"""From the tensors of a file to the weight matrices of a network: which bias belongs to which, and what is not a layer of a chain."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.pickled import shown
from lmc_sweeps.own_networks.file_kinds import listed
from lmc_sweeps.own_networks.files import NetworkFile

WEIGHTS, KERNELS, UNTOLD = ("weight", "weights"), ("kernel", "kernels"), ("w",)
BIASES = ("bias", "biases", "b")
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")  # what PyTorch's wrappers put into names
TOKENS = re.compile(r"([./:_-]|[0-9]+)")
MOST_LAYERS = 1000
# Weights that are computed from what the file holds, and layers that are not part of a chain.
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


def weights_of(file: NetworkFile, requested: Sequence[str] | None = None) -> tuple[list[Weights], tuple[str, ...]]:
    """Return the weight matrices of a file with their biases, those in `requested` in its order, and a note on what is left aside."""
    names = _short(file.tensors)
    matrices: dict[str, str] = {}
    for name, short in names.items():
        if _is_matrix(file, name, short):
            key = _kind(short)[0]
            if key in matrices:
                raise InputError(f"{str(file.path)!r} holds two weight matrices of one layer: {listed((matrices[key], name))}.")
            matrices[key] = name
    remaining = [name for name in names if name not in matrices.values()]
    biases = {_kind(names[name])[0]: name for name in remaining if _is_vector(file, name) and _kind(names[name])[1] in BIASES}
    matrices_with_biases = [
        Weights(_layer(names[name]), name, file.tensors[name], biases.get(key), file.tensors[biases[key]] if key in biases else None)
        for key, name in matrices.items()
    ]
    chosen = matrices_with_biases if requested is None else [_requested(file, layer, matrices_with_biases) for layer in requested]
    if len(chosen) < 2:
        raise InputError(
            f"{str(file.path)!r} holds {len(chosen)} weight matrices ({listed(file.tensors) or 'and nothing else'}); "
            "a network with a hidden layer has at least 2."
        )
    if len(chosen) > MOST_LAYERS:
        raise InputError(f"{str(file.path)!r} holds {len(chosen):,} weight matrices; at most {MOST_LAYERS:,} are taken.")
    taken = {part.name for part in chosen} | {part.bias_name for part in chosen}
    left = [name for name in names if name not in taken]
    _check_left(file, left, names, requested is not None)
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
    """Return whether a tensor is a weight matrix; `InputError` if it changes the function and is not a matrix."""
    tensor, path, named = file.tensors[name], str(file.path), shown(name, 100)
    if COMPUTED.search(name):
        raise InputError(
            f"{path!r} holds parts from which weights are computed ({named}): make them plain weights before saving, with "
            "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight'), remove_weight_norm, remove_spectral_norm or prune.remove."
        )
    if RECURRENT.search(name):
        raise InputError(f"{path!r} holds a recurrent layer ({named}), and models here are chains of linear layers.")
    is_weight = _kind(short)[1] in (*WEIGHTS, *KERNELS, *UNTOLD) or tensor.dim() == 2
    if tensor.is_complex() or (is_weight and tensor.dim() >= 2 and not tensor.is_floating_point() and _kind(short)[1]):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise InputError(f"{path!r} has weights of type {kind} ({named}); save them as plain real numbers (quantised ones: dequantised).")
    if tensor.dim() > 2 and tensor.is_floating_point():
        shape = tuple(tensor.shape)
        raise InputError(
            f"{path!r} holds {named} of shape {shape}; models here are chains of linear layers, without convolutions; {PYTHON}."
        )
    return tensor.dim() == 2 and tensor.is_floating_point()


def _requested(file: NetworkFile, layer: str, every: Sequence[Weights]) -> Weights:
    matches = [part for part in every if layer in (part.layer, part.name, _layer(part.name))]
    if len(matches) != 1:
        raise InputError(f"`--layers` must name layers of {str(file.path)!r}, {listed(part.layer for part in every)}; got {layer!r}.")
    return matches[0]


def _check_left(file: NetworkFile, left: Sequence[str], names: Mapping[str, str], is_requested: bool) -> None:
    """Raise `InputError` if what is left aside changes the function: normalisations, and vectors that the user has not left aside."""
    vectors = [name for name in left if _is_vector(file, name)]
    stems = [_kind(names[name])[0] for name in vectors]
    for name, stem in zip(vectors, stems, strict=True):
        if name.rpartition(".")[2] in STATISTICS or stems.count(stem) > 1:
            raise InputError(
                f"{str(file.path)!r} holds a normalisation ({shown(name, 100)}); "
                f"models here are chains of linear layers without any; {PYTHON}."
            )
    if vectors and not is_requested:
        raise InputError(
            f"{str(file.path)!r} holds {shown(vectors[0], 100)} of shape {tuple(file.tensors[vectors[0]].shape)}, which is the bias of no "
            f"weight matrix; models here are weight matrices and their biases. If it is not part of the network, name its layers: "
            "--layers NAME,NAME,..."
        )
