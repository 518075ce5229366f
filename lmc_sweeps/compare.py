"""`compare`: two networks of a user's own, matched and measured without a sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lmc_sweeps import checks, matching
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.interpolation import line_points
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.feed_forward import from_sequential
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.pairs import PairResult, compare_pair, method_key, with_identity
from lmc_sweeps.permutations import PermutationSpec, apply_permutations
from lmc_sweeps.settings import resolve_device
from multirun_analysis import schema


@dataclass(frozen=True)
class Comparison:
    """What `compare` found: tables as pandas frames, permutations, and the permuted state dicts of B."""

    runs: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    permutations: dict[str, dict[str, np.ndarray]]
    aligned: dict[str, dict[str, Tensor]]
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the measures: one row per method and split, the columns of ``runs.csv`` from `matching` on."""
        return self.runs.copy()


def compare(
    network_a: nn.Module,
    network_b: nn.Module,
    *,
    train: Any,
    test: Any,
    matching: Sequence[str] = ("weights", "covariance", "activations"),
    points: int = 25,
    permutation_spec: PermutationSpec | Mapping[str, tuple[str | None, ...]] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    transport: str = "emd",
    seed: int = 0,
    device: str = "auto",
    batch_size: int = 2000,
) -> Comparison:
    """Match two networks of your own by optimal transport and measure the barriers between them.

    Any `nn.Sequential` of linear layers and elementwise activations works without a word more; its inputs are flattened. Other modules
    bring a `permutation_spec`. The networks are not changed, nor are their mode and device.

    Parameters
    ----------
    network_a, network_b : torch.nn.Module
        Of one architecture. A stays as it is, B is permuted.
    train, test : (inputs, labels) or map-style dataset
        Tensors of shape (n, ...) and (n,), or a dataset of (input, label) items. Statistics come from `train`; lines are walked on both.
    matching : sequence of str
        Methods, beside ``identity``, which is always there.
    points : int
        Values of t, odd, at least 3.
    permutation_spec : PermutationSpec or mapping, optional
        For every parameter, one entry per axis: the group that permutes it, or None.
    settings : mapping of str to mapping, optional
        Settings by method, e.g. ``{"weights": {"biases": True}}``.
    transport : str
        Solver for the methods whose settings do not name one: ``emd`` or ``assignment``.
    seed : int
        For methods that draw random numbers.
    device : str
        ``auto`` is CUDA where there is one.
    batch_size : int
        Examples evaluated at once.

    Returns
    -------
    Comparison
        `.to_frame()`, `.curves`, `.layers`: frames; `.permutations[method][group]`: ``aligned = weight_b[permutation]``;
        `.aligned[method]`: the permuted state dict of B.

    Raises
    ------
    InputError
        A `ValueError` that names what does not fit, before anything is computed.
    """
    checks.integer("batch_size", batch_size)
    checks.integer("seed", seed, least=0, below=2**64)
    line_points(points)
    methods = with_identity(build_methods(matching, settings or {}, transport))
    architecture = _architecture(network_a, network_b, permutation_spec)
    target = resolve_device(device)
    a, b = (_floats(network, target) for network in (network_a, network_b))
    _check_same(a, b)
    architecture.spec.sizes(a)
    kind = next(iter(a.values())).dtype
    flat = not isinstance(architecture, TorchModule)
    train_split, test_split = (_split(name, data, flat, kind).to(target) for name, data in (("train", train), ("test", test)))
    for name, split in (("train", train_split), ("test", test_split)):
        _check_fits(name, split, architecture, a)
    result = compare_pair(architecture, a, b, train_split, test_split, methods, points, seed, batch_size)
    return _comparison(result, methods, architecture, b, network_b)


def _comparison(
    result: PairResult, methods: Sequence[Matching], architecture: Architecture, b: Mapping[str, Tensor], network_b: nn.Module
) -> Comparison:
    """Return what was measured as frames, with the permuted state dicts of B; nothing in them is shared with the caller's network."""
    curves = pd.DataFrame(result.curves, columns=schema.names(schema.CURVES_TAIL)).explode(["t", "loss", "error"], ignore_index=True)
    permutations = {method.name: {g: np.array(p) for g, p in result.permutations[method_key(method)].items()} for method in methods}
    aligned = {}
    for name, found in permutations.items():
        state = {key: tensor.clone() for key, tensor in network_b.state_dict().items()}
        permuted = apply_permutations(b, architecture.spec, found)
        aligned[name] = state | {key: tensor.to(state[key], copy=True) for key, tensor in permuted.items()}
    return Comparison(
        runs=pd.DataFrame(result.runs, columns=schema.names(schema.RUNS_TAIL)),
        curves=curves.astype({"t": float, "loss": float, "error": float}),
        layers=pd.DataFrame(result.layers, columns=schema.names(schema.LAYERS_TAIL)),
        permutations=permutations,
        aligned=aligned,
        notes=tuple(result.notes),
    )


def build_methods(names: Sequence[str], settings: Mapping[str, Mapping[str, Any]], transport: str = "emd") -> tuple[Matching, ...]:
    """Return matching methods by name, with their settings.

    Raises
    ------
    InputError
        If a name or a setting is unknown (choices listed), or none is named.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names:
        raise checks.InputError("`matching` must name at least one method, got none.")
    known = matching.choices()
    checks.known_keys("settings", settings, names)
    methods = []
    for name in dict.fromkeys(names):
        cls = known[checks.one_of("matching", name, known)]
        keys = [field.name for field in fields(cls)]
        given = dict(settings.get(name, {}))
        checks.known_keys(f"matching.{name}", given, keys)
        if "transport" in keys:
            given.setdefault("transport", transport)
        methods.append(cls(**given))
    return tuple(methods)


def _architecture(
    network_a: nn.Module, network_b: nn.Module, spec: PermutationSpec | Mapping[str, tuple[str | None, ...]] | None
) -> Architecture:
    if spec is not None:
        return TorchModule(network_a, spec if isinstance(spec, PermutationSpec) else PermutationSpec(dict(spec)))
    if not isinstance(network_a, nn.Sequential) or not isinstance(network_b, nn.Sequential):
        kind = type(network_a if not isinstance(network_a, nn.Sequential) else network_b).__name__
        raise checks.InputError(f"a {kind} is not an nn.Sequential of linear layers: pass `permutation_spec` with one entry per axis.")
    for network in (network_a, network_b):
        if type(network).forward is not nn.Sequential.forward:
            raise checks.InputError(
                f"a {type(network).__name__} has a forward of its own: pass `permutation_spec` with one entry per axis."
            )
    ours, theirs = from_sequential(network_a), from_sequential(network_b)
    for x, y in zip(ours.layers, theirs.layers, strict=False):
        if repr(x) != repr(y):
            raise checks.InputError(f"network A and network B differ: {x} against {y}.")
    return ours


def _floats(network: nn.Module, device: torch.device) -> dict[str, Tensor]:
    state = {name: tensor.detach().clone().to(device) for name, tensor in network.state_dict().items() if tensor.is_floating_point()}
    bad = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    if bad:
        raise checks.InputError(f"networks must have finite weights, and {bad[0]!r} has others.")
    return state


def _check_same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> None:
    for name in dict.fromkeys([*a, *b]):
        shapes = [tuple(net[name].shape) if name in net else "missing" for net in (a, b)]
        if shapes[0] != shapes[1]:
            raise checks.InputError(f"network A and network B differ in {name!r}: {shapes[0]} against {shapes[1]}.")


def _split(name: str, data: Any, flat: bool, kind: torch.dtype) -> Split:
    """Return a caller's data as a split: a pair of tensors, or a map-style dataset read item by item."""
    if isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(part, Tensor | np.ndarray) for part in data):
        inputs, labels = (torch.as_tensor(part) for part in data)
    elif hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, tuple | list | Tensor):
        items = [data[k] for k in range(len(data))]
        inputs = torch.stack([torch.as_tensor(item[0]) for item in items]) if items else torch.empty(0)
        labels = torch.as_tensor([int(item[1]) for item in items])
    else:
        raise checks.InputError(f"`{name}` must be a pair (inputs, labels) of tensors or a map-style dataset, got {type(data).__name__}.")
    if len(inputs) == 0 or labels.shape != (len(inputs),):
        raise checks.InputError(f"`{name}` needs one label per input, got inputs {tuple(inputs.shape)} and labels {tuple(labels.shape)}.")
    inputs = inputs.to(kind)
    return Split(inputs.flatten(1) if flat else inputs, labels.long())


def _check_fits(name: str, split: Split, architecture: Architecture, parameters: Mapping[str, Tensor]) -> None:
    """Raise `InputError` where the network does not take the inputs, or has no class for a label."""
    try:
        with torch.no_grad():
            logits = architecture.forward({key: tensor.unsqueeze(0) for key, tensor in parameters.items()}, split.inputs[:1])
    except RuntimeError as error:
        shape = tuple(split.inputs.shape[1:])
        raise checks.InputError(f"`{name}` has inputs of shape {shape}, which the network does not take: {error}") from error
    low, high, classes = int(split.labels.min()), int(split.labels.max()), logits.shape[-1]
    if low < 0 or high >= classes:
        raise checks.InputError(f"`{name}` must have labels in 0, ..., {classes - 1}, got labels from {low} to {high}.")
