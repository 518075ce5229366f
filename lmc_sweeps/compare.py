"""`compare`: two networks of the user's, matched and measured without a sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lmc_sweeps.common import checks
from lmc_sweeps.common.devices import exact_products, resolve_device
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.measuring.lines import Pair
from lmc_sweeps.measuring.pairs import compare_pair, method_key, with_identity
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.models.criteria import Criterion, criterion_of
from lmc_sweeps.own_networks.architecture import architecture_of
from lmc_sweeps.own_networks.batch_sizes import batch_size_of, check_batch_size
from lmc_sweeps.own_networks.comparison import Comparison
from lmc_sweeps.own_networks.data import own_split
from lmc_sweeps.own_networks.examples import check_networks, taken_examples
from lmc_sweeps.own_networks.methods import build_methods
from lmc_sweeps.own_networks.modules import OwnNetwork, own_network
from lmc_sweeps.own_networks.repairs import build_repairs
from lmc_sweeps.own_networks.stages import Stages
from lmc_sweeps.symmetry.maps import permutations_of
from multirun_analysis import schema

STAGES = ("reading", "tracing", "proving", "matching", "evaluating")


def compare(
    network_a: nn.Module,
    network_b: nn.Module,
    *,
    train: Any,
    test: Any,
    criterion: str | Criterion = "cross_entropy",
    matching: Sequence[str] = ("weights", "covariance", "activations"),
    repair: Sequence[str] = ("none",),
    points: int = 25,
    permutation_spec: PermutationSpec | Mapping[str, tuple[str | None, ...]] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    transport: str | None = None,
    seed: int = 0,
    device: str = "auto",
    batch_size: int | str = "auto",
    train_examples: int | None = 10_000,
    max_examples: int | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Match two networks of your own by optimal transport and measure the barriers between them.

    Any `nn.Sequential` of linear layers and elementwise activations works as it is; its inputs are flattened. Of other modules that
    `torch.export` takes the symmetries are derived (`trace`); a `permutation_spec` may say them instead. Either is tested by random
    relabelings first. Both networks must compute the same function of their weights; they are measured in evaluation mode, in float32 (in
    float64 if one of them is), and are not changed, nor are their mode and device.

    Parameters
    ----------
    network_a, network_b : torch.nn.Module
        Two networks of one architecture that return one tensor, a row for each example, as the criterion takes it: logits, or logarithms
        of probabilities, of shape (examples, classes). A stays as it is, B is permuted.
    train, test : (inputs, labels), map-style dataset or torch.utils.data.DataLoader
        Tensors of shape (n, ...) and (n,), a dataset of (input, label) items, or a loader that gives batches (inputs, labels), and is
        iterated once, as it is. Integer inputs stay integers where the networks take them. Statistics come from `train`; the networks
        are evaluated along the path on both.
    criterion : str or Criterion
        ``cross_entropy``: outputs (n, classes) with integer labels (n,), or, for language models, outputs (n, positions, classes) with
        labels (n, positions); labels of -100 are not counted. ``binary_cross_entropy``: logits (n,), (n, 1) or (n, m) with labels 0 and 1
        of the same shape. ``squared_error``: a regression, outputs and floating-point labels of one shape; it has no error.
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
        Settings by method and by repair, e.g. ``{"weights": {"biases": True}, "reset": {"examples": 2000}}``.
    transport : str, optional
        Solver for the methods whose settings do not name one: ``emd`` or ``assignment``, both exact, or ``sinkhorn``, entropic; if not
        given, each method's default.
    seed : int
        For methods that draw random numbers.
    device : str
        ``auto`` is CUDA where there is one.
    batch_size : int or "auto"
        Number of examples evaluated at once; ``auto``: as many as fit a quarter of the free memory, at most 2000, and fewer where a CPU is
        faster with fewer. Numbers depend on it by rounding only.
    train_examples : int, optional
        The most training examples that the path is evaluated on, spread evenly over `train`, of which a note says how many; the
        statistics are those of all, and the test examples are always all evaluated. None: all.
    max_examples : int, optional
        The most examples that are read of `train`, and of `test`: spread evenly over tensors or a dataset, the first ones of a loader.
        Loaders without a length need it if they have more than a million examples, or no end.
    progress : bool, optional
        Whether a line on stderr shows the stage at hand; if not given, on a terminal and in a notebook when it takes more than some
        seconds.

    Returns
    -------
    Comparison
        `.to_frame()`, `.curves`, `.layers`: frames; `.maps[method][group]`, and of permutations `.permutations[method][group]`:
        ``aligned = weight_b[permutation]``; `.aligned[method]`: the mapped state dict of B; `.starts[method]`, of methods that fold norms:
        that of A where the line to it begins; `.seconds[stage]`;
        `.searches`: how each method ended, with the objective by iteration of those that iterate.

    Raises
    ------
    InputError
        A `ValueError` whose message names what does not fit, before anything is measured.
    """
    check_batch_size(batch_size)
    checks.integer("seed", seed, least=0, below=2**64)
    for key, most in (("train_examples", train_examples), ("max_examples", max_examples)):
        if most is not None:
            checks.integer(key, most)
    if progress is not None:
        checks.boolean("progress", progress)
    line_points(points)
    repairs = build_repairs(repair, settings if isinstance(settings, Mapping) else {})
    methods = with_identity(build_methods(matching, settings or {}, transport, others=[each.name for each in repairs]))
    measure, target = criterion_of(criterion), resolve_device(str(device))
    with Stages(STAGES, progress) as stages, exact_products(target):
        a, b, notes = _networks(network_a, network_b, target)
        splits = {}
        for name, data in (("train", train), ("test", test)):
            splits[name], read = own_split(name, data, measure, max_examples, seed)
            notes += read
        stages.enter("tracing")
        measured = architecture_of(a, b, permutation_spec, splits["train"].inputs)
        architecture, a, b = measured.architecture, measured.a, measured.b
        architecture.criterion = measure
        stages.enter("proving")
        examples = taken_examples(architecture, a, splits, train_examples)
        at_once = batch_size_of(batch_size, architecture, a, examples.train.inputs, methods, points)
        unseen = check_networks(architecture, a, b, examples, methods, at_once)
        notes += [*measured.notes, *unseen, *examples.notes(architecture)]
        examples = examples.taken(architecture)
        result = compare_pair(
            architecture,
            a.parameters,
            b.parameters,
            examples.train,
            examples.test,
            methods,
            points,
            seed,
            at_once,
            path_train=examples.path,
            enter=stages.enter,
            repairs=repairs,
        )
    result = replace(result, notes=[*notes, *result.notes])
    pair = Pair(architecture, a.parameters, b.parameters, at_once, examples.train.inputs)
    return _comparison(result, methods, pair, (a, network_a), (b, network_b), stages.seconds)


def _networks(network_a: nn.Module, network_b: nn.Module, device: torch.device) -> tuple[OwnNetwork, OwnNetwork, list[str]]:
    """Return copies of both networks in the type in which they are measured, on a device, and a note if that is not their own type."""
    a, b = own_network("network A", network_a), own_network("network B", network_b)
    types = {*a.types, *b.types}
    dtype = torch.float64 if "float64" in types else torch.float32
    measured = str(dtype).removeprefix("torch.")
    held = " and ".join(f"{network.name} is in {', '.join(network.types)}" for network in (a, b))
    note = f"precision: {held}; weights, statistics and all products were computed in {measured}."
    return a.to(dtype, device), b.to(dtype, device), [] if types == {measured} else [note]


def _comparison(
    result: PairResult,
    methods: Sequence[Matching],
    pair: Pair,
    a: tuple[OwnNetwork, nn.Module],
    b: tuple[OwnNetwork, nn.Module],
    seconds: Mapping[str, float],
) -> Comparison:
    """Return the measures as frames, with the mapped state dicts of B; nothing in them is shared with the caller's networks."""
    tables = result.tables()
    along = [*schema.names(schema.CURVE_MEASURES)]
    curves = pd.DataFrame(tables["curves"], columns=schema.names(schema.CURVES_TAIL)).explode(along, ignore_index=True)
    maps = {method.name: dict(result.maps[method_key(method)]) for method in methods}
    ends = {method.name: pair.seen_by(method) for method in methods}
    return Comparison(
        runs=pd.DataFrame(tables["runs"], columns=schema.names(schema.RUNS_TAIL)),
        curves=curves.astype(dict.fromkeys(along, float)),
        layers=pd.DataFrame(tables["layers"], columns=schema.names(schema.LAYERS_TAIL)),
        maps=maps,
        permutations={name: {group: np.array(o) for group, o in permutations_of(by_group).items()} for name, by_group in maps.items()},
        aligned={name: _state(*b, each.graph.apply(each.b, maps[name])) for name, each in ends.items()},
        starts={method.name: _state(*a, ends[method.name].a) for method in methods if method.folds},
        searches=pd.DataFrame([asdict(row) for row in result.searches]),
        notes=tuple(result.notes),
        seconds=dict(seconds),
    )


def _state(read: OwnNetwork, network: nn.Module, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's state dict with other parameters, under the caller's names and in the caller's types."""
    state = {key: tensor.clone() if isinstance(tensor, Tensor) else tensor for key, tensor in network.state_dict().items()}
    for key in (*read.parameters, *read.aliases):
        name = read.prefix + key
        state[name] = parameters[read.aliases.get(key, key)].to(state[name], copy=True)
    return state
