"""Gradients of a chain for a stack that stays in its memory, by hand: views and memory are made once, and used batch after batch.

A narrow network's step is shorter than what automatic differentiation, fresh memory and new views of it cost.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial

import torch
from torch import Size, Tensor, nn

from lmc_sweeps.models.chain_layer import ACTIVATIONS, DERIVATIVES, Layer
from lmc_sweeps.models.products import Products
from lmc_sweeps.models.softmax import softmax_gradient_


class ChainGradients:
    r"""Writes the gradients of losses with respect to the parameters of a stack of chains, for one batch after the other.

    .. math:: \partial L / \partial W^l = (\partial L / \partial z^l)^\top h^{l-1}, \qquad
              \partial L / \partial b^l = \textstyle\sum_i \partial L / \partial z^l_i, \qquad
              \partial L / \partial z^{l-1} = \left(\partial L / \partial z^l\; W^l\right) \odot \sigma'(z^{l-1})

    Parameters
    ----------
    layers : sequence of Layer
        Of which the derivatives are known (`knows`).
    products : Products
    stack : mapping of str to Tensor
        Read in every call.
    out : mapping of str to Tensor
        As `stack`; written in every call.
    n_outputs : int, optional
        Outputs beyond these, which padding has added, are left out.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        products: Products,
        stack: Mapping[str, Tensor],
        out: Mapping[str, Tensor],
        n_outputs: int | None = None,
    ) -> None:
        self._parameters = _Parameters(layers, products, stack, out)
        self._n_outputs = n_outputs
        self._by_size: dict[int, _Passes] = {}
        self._memory = _Memory()

    @staticmethod
    def knows(layers: Sequence[Layer]) -> bool:
        """Return whether the derivatives of all activation functions are known, one behind each hidden layer and none at the end."""
        *hidden, output = [[type(module) for module in layer.after] for layer in layers]
        return not output and all(len(kind) == 1 and kind[0] in DERIVATIVES for kind in hidden)

    def write(self, inputs: Tensor, at_logits: Callable[[Tensor], Tensor]) -> None:
        """Write the gradients of any loss: `at_logits` goes from logits, (K, n, outputs), to the gradient there; inputs are (K, n, d)."""
        passes = self._of_size(inputs.shape[1])
        logits = passes.onward(inputs)
        own = logits[..., : self._n_outputs]
        own.copy_(at_logits(own))  # which may have overwritten them
        logits[..., own.shape[-1] :].zero_()
        passes.backward()

    def write_of_cross_entropy(self, inputs: Tensor, targets: Tensor) -> None:
        """Write the gradients of each network's mean cross-entropy on targets, (K, n, classes)."""
        passes = self._of_size(inputs.shape[1])
        softmax_gradient_(passes.onward(inputs), targets, inputs.shape[1])
        passes.backward()

    def _of_size(self, examples: int) -> "_Passes":
        if examples not in self._by_size:  # all batches of an epoch have one size, but for the last
            if examples > max(self._by_size, default=0):  # the smaller ones are to lie in the memory of this one
                self._by_size, self._memory = {}, _Memory()
            self._by_size[examples] = _Passes(self._parameters, self._memory, examples)
        return self._by_size[examples]


class _Memory:
    """Memory by name, made for the largest batch; smaller ones take the beginning of it."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Hashable, torch.dtype], Tensor] = {}

    def at(self, name: Hashable, shape: Size, like: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the memory of a name and a type in a shape, on the device of a tensor."""
        numbers = self._numbers.get((name, dtype))
        if numbers is None or len(numbers) < shape.numel():
            numbers = self._numbers[name, dtype] = like.new_empty(shape.numel(), dtype=dtype)
        return numbers[: shape.numel()].view(shape)


class _Parameters:
    """The tensors of a stack by layer, their gradients, and both as products take and return them."""

    def __init__(self, layers: Sequence[Layer], products: Products, stack: Mapping[str, Tensor], out: Mapping[str, Tensor]) -> None:
        self.products = products
        self.kinds = [type(layer.after[0]) for layer in layers[:-1]]
        self.weights = [stack[f"{layer.name}.weight"] for layer in layers]  # (K, m_k, m_{k-1})
        self.biases = [stack[f"{layer.name}.bias"].unsqueeze(1) if layer.has_bias else None for layer in layers]  # (K, 1, m_k)
        self.at_weights = [out[f"{layer.name}.weight"] for layer in layers]
        self.at_biases = [out[f"{layer.name}.bias"] if layer.has_bias else None for layer in layers]
        self.factors = [products.room(weight) for weight in self.weights]
        self.transposed = [factor.transpose(1, 2) for factor in self.factors]
        self.results = [products.room(gradient) for gradient in self.at_weights]


class _Passes:
    """A pass onward and one backward through batches of one size.

    Backward, each gradient takes the place of the values at which it is, which nothing needs any more: the less memory a step goes
    through, the nearer to the core it stays. What is needed for a moment only shares the memory of its width.
    """

    def __init__(self, parameters: _Parameters, memory: _Memory, examples: int) -> None:
        self._parameters, self._memory, products = parameters, memory, parameters.products
        self._moments: dict[tuple[Size, torch.dtype], Tensor] = {}
        like = parameters.weights[0]
        shapes = [Size([len(like), examples, weight.shape[1]]) for weight in parameters.weights]
        # Of a ReLU whose values are rounded the derivative needs the sign, which the factor has (but of numbers below 1e-40).
        is_short = products.dtype is not None and products.rounds_results
        self._is_short = [is_short and kind is nn.ReLU for kind in parameters.kinds] + [False]
        self._values = [
            self._for_a_moment(shape, like.dtype) if short else memory.at(("values", k), shape, like, like.dtype)
            for k, (shape, short) in enumerate(zip(shapes, self._is_short, strict=True))
        ]  # what each layer computes, (K, n, m_k), and what follows it
        self._factors = [products.room(values, partial(self._for_a_factor, k)) for k, values in enumerate(self._values)]
        self._transposed = [factor.transpose(1, 2) for factor in self._factors]
        self._inputs = like

    def onward(self, inputs: Tensor) -> Tensor:
        """Return the logits of inputs, (K, n, d), to be overwritten by the gradient there before the pass backward."""
        parameters, products = self._parameters, self._parameters.products
        self._inputs = below = products.factor(inputs)
        for weight, room in zip(parameters.weights, parameters.factors, strict=True):
            products.factor(weight, room)
        for k, (values, factor) in enumerate(zip(self._values, self._factors, strict=True)):
            bias = parameters.biases[k]
            if bias is not None and products.dtype is None:
                torch.baddbmm(bias, below, parameters.transposed[k], out=values)
            else:
                products.product(below, parameters.transposed[k], out=values, room=factor)
                if bias is not None:
                    values.add_(bias)
            if k < len(parameters.kinds):
                below = products.factor(ACTIVATIONS[parameters.kinds[k]](values), factor)
        return values

    def backward(self) -> None:
        """Write the gradients of the parameters, from the one at the logits."""
        parameters, products = self._parameters, self._parameters.products
        gradient = self._values[-1]
        for k in range(len(self._values) - 1, -1, -1):
            factor, at_bias = products.factor(gradient, self._factors[k]), parameters.at_biases[k]
            below = self._factors[k - 1] if k else self._inputs
            products.product(self._transposed[k], below, out=parameters.at_weights[k], room=parameters.results[k])
            if at_bias is not None:
                torch.sum(self._widened(gradient, at_bias), 1, out=at_bias)
            if k:
                values = below if self._is_short[k - 1] else self._values[k - 1]
                at_values = self._for_a_moment(values.shape, values.dtype)
                products.product(factor, parameters.factors[k], out=at_values, room=below)
                gradient = DERIVATIVES[parameters.kinds[k - 1]](at_values, values)

    def _widened(self, values: Tensor, like: Tensor) -> Tensor:
        """Return values in the type of another tensor: themselves, if they have it."""
        return values if values.dtype == like.dtype else self._for_a_moment(values.shape, like.dtype).copy_(values)

    def _for_a_factor(self, k: int, values: Tensor, dtype: torch.dtype) -> Tensor:
        return self._memory.at(("factor", k), values.shape, values, dtype)

    def _for_a_moment(self, shape: Size, dtype: torch.dtype) -> Tensor:
        """Return the memory of a width: what is written there holds until it is asked for again."""
        if (shape, dtype) not in self._moments:
            self._moments[shape, dtype] = self._memory.at(("moment", shape[-1]), shape, self._parameters.weights[0], dtype)
        return self._moments[shape, dtype]
