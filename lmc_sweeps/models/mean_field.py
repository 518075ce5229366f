"""`mean_field`: the two-layer network of the paper's first claim, an average over neurons that each move O(1)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.maths.certificates import two_layer_certificate, two_layer_curvature_certificate
from lmc_sweeps.models.base import Architecture, Model, Shape
from lmc_sweeps.models.chain_gradients import ChainGradients
from lmc_sweeps.models.feed_forward import FeedForward, Layer
from lmc_sweeps.models.softmax import softmax_gradient

ACTIVATION_FUNCTIONS: Mapping[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
TANH_CURVATURE = 4 / (3 * math.sqrt(3))  # the largest |tanh''|
HIDDEN, OUTPUT = "hidden_1", "output"


class MeanFieldNetwork(FeedForward):
    r"""A two-layer network whose output is the mean over its neurons.

    .. math:: f(x) = \tfrac1N \sum_i a_i\, \sigma(w_i \cdot x + b_i)

    Gradients are those with respect to the *measure* of neurons, N times the gradients with respect to their weights, so that a neuron
    moves by O(1) at every N, at one and the same learning rate.

    Parameters
    ----------
    activation : nn.Module
    neurons : int
        N.
    n_outputs : int
    """

    def __init__(self, activation: nn.Module, neurons: int, n_outputs: int) -> None:
        super().__init__([Layer(HIDDEN, True, (activation,)), Layer(OUTPUT, False)], n_outputs=n_outputs)
        self._neurons = neurons

    @property
    def is_padded(self) -> bool:
        return type(self) is MeanFieldNetwork and self._keeps_zeros()

    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        return super().forward(stack, inputs) / self._neurons

    def gradients(
        self, stack: Mapping[str, Tensor], inputs: Tensor, at_logits: Callable[[Tensor], Tensor], out: Mapping[str, Tensor]
    ) -> None:
        if type(self).forward is not MeanFieldNetwork.forward or not ChainGradients.knows(self.layers):
            Architecture.gradients(self, stack, inputs, at_logits, out)
            for gradient in out.values():
                gradient.mul_(self._neurons)
            return
        self._of_sums(stack, out)(inputs, at_logits)

    def gradient_writer(self, stack: Mapping[str, Tensor], out: Mapping[str, Tensor]) -> Callable[[Tensor, Tensor], None] | None:
        if type(self) is not MeanFieldNetwork or not ChainGradients.knows(self.layers):  # a subclass may compute something else
            return None
        write = self._of_sums(stack, out)
        return lambda inputs, targets: write(inputs, lambda logits: softmax_gradient(logits, targets, inputs.shape[1]))

    def _of_sums(self, stack: Mapping[str, Tensor], out: Mapping[str, Tensor]) -> Callable[[Tensor, Callable[[Tensor], Tensor]], None]:
        """Return what writes gradients by way of the sums over neurons.

        A sum is N times the output, so the gradient at the output, taken for that at the sum, is N times as large.
        """
        chain = ChainGradients(self.layers, self._chain.products, stack, out, self._n_outputs)
        return lambda inputs, at_logits: chain.write(inputs, lambda sums: at_logits(sums / self._neurons))

    def line_logits(self, *arguments: object) -> Tensor:
        return super().line_logits(*arguments) / self._neurons  # type: ignore[arg-type]

    @one_thread()
    def certifier(
        self, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, batch_size: int = 2000
    ) -> Callable[[Mapping[str, Tensor]], float]:
        r"""Return the certificate of two-layer networks, for neurons :math:`\theta_i = (w_i, b_i, a_i)`; for tanh, the smaller of two.

        .. math:: \tfrac12 \cdot \tfrac1N \sum_i K_i \|\theta^A_i - \theta^{\tilde B}_i\|, \qquad
                  K_i^2 = s_i^2 + \alpha_i^2\, (\mathbb E \|x\|^2 + 1)

        where :math:`\alpha_i` is the larger of :math:`\|a^A_i\|, \|a^{\tilde B}_i\|`, and :math:`s_i` bounds the activation: 1 for tanh,
        and for relu the larger of the norms of (w, b) times :math:`(\mathbb E \|x\|^2 + 1)^{1/2}`.

        References
        ----------
        `certificates.two_layer_certificate`; K is ours. The second one, for tanh, is `certificates.two_layer_curvature_certificate`.
        """
        is_tanh = isinstance(self.layers[0].after[0], nn.Tanh)
        square = float(inputs.double().square().sum()) / len(inputs) + 1
        ends_a = self._particles(a)

        @one_thread()
        def bound(aligned: Mapping[str, Tensor]) -> float:
            ends_b = self._particles(aligned)
            distances = np.linalg.norm(np.concatenate(ends_a, 1) - np.concatenate(ends_b, 1), axis=1)
            incoming, outgoing = (np.maximum(*(np.linalg.norm(end[k], axis=1) for end in (ends_a, ends_b))) for k in (0, 1))
            values = np.ones_like(incoming) if is_tanh else incoming**2 * square
            first = two_layer_certificate(distances, np.sqrt(values + outgoing**2 * square))
            if not is_tanh:
                return first
            moved = self._moved(a, aligned, inputs, batch_size)
            changed = np.linalg.norm(ends_a[1] - ends_b[1], axis=1)
            return min(first, two_layer_curvature_certificate(changed, outgoing, *moved, TANH_CURVATURE))

        return bound

    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        """Return one network as a module; the mean over neurons is folded into the weights of its output layer."""
        name = f"{OUTPUT}.weight"
        return super().module({**parameters, name: parameters[name] / self._neurons})

    @torch.no_grad()
    def _moved(self, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the root mean squares over inputs of how far every neuron's pre-activation moves from A to B, and of its square, (N,)."""
        difference = {name: (b[name] - a[name]).unsqueeze(0) for name in a}
        sums = torch.zeros(2, self._neurons, dtype=torch.float64, device=inputs.device)
        for batch in inputs.split(batch_size):
            squares = self._chain.linear(0, difference, batch)[0].double().square()  # (n, N)
            sums += torch.stack([squares.sum(0), squares.square().sum(0)])
        second, fourth = (sums / len(inputs)).sqrt().cpu().numpy()
        return second, fourth

    def _particles(self, network: Mapping[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
        """Return what leads to every neuron, (N, d + 1), and from it, (N, classes)."""
        incoming = torch.cat([network[f"{HIDDEN}.weight"], network[f"{HIDDEN}.bias"].unsqueeze(1)], 1)
        return incoming.double().cpu().numpy(), network[f"{OUTPUT}.weight"].T.double().cpu().numpy()


@dataclass(frozen=True, kw_only=True)
class MeanField(Model):
    r"""Settings of the two-layer network in the mean-field scaling; `width` is the number N of neurons, `depth` is 1.

    At the start weights are uniform, of bounded support and the same law at every N: :math:`w_i` with variance 1/d for d inputs, so that
    :math:`w_i \cdot x` is O(1) for inputs of O(1), :math:`b_i` and :math:`a_i` with variance 1.

    References
    ----------
    Mei, Montanari and Nguyen 2018 (the scaling); Ferbach et al. 2024, assumption 1 (a bounded, Lipschitz activation: tanh is, relu is not).
    """

    name: ClassVar[str] = "mean_field"
    activation: str = "tanh"

    def __post_init__(self) -> None:
        checks.one_of("model.activation", self.activation, ACTIVATION_FUNCTIONS)

    def check_shape(self, shape: Shape) -> None:
        if shape.depth != 1:
            raise checks.InputError(f"`depth` must be 1 for model=mean_field, a two-layer network, got {shape.depth}.")

    def architecture(self, shape: Shape) -> MeanFieldNetwork:
        return MeanFieldNetwork(ACTIVATION_FUNCTIONS[self.activation](), shape.width, shape.classes)

    def initial(self, shape: Shape, rng: np.random.Generator) -> dict[str, Tensor]:
        scales = {f"{HIDDEN}.weight": math.sqrt(3 / shape.n_inputs)}
        parameters = {}
        for name, size in _sizes(shape).items():
            bound = scales.get(name, math.sqrt(3))
            parameters[name] = torch.from_numpy(rng.uniform(-bound, bound, size).astype(np.float32))
        return parameters

    def tensor_sizes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        is_ours = type(self).initial is MeanField.initial  # a subclass may draw other tensors
        return _sizes(shape) if is_ours else super().tensor_sizes(shape)


def _sizes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Return the sizes of the tensors by name, in order."""
    return {
        f"{HIDDEN}.weight": (shape.width, shape.n_inputs),
        f"{HIDDEN}.bias": (shape.width,),
        f"{OUTPUT}.weight": (shape.classes, shape.width),
    }
