"""`compare`: two networks of the user's, matched and measured without a sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lmc_sweeps.common import checks
from lmc_sweeps.common.devices import exact_products, resolve_device
from lmc_sweeps.matching.base import Matching, Permutations
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations
from lmc_sweeps.measuring.pairs import compare_pair, method_key, with_identity
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.own_networks.architecture import architecture_of
from lmc_sweeps.own_networks.data import own_split
from lmc_sweeps.own_networks.examples import measured_splits
from lmc_sweeps.own_networks.methods import build_methods
from lmc_sweeps.own_networks.modules import OwnNetwork, own_network
from lmc_sweeps.own_networks.repairs import build_repairs
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.symmetry.views import own_tensors
from multirun_analysis import schema


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`: tables as pandas frames, permutations, and the permuted state dicts of B."""

    runs: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    permutations: dict[str, dict[str, np.ndarray]]
    aligned: dict[str, dict[str, Tensor]]
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the measures: one row per repair, method and split, the columns of ``runs.csv`` from `matching` on, and `repair`."""
        return self.runs.copy()


def compare(
    network_a: nn.Module,
    network_b: nn.Module,
    *,
    train: Any,
    test: Any,
    matching: Sequence[str] = ("weights", "covariance", "activations"),
    repair: Sequence[str] = ("none",),
    points: int = 25,
    permutation_spec: PermutationSpec | Mapping[str, tuple[str | None, ...]] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    transport: str = "emd",
    seed: int = 0,
    device: str = "auto",
    batch_size: int = 2000,
) -> Comparison:
    """Match two networks of your own by optimal transport and measure the barriers between them.

    Any `nn.Sequential` of linear layers and elementwise activations works as it is; its inputs are flattened. Of other modules that
    `torch.export` takes the symmetries are derived (`trace`); a `permutation_spec` may say them instead. Either is tested by random
    relabelings first. Where groups feed one another, as in residual networks, only methods that need no order can match them:
    ``activations``. Both networks must compute the same function of their weights; they are measured in evaluation mode, in float32 (in
    float64 if one of them is), and are not changed, nor are their mode and device.

    Parameters
    ----------
    network_a, network_b : torch.nn.Module
        Two networks of one architecture that return logits, or logarithms of probabilities, of shape (examples, classes). A stays as
        it is, B is permuted.
    train, test : (inputs, labels) or map-style dataset
        Tensors of shape (n, ...) and (n,), or a dataset of (input, label) items. Labels are integers or booleans; integer inputs stay
        integers where the networks take them. Statistics come from `train`; the networks are evaluated along the path on both.
    matching : sequence of str
        Matching methods; ``identity`` is always measured too.
    repair : sequence of str
        What is repaired in the networks along the path, the ends too, from training data: ``reset`` computes the running statistics of
        batch norms again; ``none``, the networks as they are, is always measured too.
    points : int
        Number of values of t along the path: odd, at least 3.
    permutation_spec : PermutationSpec or mapping, optional
        For every parameter, in any order, one entry per axis, its outputs' axis first: the group that permutes the axis, or None.
    settings : mapping of str to mapping, optional
        Settings by method, e.g. ``{"weights": {"biases": True}}``.
    transport : str
        Solver for the methods whose settings do not name one: ``emd`` or ``assignment``.
    seed : int
        For methods that draw random numbers.
    device : str
        ``auto`` is CUDA where there is one.
    batch_size : int
        Number of examples evaluated at once.

    Returns
    -------
    Comparison
        `.to_frame()`, `.curves`, `.layers`: frames; `.permutations[method][group]`: ``aligned = weight_b[permutation]``;
        `.aligned[method]`: the permuted state dict of B.

    Raises
    ------
    InputError
        A `ValueError` whose message names what does not fit, before anything is measured.
    """
    checks.integer("batch_size", batch_size)
    checks.integer("seed", seed, least=0, below=2**64)
    line_points(points)
    methods = with_identity(build_methods(matching, settings or {}, transport))
    repairs = build_repairs(repair)
    target = resolve_device(str(device))
    a, b, notes = _networks(network_a, network_b, target)
    splits = {name: own_split(name, data) for name, data in (("train", train), ("test", test))}
    measured = architecture_of(a, b, permutation_spec, splits["train"].inputs)
    architecture, a, b = measured.architecture, measured.a, measured.b
    with exact_products(target):
        train_split, test_split = measured_splits(architecture, a, b, splits, methods, batch_size)
        result = compare_pair(architecture, a.parameters, b.parameters, train_split, test_split, methods, points, seed, batch_size, repairs)
    return _comparison(replace(result, notes=[*notes, *measured.notes, *result.notes]), methods, architecture.spec, b, network_b)


def _networks(network_a: nn.Module, network_b: nn.Module, device: torch.device) -> tuple[OwnNetwork, OwnNetwork, list[str]]:
    """Return copies of both networks in the type in which they are measured, on a device, and a note if that is not their own type."""
    a, b = own_network("network A", network_a), own_network("network B", network_b)
    types = {*a.types, *b.types}
    dtype = torch.float64 if "float64" in types else torch.float32
    measured = str(dtype).removeprefix("torch.")
    held = " and ".join(f"{network.name} is in {', '.join(network.types)}" for network in (a, b))
    note = f"precision: {held}; weights, statistics and all products were computed in {measured}."
    return a.to(dtype, device), b.to(dtype, device), [] if types == {measured} else [note]


def _comparison(result: PairResult, methods: Sequence[Matching], spec: PermutationSpec, b: OwnNetwork, network_b: nn.Module) -> Comparison:
    """Return the measures as frames, with the permuted state dicts of B; nothing in them is shared with the caller's network."""
    tables = _with_repair(NoRepair.name, result.tables())
    for name, rows in result.repaired.items():
        repaired = _with_repair(name, replace(result, runs=rows.runs, curves=rows.curves).tables())
        tables |= {table: tables[table] + repaired[table] for table in ("runs", "curves")}
    columns = {"runs": _columns(schema.RUNS_TAIL), "curves": _columns(schema.CURVES_TAIL)}
    curves = pd.DataFrame(tables["curves"], columns=columns["curves"]).explode(["t", "loss", "error"], ignore_index=True)
    permutations = {
        method.name: {group: np.array(order) for group, order in result.permutations[method_key(method)].items()} for method in methods
    }
    return Comparison(
        runs=pd.DataFrame(tables["runs"], columns=columns["runs"]),
        curves=curves.astype({"t": float, "loss": float, "error": float}),
        layers=pd.DataFrame(tables["layers"], columns=schema.names(schema.LAYERS_TAIL)),
        permutations=permutations,
        aligned={name: _aligned(network_b, b, spec, by_group) for name, by_group in permutations.items()},
        notes=tuple(result.notes),
    )


def _with_repair(name: str, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all tables with the name of a repair."""
    return {table: [{**row, "repair": name} for row in rows] for table, rows in tables.items()}


def _columns(tail: tuple[schema.Column, ...]) -> list[str]:
    """Return the columns of a table with that of the repair behind the method's."""
    matching, *others = schema.names(tail)
    return [matching, "repair", *others]


def _aligned(network_b: nn.Module, b: OwnNetwork, spec: PermutationSpec, permutations: Permutations) -> dict[str, Tensor]:
    """Return B's state dict with its neurons permuted, under the caller's names and in the caller's types."""
    state = {key: tensor.clone() if isinstance(tensor, Tensor) else tensor for key, tensor in network_b.state_dict().items()}
    permuted = own_tensors(apply_permutations(b.parameters, spec, permutations), b.views)
    for key in (*b.parameters, *b.aliases):
        name = b.prefix + key
        state[name] = permuted[b.aliases.get(key, key)].to(state[name], copy=True)
    return state
