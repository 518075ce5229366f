"""`compare`: two networks of a user's own, matched and measured without a sweep."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lmc_sweeps import matching
from lmc_sweeps.common import checks
from lmc_sweeps.common.devices import resolve_device
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations
from lmc_sweeps.measuring.pairs import compare_pair, method_key, with_identity
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.feed_forward import Layer
from lmc_sweeps.models.sequential import from_sequential
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks.data import own_split
from lmc_sweeps.own_networks.modules import OwnNetwork, check_same, own_network, visible
from lmc_sweeps.own_networks.proof import check_code, check_forwards, check_specification, probes, taken_inputs
from lmc_sweeps.own_networks.specification import check_methods, own_spec
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
    bring a `permutation_spec`, which is tried by random relabelings first. Both networks must compute the same function of their weights;
    they are measured in evaluation mode, in float32 (in float64 if one of them is), and are not changed, nor are their mode and device.

    Parameters
    ----------
    network_a, network_b : torch.nn.Module
        Of one architecture. A stays as it is, B is permuted. They return logits, or logarithms of probabilities, (examples, classes).
    train, test : (inputs, labels) or map-style dataset
        Tensors of shape (n, ...) and (n,), or a dataset of (input, label) items; labels are integers or booleans, and inputs that are
        integers stay such where the networks take them. Statistics come from `train`; lines are walked on both.
    matching : sequence of str
        Methods, beside ``identity``, which is always there.
    points : int
        Values of t, odd, at least 3.
    permutation_spec : PermutationSpec or mapping, optional
        For every parameter, one entry per axis, that of its outputs first: the group that permutes it, or None. In any order.
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
    target = resolve_device(str(device))
    a, b = own_network("network A", network_a), own_network("network B", network_b)
    splits = {name: own_split(name, data) for name, data in (("train", train), ("test", test))}
    kind = torch.float64 if "float64" in (*a.types, *b.types) else torch.float32
    notes = _precision_notes(a, b, kind)
    a, b = a.to(kind, target), b.to(kind, target)
    architecture = _architecture(a, b, permutation_spec)
    with exact_products(target):
        train_split, test_split = _checked(architecture, a, b, splits, methods, batch_size)
        result = compare_pair(architecture, a.parameters, b.parameters, train_split, test_split, methods, points, seed, batch_size)
    return _comparison(replace(result, notes=[*notes, *result.notes]), methods, architecture, b, network_b)


def _precision_notes(a: OwnNetwork, b: OwnNetwork, kind: torch.dtype) -> list[str]:
    """Return what is to be said where a network is not measured in its own type."""
    measured = str(kind).removeprefix("torch.")
    if {*a.types, *b.types} == {measured}:
        return []
    held = " and ".join(f"{network.name} is in {', '.join(network.types)}" for network in (a, b))
    return [f"precision: {held}; weights, statistics and all products were taken in {measured}."]


def _checked(
    architecture: Architecture, a: OwnNetwork, b: OwnNetwork, splits: Mapping[str, Split], methods: Sequence[Matching], batch_size: int
) -> tuple[Split, Split]:
    """Return both splits as the networks take them, after the proof that what is measured is what the networks and the methods say."""
    own = isinstance(architecture, TorchModule)
    kind, device = next((tensor.dtype, tensor.device) for tensor in a.parameters.values())
    found = {}
    for name, split in splits.items():
        split = split.to(device)
        is_given = own or split.inputs.dim() == 1 or isinstance(next(iter(a.module)), nn.Flatten)  # type: ignore[call-overload]
        inputs = taken_inputs(a, name, split.inputs if is_given else split.inputs.flatten(1), kind, not own)
        classes = a.outputs(name, inputs[:2]).shape[1]
        low, high = int(split.labels.min()), int(split.labels.max())
        if low < 0 or high >= classes:
            raise checks.InputError(f"`{name}` must have labels in 0, ..., {classes - 1}, got labels from {low} to {high}.")
        found[name] = Split(inputs, split.labels)
    few = probes(found["train"])
    check_code(a, b, few)
    if isinstance(architecture, TorchModule):
        check_specification(b, architecture.spec, few)
        check_methods(architecture, b, architecture.uses(b.parameters, few), methods)
    check_forwards(architecture, a, b, found, batch_size)
    train, test = (found[name] if own else Split(found[name].inputs.flatten(1), found[name].labels) for name in ("train", "test"))
    return train, test


@contextmanager
def exact_products(device: torch.device) -> Iterator[None]:
    """Let no product of a CUDA device round its factors to TensorFloat-32 for a while: they are switches of the whole process."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def _comparison(
    result: PairResult, methods: Sequence[Matching], architecture: Architecture, b: OwnNetwork, network_b: nn.Module
) -> Comparison:
    """Return what was measured as frames, with the permuted state dicts of B; nothing in them is shared with the caller's network."""
    tables = result.tables()
    curves = pd.DataFrame(tables["curves"], columns=schema.names(schema.CURVES_TAIL)).explode(["t", "loss", "error"], ignore_index=True)
    permutations = {method.name: {g: np.array(p) for g, p in result.permutations[method_key(method)].items()} for method in methods}
    aligned = {}
    for name, found in permutations.items():
        state = {key: tensor.clone() if isinstance(tensor, Tensor) else tensor for key, tensor in network_b.state_dict().items()}
        permuted = apply_permutations(b.parameters, architecture.spec, found)
        for key in (*b.parameters, *b.aliases):
            given = b.prefix + key
            state[given] = permuted[b.aliases.get(key, key)].to(state[given], copy=True)
        aligned[name] = state
    return Comparison(
        runs=pd.DataFrame(tables["runs"], columns=schema.names(schema.RUNS_TAIL)),
        curves=curves.astype({"t": float, "loss": float, "error": float}),
        layers=pd.DataFrame(tables["layers"], columns=schema.names(schema.LAYERS_TAIL)),
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
    if not isinstance(names, str | Sequence) or not all(isinstance(name, str) for name in names):
        raise checks.InputError(f"`matching` must be a sequence of names of methods, got {names!r}.")
    if not isinstance(settings, Mapping) or not all(isinstance(given, Mapping) for given in settings.values()):
        raise checks.InputError(f"`settings` must be a mapping of methods to mappings of their settings, got {settings!r}.")
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


def _architecture(a: OwnNetwork, b: OwnNetwork, spec: Any) -> Architecture:
    """Return the mathematics of both networks, A's code; their tensors are those of its specification."""
    if spec is not None:
        check_same(a, b)
        return TorchModule(a.module, own_spec(spec, a))
    ours, theirs = (from_sequential(_sequential(network.module)) for network in (a, b))
    for x, y in zip(ours.layers, theirs.layers, strict=False):
        if _function(x) != _function(y):
            raise checks.InputError(f"network A and network B differ: {x} against {y}.")
    check_same(a, b)
    ours.spec.sizes(a.parameters)
    return ours


def _sequential(module: nn.Module) -> nn.Sequential:
    if not isinstance(module, nn.Sequential):
        kind = type(module).__name__
        raise checks.InputError(f"a {kind} is not an nn.Sequential of linear layers: pass `permutation_spec` with one entry per axis.")
    return module


def _function(layer: Layer) -> list[Any]:
    """Return what a layer is known by as a function: its name, its bias, and its activations without what evaluation mode leaves out."""
    kept = [module for module in layer.after if not isinstance(module, nn.Dropout | nn.Identity)]
    return [layer.name, layer.has_bias, *map(visible, kept)]
