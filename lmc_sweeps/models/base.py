"""What every network is to the rest: a pure function of a stack of parameters, and the permutations that leave it the same."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Size, Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.models.batch_norm import BatchNorms, NormSums

INPUT = "input"  # the key of the network's own input, beside the groups, among activations and moments


class Architecture(ABC):
    """The mathematics of a network, without its weights.

    A *stack* is a mapping of parameter names to tensors whose first axis counts networks, K; the permutation specification
    speaks of single networks, without that axis.
    """

    spec: PermutationSpec

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

    def batch_norms(self) -> BatchNorms:
        """Return which layers have running statistics that can be computed again, and which tensors look like such; none, as here."""
        return BatchNorms()

    def norm_sums(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, NormSums]:
        """Return by batch norm the sums of its inputs and of their squares over a batch that all K networks see.

        Every batch norm normalises by the statistics of the batch, as in training.
        """
        return {}

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
        if logits.dim() != 3 or logits.shape[:2] != inputs.shape[:2]:
            raise InputError(
                f"`forward` of a {type(self).__name__} must take one batch for each network and return their logits, (networks, examples, "
                f"classes); for inputs {tuple(inputs.shape)} it returned {tuple(logits.shape)}."
            )
        gradients = torch.autograd.grad(logits, list(leaves.values()), at_logits(logits.detach()))
        for name, gradient in zip(leaves, gradients, strict=True):
            out[name].copy_(gradient)

    def padded(self, network: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return one network's tensors in the shapes in which a stack trains them: their own, unless an architecture pads them.

        A padded network must be the same function before training, and after it once `unpadded` has taken the padding away.
        """
        return dict(network)

    def unpadded(self, network: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> dict[str, Tensor]:
        """Return a trained network without its padding: tensors of these shapes, those of the network that was padded."""
        return {name: tensor.contiguous() for name, tensor in network.items()}

    def padded_inputs(self, inputs: Tensor) -> Tensor:
        """Return inputs as a padded network takes them."""
        return inputs

    def with_products_in(self, dtype: torch.dtype) -> "Architecture":
        """Return the same mathematics with the factors and results of its matrix products in another type; weights and losses keep theirs.

        Raises
        ------
        InputError
            If this architecture has no such products.
        """
        raise InputError(f"`precision` must be float32 for a {type(self).__name__}, which cannot take its products in {dtype}.")

    @abstractmethod
    def activations(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, Tensor]:
        """Return the activations: for every group, and for ``"input"``, a tensor (K, n, neurons)."""

    @abstractmethod
    def sources(self, group: str) -> tuple[str, ...]:
        """Return what feeds a group, ``"input"`` or other groups, in the order of the columns of its incoming weights."""

    @abstractmethod
    def line_logits(
        self,
        a: Mapping[str, Tensor],
        b: Mapping[str, Tensor],
        permutations: Sequence[Mapping[str, np.ndarray]],
        t: Tensor,
        inputs: Tensor,
    ) -> Tensor:
        r"""Return the logits along the lines from A to B under each of M permutations.

        Parameters
        ----------
        a, b : mapping of str to Tensor
            Parameters of one network each.
        permutations : sequence of mappings, length M
        t : Tensor, shape (T,)
        inputs : Tensor, shape (n, d)

        Returns
        -------
        Tensor, shape (M, T, n, classes)
        """

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


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """The settings of a model that a sweep can vary in width and depth."""

    name: ClassVar[str]

    def check_shape(self, n_inputs: int, width: int, depth: int) -> None:  # noqa: B027
        """Raise `InputError` where the settings do not fit the shape of the network."""

    @abstractmethod
    def architecture(self, n_inputs: int, width: int, depth: int, n_classes: int) -> Architecture:
        """Return the network's mathematics for `depth` hidden layers of `width` neurons."""

    @abstractmethod
    def initial(self, n_inputs: int, width: int, depth: int, n_classes: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Return the initial parameters of one network, float32."""


def unstack(stack: Mapping[str, Tensor], k: int) -> dict[str, Tensor]:
    """Return the parameters of network k of a stack."""
    return {name: tensor[k] for name, tensor in stack.items()}


def stacked(networks: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the stack of several networks of one shape."""
    return {name: torch.stack([network[name] for network in networks]) for name in networks[0]}
