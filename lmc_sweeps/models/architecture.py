"""What every network is to the rest: a pure function of a stack of parameters, and the symmetries that leave it the same."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Size, Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.models.batch_norm import BatchNorms, NormSums
from lmc_sweeps.models.counts import Counts
from lmc_sweeps.models.criteria import CROSS_ENTROPY, Criterion
from lmc_sweeps.models.hidden_layers import Corrector, HiddenLayer, corrected_in_turn
from lmc_sweeps.models.shape import Shape
from lmc_sweeps.models.stack import line_by
from lmc_sweeps.symmetry.axes import Factor
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.linear_form import LinearForm
from lmc_sweeps.symmetry.maps import Map
from lmc_sweeps.symmetry.sites import Site


class Architecture(ABC):
    """The mathematics of a network, without its weights.

    A *stack* is a mapping of parameter names to tensors whose first axis counts networks, K; the permutation specification
    speaks of single networks, without that axis.
    """

    spec: PermutationSpec
    criterion: Criterion = CROSS_ENTROPY  # what its outputs are measured by
    shows_all: ClassVar[bool] = True  # whether the activations of every group and source can be read
    corrects_at_once: ClassVar[bool] = True  # whether repairs correct several networks together; if not one by one, to save memory

    def graph(self, network: Mapping[str, Tensor]) -> Graph:
        """Return the symmetry graph of one network of these tensors: what the specification says of them."""
        return Graph.by_hand(self.spec.axes, network)

    def linear_form(self, network: Mapping[str, Tensor], inputs: Tensor) -> LinearForm:
        """Return the form in which maps richer than permutations keep the function, as far as examples show; here networks as they are."""
        return LinearForm(self.graph(network))

    def taken(self, inputs: Tensor) -> Tensor:
        """Return examples of a dataset as the networks take them: here as vectors, (n, d), images flattened.

        It is called once, on whole splits, and every other method is given what it returns. An architecture that sees images as images
        returns them as they are.
        """
        return inputs.flatten(1)

    @abstractmethod
    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Return the logits, shape (K, n, classes), of K networks on `inputs`: (n, d) shared, or (K, n, d) one batch each."""

    def training_forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the logits as training sees them, and the new values of tensors that training changes by itself.

        Parameters
        ----------
        stack : mapping of str to Tensor
        inputs : Tensor, shape (K, n, ...)
            One batch for each network.

        Returns
        -------
        logits : Tensor, shape (K, n, classes)
            Normalised by the statistics of the batch where there is batch norm; no dropout.
        buffers : dict of str to Tensor
            The running statistics of batch norms after the batch, under their names in the stack; empty without batch norm, as here.
        """
        return self.forward(stack, inputs), {}

    def is_computed_at_once(self, stack: Mapping[str, Tensor]) -> bool:
        """Return whether `forward` computes all networks of a stack at once; if not, training takes one after the other, to save memory."""
        return True

    def batch_norms(self) -> BatchNorms:
        """Return which layers have running statistics that can be computed again, and which tensors look like such; none, as here."""
        return BatchNorms()

    def norm_sums(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, NormSums]:
        """Return by batch norm the sums of its inputs and of their squares over a batch that all K networks see.

        Every batch norm normalises by the statistics of the batch, as in training.
        """
        return {}

    def hidden_layers(self) -> tuple[HiddenLayer, ...]:
        """Return the linear layers inside of the network: those that alone compute a group, with the group's bias if it has one."""
        layers = []
        for group in self.spec.groups:
            weights = self.spec.incoming(group)
            vectors = [name for name in self.spec.incoming(group, biases=True) if name not in weights]
            if len(weights) == 1:
                layers.append(HiddenLayer(weights[0], 0, vectors[0] if len(vectors) == 1 else None))
        return tuple(layers)

    def linear_results(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, Tensor]:
        """Return what hidden layers compute, by their weights, (K, rows, neurons), in the order in which they are computed.

        A row is an example, or an example and a position.
        """
        activations = self.activations(stack, inputs, before=True)
        groups = {weights[0]: group for group in self.spec.groups if len(weights := self.spec.incoming(group)) == 1}
        return {weight: activations[group] for weight, group in groups.items()}

    def linear_result(self, weight: str, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Return one of the `linear_results`; an architecture may compute it without holding the others."""
        return self.linear_results(stack, inputs)[weight]

    def corrected(self, stack: Mapping[str, Tensor], batches: Sequence[Tensor], corrector: Corrector) -> dict[str, Tensor]:
        """Return a stack with its hidden layers corrected in turn (`corrected_in_turn`), all networks on the same batches of inputs."""
        return corrected_in_turn(self, stack, batches, corrector)

    def gradients(
        self, stack: Mapping[str, Tensor], inputs: Tensor, at_logits: Callable[[Tensor], Tensor], out: Mapping[str, Tensor]
    ) -> None:
        r"""Write the gradients of a loss with respect to the parameters into `out`, by the chain rule.

        .. math:: \partial L / \partial \theta = (\partial z / \partial \theta)^\top\, \partial L / \partial z

        Parameters
        ----------
        stack : mapping of str to Tensor
        inputs : Tensor, shape (K, B, d)
        at_logits : callable
            From the logits z, (K, B, classes), to :math:`\partial L / \partial z`.
        out : mapping of str to Tensor
            As `stack`.

        Notes
        -----
        This is automatic differentiation of `forward`; an architecture may do it by hand.
        """
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in stack.items()}
        with torch.enable_grad():
            logits = self.forward(leaves, inputs)
        if logits.dim() < 3 or logits.shape[:2] != inputs.shape[:2]:
            raise InputError(
                f"`forward` of a {type(self).__name__} must take one batch for each network and return their logits, (networks, examples, "
                f"classes); for inputs {tuple(inputs.shape)} it returned {tuple(logits.shape)}."
            )
        gradients = torch.autograd.grad(logits, list(leaves.values()), at_logits(logits.detach()))
        for name, gradient in zip(leaves, gradients, strict=True):
            out[name].copy_(gradient)

    def gradient_writer(self, stack: Mapping[str, Tensor], out: Mapping[str, Tensor]) -> Callable[[Tensor, Tensor], None] | None:
        """Return what writes the gradients of mean cross-entropies, for a stack and an `out` that stay in their memory from step to step.

        It takes inputs, (K, B, d), and targets, (K, B, classes). An architecture without running statistics may make ready here what all
        steps have in common; None, as here, if it does not: then `gradients` is called in every step.
        Where a stack is not computed at once, it is asked for each network, so what is made ready is there for all of them.
        """
        return None

    def padded(self, network: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return one network's tensors in the shapes in which a stack trains them: their own, unless an architecture pads them.

        A padded network must be the same function before training, and after it once `unpadded` has taken the padding away.
        """
        return dict(network)

    def unpadded(self, network: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> dict[str, Tensor]:
        """Return a trained network without its padding: tensors of these shapes, those of the network that was padded."""
        return {name: tensor.contiguous() for name, tensor in network.items()}

    def padded_inputs(self, inputs: Tensor) -> Tensor:
        """Return inputs, as `taken` returns them, as a padded network takes them."""
        return inputs

    def training_inputs(self, inputs: Tensor) -> Tensor:
        """Return examples of a dataset as networks in training take them: `taken`, and padded where these are."""
        return self.padded_inputs(self.taken(inputs))

    def counts(self, shape: Shape, sizes: Mapping[str, tuple[int, ...]]) -> Counts:
        """Return the parameters, activations and operations of one network, from which memory and time are estimated.

        Here from its tensors alone: each weight is used once for an example, and each neuron of a group is one activation. An architecture
        that uses its weights more often, as convolutions do, counts for itself.

        Parameters
        ----------
        shape : Shape
        sizes : mapping of str to tuple of int
            The sizes of its tensors, `Model.tensor_sizes`.
        """
        like = {name: torch.empty(size, device="meta") for name, size in sizes.items()}
        neurons, parameters = self.graph(like).sizes, sum(map(math.prod, sizes.values()))
        return Counts(
            parameters=parameters,
            activations=shape.n_inputs + sum(neurons.values()) + shape.classes,
            operations=2 * parameters,
            operations_at_ends=0,
            outputs=shape.classes,
            repair_passes=sum(layer.bias is not None for layer in self.hidden_layers()),
            neurons=neurons,
            inputs={source: columns for source, columns in self.columns(like).items() if source not in neurons},
        )

    def with_products_in(self, dtype: torch.dtype, results: bool = True) -> "Architecture":
        """Return the same mathematics with the factors of its matrix products in another type; weights and losses keep theirs.

        Parameters
        ----------
        dtype : torch.dtype
        results : bool
            Whether the results of products are in that type too, or in the weights' own.

        Raises
        ------
        InputError
            If this architecture has no such products.
        """
        raise InputError(f"`precision` must be float32 for a {type(self).__name__}, which cannot take its products in {dtype}.")

    def rounded_inputs(self, inputs: Tensor) -> Tensor:
        """Return inputs as training's products take them, rounded once for all steps; as they are where nothing is rounded."""
        return inputs

    @abstractmethod
    def activations(self, stack: Mapping[str, Tensor], inputs: Tensor, before: bool = False) -> dict[str, Tensor]:
        """Return the activations: for every group, and for ``"input"``, a tensor (K, n, neurons).

        They are what the layers behind a group read; with `before`, which only repairs ask for, what its own layer computes, before the
        activation function and before a normalisation.
        """

    @abstractmethod
    def sources(self, group: str) -> tuple[str, ...]:
        """Return what feeds a group, ``"input"`` or other groups, in the order of the columns of its incoming weights."""

    def reads(self, network: Mapping[str, Tensor]) -> dict[str, tuple[str, ...]]:
        """Return by tensor, segment by segment of its inputs, the key among `activations` of what it reads."""
        sources = sources_of(self)
        return {name: (source,) for group in sources for name, source in zip(self.spec.incoming(group), sources[group], strict=True)}

    def columns(self, network: Mapping[str, Tensor]) -> dict[str, int]:
        """Return the number of neurons, or of inputs, at each key of `reads`."""
        return {source: network[name].shape[1] for name, sources in self.reads(network).items() for source in sources}

    def sites(self, network: Mapping[str, Tensor]) -> dict[str, tuple[Site, ...]]:
        """Return by group where its neurons are seen among `activations`: under its own name, unless an architecture says else."""
        sizes = self.graph(network).sizes
        return {group: (Site(group, "", 0, 0, size, (Factor(size, group),)),) for group, size in sizes.items()}

    def line_logits(
        self,
        a: Mapping[str, Tensor],
        b: Mapping[str, Tensor],
        maps: Sequence[Mapping[str, Map | np.ndarray]],
        t: Tensor,
        inputs: Tensor,
    ) -> Tensor:
        r"""Return the logits along the lines from A to B under each of M maps of B.

        Parameters
        ----------
        a, b : mapping of str to Tensor
            Parameters of one network each.
        maps : sequence of mappings, length M
            By group; arrays are the orders of permutations.
        t : Tensor, shape (T,)
        inputs : Tensor, shape (n, d)

        Returns
        -------
        Tensor, shape (M, T, n, classes)
        """
        return line_by(self.forward, self.graph(b), a, b, maps, t, inputs)

    def certifier(
        self, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, batch_size: int = 2000
    ) -> Callable[[Mapping[str, Tensor]], float]:
        """Return a function from a permuted B to a proved bound on the output gap (gaps.py) at the midpoint over `inputs`.

        NaN where no bound is known, as here.
        """
        return lambda aligned: float("nan")

    @abstractmethod
    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        """Return one network as a `torch.nn.Module` of its own, in evaluation mode."""


def sources_of(architecture: Architecture) -> dict[str, tuple[str, ...]]:
    """Return what feeds each group of an architecture, one for each of its incoming parameters.

    Raises
    ------
    InputError
        If there are more or fewer than parameters.
    """
    sources = {}
    for group in architecture.spec.groups:
        fed, incoming = tuple(architecture.sources(group)), architecture.spec.incoming(group)
        if len(fed) != len(incoming):
            raise InputError(
                f"`sources` of a {type(architecture).__name__} must have one entry for each parameter that leads to a group: for {group!r} "
                f"these are {len(incoming)} ({', '.join(incoming)}), got {len(fed)} ({', '.join(map(str, fed))})."
            )
        sources[group] = fed
    return sources
