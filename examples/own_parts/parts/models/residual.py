"""`residual`: a stream that every block reads and adds to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.models.base import INPUT, Architecture, Model, Shape

STREAM = "stream"


def block(k: int) -> str:
    """Return the group of the hidden neurons of block k = 1, 2, ..."""
    return f"block_{k}"


class ResidualNetwork(Architecture):
    r"""A residual network of linear layers, without biases in its blocks' outputs.

    .. math:: h_0 = W x + b, \qquad h_k = h_{k-1} + V_k^\top \mathrm{relu}(U_k h_{k-1} + c_k), \qquad z = W_o \mathrm{relu}(h_K) + b_o

    All of :math:`h_0, ..., h_K` are one group, the stream: a sum has one order of its terms' entries. So the stream's permutation moves the
    rows of W and b, and the columns of every :math:`U_k` and :math:`V_k` and of :math:`W_o`. Each block has a group of its own, which
    moves the rows of :math:`U_k`, :math:`c_k` and :math:`V_k`. (:math:`V_k` is held with its block's neurons first, so that one pass
    matches all groups. Held as the matrix that computes the stream, it would make the stream wait for all blocks, and the blocks for the
    stream: methods would then sweep over the groups until none changes.)
    """

    def __init__(self, depth: int) -> None:
        axes: dict[str, tuple[str | None, ...]] = {"input_weight": (STREAM, None), "input_bias": (STREAM,)}
        for k in range(1, depth + 1):
            name = block(k)
            axes |= {f"{name}_in": (name, STREAM), f"{name}_bias": (name,), f"{name}_out": (name, STREAM)}
        axes |= {"output_weight": (None, STREAM), "output_bias": (None,)}
        self.depth, self.spec = depth, PermutationSpec(axes)

    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        return self._run(stack, inputs)[0]

    def activations(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, Tensor]:
        return self._run(stack, inputs)[1]

    def sources(self, group: str) -> tuple[str, ...]:
        # One for each of spec.incoming(group), in that order: what the second axis of that parameter belongs to.
        return (INPUT,) if group == STREAM else (STREAM, STREAM)

    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        return ResidualModule(self, parameters).eval()

    def _run(self, stack: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the logits (K, n, classes), and the activations of every group, of the stream those at its end."""
        x = inputs.expand(len(stack["input_bias"]), *inputs.shape[-2:])  # (n, d) is shared by K networks; (K, n, d) is one batch each
        stream = _linear(x, stack["input_weight"], stack["input_bias"])
        hidden = {}
        for k in range(1, self.depth + 1):
            name = block(k)
            hidden[name] = _linear(stream, stack[f"{name}_in"], stack[f"{name}_bias"]).relu()
            stream = stream + hidden[name] @ stack[f"{name}_out"]
        stream = stream.relu()
        return _linear(stream, stack["output_weight"], stack["output_bias"]), {INPUT: x, STREAM: stream, **hidden}


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)


class ResidualModule(nn.Module):
    """One network of this architecture, for `load_networks`."""

    def __init__(self, architecture: ResidualNetwork, parameters: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.architecture = architecture
        for name, tensor in parameters.items():
            self.register_parameter(name, nn.Parameter(tensor.detach().clone()))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits, (n, classes)."""
        return self.architecture.forward({name: tensor.unsqueeze(0) for name, tensor in self.named_parameters()}, inputs)[0]


@dataclass(frozen=True, kw_only=True)
class Residual(Model):
    """`depth` residual blocks of `width` neurons on a stream of `width` entries."""

    name: ClassVar[str] = "residual"

    def architecture(self, shape: Shape) -> ResidualNetwork:
        return ResidualNetwork(shape.depth)

    def initial(self, shape: Shape, rng: np.random.Generator) -> dict[str, Tensor]:
        width = shape.width
        sizes = {"input_weight": (width, shape.n_inputs), "input_bias": (width,)}
        for k in range(1, shape.depth + 1):
            sizes |= {f"{block(k)}_in": (width, width), f"{block(k)}_bias": (width,), f"{block(k)}_out": (width, width)}
        sizes |= {"output_weight": (shape.classes, width), "output_bias": (shape.classes,)}
        network = {}
        for name, size in sizes.items():
            scale = 0.0 if name.endswith("_bias") else np.sqrt(2 / size[-1])
            if name.endswith("_out"):
                scale /= shape.depth  # the stream stays of one size, whatever the depth
            network[name] = torch.from_numpy((scale * rng.standard_normal(size)).astype(np.float32))
        return network
