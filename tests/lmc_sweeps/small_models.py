"""Our models whose symmetries are traced, small: each with a shape, and the groups that its networks have, counted by hand."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.datasets.base import TOKENS, Split, split, token_split
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.models.gpt import Gpt
from lmc_sweeps.models.resnet import Resnet
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.models.traced import TracedModel
from lmc_sweeps.models.vgg import Vgg
from lmc_sweeps.models.vit import Vit


@dataclass(frozen=True)
class Small:
    """A model with the shape of its networks, and the sizes of their groups."""

    model: TracedModel
    shape: Shape
    sizes: tuple[int, ...]

    @property
    def architecture(self) -> TorchModule:
        return self.model.architecture(self.shape)

    def inputs(self, count: int = 4, seed: int = 0) -> Tensor:
        return self.shape.examples(count, self.model.takes[0], np.random.default_rng(seed))

    def drawn(self, count: int, seed: int) -> Split:
        """Return examples with labels, drawn."""
        inputs, rng = self.inputs(count, seed).numpy(), np.random.default_rng(seed)
        if self.model.takes == (TOKENS,):
            return token_split(inputs, rng.integers(self.shape.classes, size=inputs.shape))
        return split(inputs, rng.integers(self.shape.classes, size=count))


IMAGE, WIDE, TEXT = (1, 8, 8), (3, 32, 32), (6,)
PLAIN = ("batch", "layer", "none")  # norms that treat all channels alike
VGG11 = (2, 4, 8, 8, 16, 16, 16, 16)
STREAMS, INNER = (4, 8, 16), (4, 8, 16)  # of a residual network of width 4: the sums of a stage, and what is inside of a block
BLOCK = (2, 4, 4)  # of a transformer of width 8 with 2 heads: heads, queries and keys, values
# In two groups of channels: one order of the groups, one inside all of them (of a single channel there is none).
MODELS = {
    **{f"cnn {norm}": Small(Cnn(norm=norm), Shape(IMAGE, 4, 2, 3), (4, 4)) for norm in PLAIN},
    "cnn group": Small(Cnn(norm="group", norm_groups=2), Shape(IMAGE, 4, 2, 3), (2, 2, 2, 2)),
    "cnn mean": Small(Cnn(pooling="mean", kernel=5), Shape((1, 28, 28), 4, 3, 3), (4, 4, 4)),
    **{f"vgg11 {norm}": Small(Vgg(norm=norm), Shape(WIDE, 2, 1, 3), VGG11) for norm in PLAIN},
    "vgg11 group": Small(Vgg(norm="group", norm_groups=2), Shape((1, 28, 28), 2, 1, 3), (*(2,) * 8, *(n // 2 for n in VGG11[1:]))),
    **{f"resnet8 {norm}": Small(Resnet(norm=norm, blocks=1), Shape(IMAGE, 4, 1, 3), (*STREAMS, *INNER)) for norm in PLAIN},
    "resnet8 group": Small(Resnet(norm="group", norm_groups=2, blocks=1), Shape(IMAGE, 4, 1, 3), (*(2,) * 6, *(n // 2 for n in STREAMS + INNER))),
    **{f"vit {norm}": Small(Vit(norm=norm, heads=2), Shape(IMAGE, 8, 1, 3), (8, *BLOCK, 16)) for norm in ("layer", "rms", "none")},
    "vit token": Small(Vit(pooling="token", heads=2, patch=2), Shape((2, 4, 6), 8, 2, 3), (8, *(*BLOCK, 16) * 2)),
    **{f"gpt {norm}": Small(Gpt(norm=norm, heads=2), Shape(TEXT, 8, 1, 5), (8, *BLOCK, 32)) for norm in ("layer", "rms", "none")},
}  # fmt: skip


# Of every kind of module one: for what does not depend on norms.
KINDS = ("cnn mean", "vgg11 group", "resnet8 batch", "vit token", "gpt layer")


@cache
def drawn(name: str, seed: int) -> dict[str, Tensor]:
    """Return a network in which no two neurons are alike: what begins constant is drawn too, positive, as variances are."""
    rng = np.random.default_rng(seed)
    network = {}
    for key, tensor in MODELS[name].model.initial(MODELS[name].shape, rng).items():
        is_constant = bool((tensor == tensor.flatten()[0]).all())
        is_embedding = key in ("embedding.weight", "positions", "token")  # which begin near 0: attention would hardly matter
        network[key] = (
            torch.from_numpy(rng.uniform(0.5, 1.5, tensor.shape)).float() if is_constant else tensor * (50 if is_embedding else 1)
        )
    return network
