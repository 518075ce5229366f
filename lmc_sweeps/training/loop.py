"""Training of stacks: K networks of one shape, each with its own data order, in the same steps."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lmc_sweeps.common.subnormals import SubnormalsAsZeros
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture, unstack
from lmc_sweeps.training.batches import batches
from lmc_sweeps.training.flat import Flat
from lmc_sweeps.training.gradients import gradient_writer, target_table
from lmc_sweeps.training.optimizers import Optimizer
from lmc_sweeps.training.recipe import Recipe, Training

CODE_VERSION = 4  # part of every run_id: raise it when training gives other bits


@dataclass(kw_only=True)
class StackState:
    """A stack at some step of its training: all that is needed to go on from there, bit for bit.

    `parameters` are all tensors of the networks, running statistics of batch norms among them; `buffers` are the optimizer's, by kind and
    parameter. Data orders are drawn again from (seed, number), up to the epoch of the step, and views of images in every epoch anew, so no
    generator has a state to keep.
    """

    parameters: dict[str, Tensor]
    buffers: dict[str, dict[str, Tensor]]
    step: int


def initial_state(optimizer: Optimizer, parameters: Mapping[str, Tensor], statistics: Collection[str] = ()) -> StackState:
    """Return the state of a stack before its first step; `statistics` are those of its tensors that no optimizer changes."""
    trained = {name: tensor for name, tensor in parameters.items() if name not in statistics}
    zeros = {kind: {name: torch.zeros_like(tensor) for name, tensor in trained.items()} for kind in optimizer.buffers}
    return StackState(parameters=dict(parameters), buffers=zeros, step=0)


@one_thread()
@torch.no_grad()
def train(
    architecture: Architecture,
    start: StackState,
    recipes: Sequence[Recipe],
    split: Split,
    after_step: Callable[[StackState], None] = lambda state: None,
    steps: int | None = None,
) -> StackState:
    r"""Train K networks at once, from where `start` stands to the end.

    .. math:: L_k = -\tfrac1M \sum_{i \in \text{batch}_k} q_{y_i} \cdot \log p_{\theta_k}(\cdot\, | x_i), \qquad
              \theta_k \leftarrow \text{update}(\theta_k, \nabla_{\theta_k} L_k, \eta_k)

    over the M examples, or tokens, of a batch, whose targets q may be smoothed (`gradients`). Batch norms are in training mode, and their
    running statistics are those that PyTorch would have; the optimizer and its weight decay leave them alone.

    Parameters
    ----------
    architecture : Architecture
    start : StackState
        Not changed.
    recipes : sequence of Recipe, length K
        With equal epochs, batch sizes, optimizer buffers, label smoothing and augmentation.
    split : Split
        The training set, on the device of the stack: with inputs as `training_inputs` returns them or, if augmented, the images.
    after_step : callable
        Shown the state after every step; its tensors go on changing, so what is kept must be copied.
    steps : int, optional
        Stop after so many more steps; at the end of the last epoch if not given.

    Returns
    -------
    StackState
    """
    training = recipes[0].training
    total = training.steps(len(split))
    last = total if steps is None else min(total, start.step + steps)
    statistics = architecture.graph(unstack(start.parameters, 0)).buffers
    trained = {name: tensor for name, tensor in start.parameters.items() if name not in statistics}
    parameters, gradients = Flat.copied(trained), Flat(trained)
    buffers = {kind: Flat.copied(tensors) for kind, tensors in start.buffers.items()}
    stack = _whole(start.parameters, parameters)
    state = StackState(parameters=stack, buffers={kind: flat.views for kind, flat in buffers.items()}, step=start.step)
    updates = [_Update(recipe, networks, parameters, gradients, buffers, total) for recipe, networks in _sharing(recipes)]
    as_taken = (lambda inputs: inputs) if training.augmentation == "none" else architecture.training_inputs
    classes = architecture.forward(start.parameters, as_taken(split.inputs[:1])).shape[-1]
    targets = target_table(classes, training.label_smoothing, parameters.whole)
    write_gradients = gradient_writer(architecture, stack, statistics, gradients.views)
    zeros = SubnormalsAsZeros()
    try:
        for inputs, target in batches(recipes, split, targets, start.step, last, as_taken):
            with zeros:
                write_gradients(inputs, target)
                for update in updates:
                    update(state.step)
            state.step += 1
            after_step(state)
    finally:
        zeros.put_back()
    return state


def _whole(start: Mapping[str, Tensor], parameters: Flat) -> dict[str, Tensor]:
    """Return all tensors of a stack in their order: the parameters that are trained, and copies of its running statistics."""
    statistics = {name: tensor for name, tensor in start.items() if name not in parameters.views}
    views = parameters.views | (Flat.copied(statistics).views if statistics else {})
    return {name: views[name] for name in start}


def _sharing(recipes: Sequence[Recipe]) -> list[tuple[Recipe, list[int]]]:
    """Return which networks of a stack are updated alike: with one optimizer and one schedule."""
    alike: dict[tuple[Optimizer, Training], list[int]] = {}
    for k, recipe in enumerate(recipes):
        alike.setdefault((recipe.optimizer, recipe.training), []).append(k)
    return [(recipes[networks[0]], networks) for networks in alike.values()]


class _Update:
    """The update of some networks of a stack, whose settings are the same."""

    def __init__(
        self, recipe: Recipe, networks: list[int], parameters: Flat, gradients: Flat, buffers: Mapping[str, Flat], total: int
    ) -> None:
        self._rates = recipe.training.learning_rates(recipe.optimizer.lr, total).tolist()
        self._parts = []
        for optimizer, names in _decayed(recipe.optimizer, parameters):
            weights, slopes = parameters.of_networks(networks, names), gradients.of_networks(networks, names)
            self._parts.append((optimizer, weights, slopes, {kind: flat.of_networks(networks, names) for kind, flat in buffers.items()}))

    def __call__(self, step: int) -> None:
        for optimizer, parameters, gradients, buffers in self._parts:
            optimizer.update(parameters, gradients, buffers, self._rates[step], step)


def _decayed(optimizer: Optimizer, parameters: Flat) -> list[tuple[Optimizer, frozenset[str] | None]]:
    """Return which tensors are updated with which weight decay; None are all."""
    if optimizer.decayed == "all" or optimizer.weight_decay == 0:
        return [(optimizer, None)]
    weights = frozenset(name for name, view in parameters.views.items() if view.dim() > 2)  # with the axis of the stack
    others = frozenset(parameters.views.keys() - weights)
    return [(each, names) for each, names in ((optimizer, weights), (replace(optimizer, weight_decay=0.0), others)) if names]
