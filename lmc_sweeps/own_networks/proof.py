"""The proof, before anything is measured, that a specification keeps B's function, and that A's code computes B's function too."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Permutations
from lmc_sweeps.measuring.evaluation import FUNCTION_ROUNDING
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.criteria import BinaryCrossEntropy, Criterion, CrossEntropy
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks.modules import OwnNetwork, differences
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.proof import relative_gap

PROBED, MOST_OUTPUTS = 64, 2**20  # examples that the proofs are run on, fewer (but two) where they have more outputs together
DRAWS = 2  # networks of shuffled weights, and as many of drawn ones: of a network's own dead neurons nothing can be seen
# Of the largest logit, between relabelled networks: in float64 sums differ by 1e-13; 1e-6 where a module rounds to float32 inside.
PROOF_ROUNDING = 1e-5
SAME_CODE = 1e-6  # of the largest logit, between two modules that do the same with the same numbers (measured: 0)
MANY = 2**20
PROBABILITIES = {
    CrossEntropy.name: "which sum to 1; the loss is taken of logits or of logarithms of probabilities: let its forward end before the "
    "softmax, or with log_softmax.",
    BinaryCrossEntropy.name: "all between 0 and 1; the loss is taken of logits: let its forward end before the sigmoid.",
}
SMALL = 1e-3  # values below that are as good as 0 to a proof


def check_forwards(architecture: Architecture, a: OwnNetwork, b: OwnNetwork, splits: Mapping[str, Split], batch_size: int) -> None:
    """Raise `InputError` where A or B computes something else, by its own forward, than what is measured.

    Parameters
    ----------
    architecture : Architecture
        What measures: A's code.
    a, b : OwnNetwork
    splits : mapping of str to Split
        With inputs as the networks take them.
    batch_size : int
    """
    own = isinstance(architecture, TorchModule)
    rounding = SAME_CODE if own and next(iter(a.parameters.values())).device.type == "cpu" else FUNCTION_ROUNDING
    for network in (a, b):
        stack = {name: tensor.unsqueeze(0) for name, tensor in network.parameters.items()}
        are_probabilities = []
        for name, split in splits.items():
            for inputs in split.inputs.split(batch_size):
                logits = network.outputs(name, inputs)
                with torch.no_grad():
                    measured = architecture.forward(stack, inputs if own else inputs.flatten(1))[0]
                    # A chain that ends in a softmax is measured by the logarithms of its probabilities.
                    measured = measured.exp() if not own and isinstance([*a.module.children()][-1], nn.Softmax) else measured
                _compare(measured, logits, rounding, a, b, network)
                are_probabilities.append(_are_probabilities(architecture.criterion, logits))
        if all(are_probabilities) and (own or not isinstance(architecture.criterion, CrossEntropy)):
            raise InputError(f"{network.name} returns probabilities, {PROBABILITIES[architecture.criterion.name]}")


def _are_probabilities(criterion: Criterion, outputs: Tensor) -> bool:
    """Return whether a batch of outputs that should be logits looks like probabilities."""
    if not bool((outputs >= 0).all()):
        return False
    if isinstance(criterion, CrossEntropy):
        return bool((outputs.sum(-1) - 1).abs().max() < FUNCTION_ROUNDING)
    return isinstance(criterion, BinaryCrossEntropy) and 0 < float(outputs.max()) <= 1


def check_code(a: OwnNetwork, b: OwnNetwork, inputs: Tensor) -> None:
    """Raise `InputError` where A's and B's code differ with the same weights: A's, B's, those halfway, and shuffled ones."""
    rounding = SAME_CODE if inputs.device.type == "cpu" else FUNCTION_ROUNDING
    first = a.outputs("train", inputs)
    _compare(a.outputs("train", inputs), first, rounding, a, b, a)
    half = inputs[: max(1, len(inputs) // 2)]
    if (gap := _gap(first[: len(half)], a.outputs("train", half))) > FUNCTION_ROUNDING:
        raise InputError(
            f"{a.name} computes something else for an example in another batch (by {gap:.1e} of its largest logit), as batch norm without "
            "running statistics does: it has no loss of its own."
        )
    middle = {name: (tensor + b.parameters[name]) / 2 for name, tensor in a.parameters.items()}
    for parameters in (a.parameters, b.parameters, middle, *_shuffled(b.parameters)):
        logits_a = _try(a, "train", inputs, parameters)  # None where its code refuses weights that nobody trained
        if logits_a is not None:
            _compare(logits_a, b.outputs("train", inputs, parameters), rounding, a, b, b)


def _compare(logits_a: Tensor, logits_b: Tensor, rounding: float, a: OwnNetwork, b: OwnNetwork, network: OwnNetwork) -> None:
    gap = _gap(logits_a, logits_b)
    if gap <= rounding:
        return
    if network is a:
        raise InputError(
            f"{a.name} returns other logits when it is called once more or with its own weights put in from outside (by {gap:.1e} of the "
            "largest): it is random, keeps a state, or does not compute with its parameters, and cannot be measured."
        )
    raise InputError(
        f"network A and network B do not compute the same function of their weights{differences(a.module, b.module)}: with equal weights "
        f"their logits differ by {gap:.1e} of the largest. Their code, constants and buffers must be the same."
    )


def _gap(one: Tensor, other: Tensor) -> float:
    return relative_gap([one], [other])


def check_specification(network: OwnNetwork, graph: Graph, inputs: Tensor) -> None:
    """Raise `InputError` if random relabelings of a specification's groups change what the network computes.

    In float64 if the network takes it; with the network's own weights, and with shuffled ones, whose neurons are not dead.
    """
    exact, values = _in_float64(network, inputs)
    rounding = PROOF_ROUNDING if exact is not network else FUNCTION_ROUNDING
    sizes = {group: size for group, size in graph.sizes.items() if size > 1}
    for draw, parameters in enumerate((exact.parameters, *_shuffled(exact.parameters))):
        moved = {group: _relabeling(size, draw, group) for group, size in sizes.items()}
        if _changes(exact, graph, parameters, moved, values) <= rounding:
            continue
        alone = {group: _changes(exact, graph, parameters, {group: moved[group]}, values) for group in moved}
        raise InputError(
            _broken(graph, network, [group for group, gap in alone.items() if gap > rounding] or list(moved), max(alone.values()))
        )


def _broken(graph: Graph, network: OwnNetwork, groups: Sequence[str], gap: float) -> str:
    """Return the sentence that says which groups of a specification do not keep the function, and what to look at."""
    group = groups[0]
    size = graph.sizes[group]
    held = dict.fromkeys(name for name, _ in graph.holders(group))
    lacking = [name for name, axes in graph.axes.items() if any(not axis.groups and axis.size == size for axis in axes)]
    hint = f"; axes of that length without a group are in {', '.join(lacking)}" if lacking else ""
    return (
        f"the permutation specification does not keep the network's function: relabelling the {size} neurons of group {group!r} changes "
        f"its logits by {gap:.1e} of the largest. It moves {', '.join(held)}{hint}."
        + (f" The same holds for {', '.join(map(repr, groups[1:]))}." if len(groups) > 1 else "")
    )


def _in_float64(network: OwnNetwork, inputs: Tensor) -> tuple[OwnNetwork, Tensor]:
    """Return the network and inputs in float64, or as they are where its code does not take that."""
    exact = network.to(torch.float64, inputs.device)
    values = inputs.double() if inputs.is_floating_point() else inputs
    try:
        exact.outputs("train", values)
    except InputError:
        return network, inputs
    return exact, values


def _relabeling(size: int, draw: int, group: str) -> np.ndarray:
    rng = generator(draw, "proof", group)
    while np.array_equal(order := rng.permutation(size), np.arange(size)):
        pass
    return order


def _changes(network: OwnNetwork, graph: Graph, parameters: Mapping[str, Tensor], moved: Permutations, inputs: Tensor) -> float:
    """Return by how much a relabeling changes the logits; 0 where the network has none that are finite."""
    before = _try(network, "train", inputs, parameters)
    if before is None or not bool(torch.isfinite(before).all()):
        return 0.0
    return _gap(before, network.outputs("train", inputs, graph.apply(parameters, moved)))


def _shuffled(parameters: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Yield networks of other weights: shuffled ones, and drawn ones whose biases leave neurons alive; variances stay positive."""
    for draw in range(2 * DRAWS):
        shuffled = {}
        for name, tensor in parameters.items():
            rng = generator(draw, "shuffled", name)
            values = tensor.double().cpu().numpy().ravel()
            if draw >= DRAWS and tensor.dim() > 0:
                fan_in = max(1, tensor[0].numel())
                values = rng.standard_normal(values.shape) / np.sqrt(fan_in) if fan_in > 1 else rng.uniform(0.1, 1.0, values.shape)
            elif np.sqrt(np.mean(values**2)) < SMALL:
                values = np.abs(0.1 * rng.standard_normal(values.shape))
            # Of many millions a roll is as good, and sooner done.
            values = (rng.permutation(values) if values.size < MANY else np.roll(values, rng.integers(values.size))) * rng.uniform(
                0.5, 1.5, values.shape
            )
            shuffled[name] = torch.from_numpy(values.reshape(tensor.shape)).to(tensor.device, tensor.dtype)
        yield shuffled


def taken_inputs(a: OwnNetwork, name: str, inputs: Tensor, kind: torch.dtype, is_flat: bool) -> Tensor:
    """Return inputs as the networks take them: integers as they are where they can be (ids of tokens), all else in the networks' type."""
    if is_flat or inputs.is_floating_point():
        return inputs.to(kind)
    few = inputs[:2]
    as_floats = _try(a, name, few.to(kind))
    for values in (few, few.long()):
        as_integers = _try(a, name, values)
        if as_integers is None:
            continue
        if as_floats is not None and _gap(as_integers, as_floats) > FUNCTION_ROUNDING:
            raise InputError(
                f"`{name}` has inputs in {inputs.dtype}, for which {a.name} computes something else than for the same numbers "
                f"in {kind}: pass them in the type that it was trained on."
            )
        return inputs.to(values.dtype)
    return inputs if as_floats is None else inputs.to(kind)


def _try(network: OwnNetwork, name: str, inputs: Tensor, parameters: Mapping[str, Tensor] | None = None) -> Tensor | None:
    try:
        return network.outputs(name, inputs, parameters)
    except InputError:
        return None


def probes(a: OwnNetwork, split: Split) -> Tensor:
    """Return the inputs that proofs are run on, spread over the split."""
    outputs = a.outputs("train", split.inputs[:2])
    count = max(2, min(PROBED, MOST_OUTPUTS * len(outputs) // outputs.numel()))
    return split.inputs[:: max(1, len(split) // count)][:count]
