"""Pairs of trained networks to compare methods on: digits, a CNN on MNIST, residual networks on CIFAR-10; trained once into a folder."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.sweeps import run_in
from lmc_sweeps.datasets.base import Dataset, Split
from lmc_sweeps.datasets.cifar10 import Cifar10
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.datasets.idx import Mnist
from lmc_sweeps.networks import load_networks
from multirun_analysis.schema import RECORD

DIGITS = "digits_mlp"
DIGITS_JOB = ("dataset=digits", "width=32", "depth=2", "networks=9")
BATCH = 100


@dataclass(frozen=True)
class RealPair:
    """Two trained networks in evaluation mode, and the splits of their dataset, as they take them."""

    name: str
    number: str  # which of the pairs of this name
    a: nn.Module
    b: nn.Module
    train: Split
    test: Split


@dataclass(frozen=True)
class Recipe:
    """What is trained: a network, on which images, for how long, by Adam or by the recipe of residual networks."""

    network: Callable[[], nn.Module]
    dataset: Callable[[Path], Dataset]
    shape: tuple[int, int, int]
    epochs: int
    is_residual: bool = False


class Residual(nn.Module):
    """Two convolutions with a shortcut, which is a convolution of its own where the size changes (He et al. 2016)."""

    def __init__(self, n_in: int, n_out: int, stride: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), norm(n_out)
        self.conv2, self.norm2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), norm(n_out)
        self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), norm(n_out)) if n_in != n_out else None

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(block(x) + shortcut(x))."""
        h = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(h + (x if self.shortcut is None else self.shortcut(x)))


def resnet20(norm: Callable[[int], nn.Module], width: int = 8) -> nn.Module:
    """Return a ResNet20 of 8, 16 and 32 channels, half as wide as the original."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1, bias=False), norm(width), nn.ReLU()]
    n_in = width
    for stage, block in itertools.product(range(3), range(3)):
        n_out = width * 2**stage
        layers.append(Residual(n_in, n_out, 2 if stage and not block else 1, norm))
        n_in = n_out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_in, 10))


def layer_norm(channels: int) -> nn.Module:
    """Return a layer norm over channels and positions, with a scale and a shift for each channel."""
    return nn.GroupNorm(1, channels)


def cnn(pooled: bool) -> nn.Module:
    """Return a CNN of 16 and 32 channels, whose last layer reads every position of every channel, or the means of the channels."""
    layers = [nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU()]
    if pooled:
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    return nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 10))


def _mnist(root: Path) -> Dataset:
    return Mnist(root=str(root / "mnist"), train_size=20_000)


def _cifar10(root: Path) -> Dataset:
    return Cifar10(root=str(root / "cifar10"))


GREY, COLOUR = (1, 28, 28), (3, 32, 32)
RECIPES = {
    "mnist_cnn": Recipe(lambda: cnn(pooled=False), _mnist, GREY, 3),
    "mnist_cnn_pooled": Recipe(lambda: cnn(pooled=True), _mnist, GREY, 3),
    "resnet20_bn": Recipe(lambda: resnet20(nn.BatchNorm2d), _cifar10, COLOUR, 6, is_residual=True),
    "resnet20_gn": Recipe(lambda: resnet20(layer_norm), _cifar10, COLOUR, 6, is_residual=True),
}


def real_pairs(folder: Path, root: Path | None) -> Iterator[RealPair]:
    """Yield all pairs: 36 of nine MLPs on digits, and one of each recipe, where the images are; networks lacking in the folder are trained.

    Parameters
    ----------
    folder : Path
        Of the trained networks.
    root : Path, optional
        A folder with ``mnist`` and ``cifar10`` in it; without one, digits only.
    """
    yield from digits_pairs(folder)
    if root is None:
        return
    for name, recipe in RECIPES.items():
        train, test = images(recipe.dataset(root), recipe.shape)
        a, b = (_trained(folder / f"{name}_seed{seed}_epoch{recipe.epochs}.pt", recipe, train, seed) for seed in (0, 1))
        yield RealPair(name, "0-1", a, b, train, test)


def digits_pairs(folder: Path) -> Iterator[RealPair]:
    """Yield the pairs of nine multilayer perceptrons on digits, trained by a job of this project."""
    folder = folder.resolve() / "digits"
    if not (folder / "run" / RECORD).exists():
        folder.mkdir(parents=True, exist_ok=True)
        run_in(folder, *DIGITS_JOB)
    data = Digits().load()
    train, test = (Split(split.inputs.flatten(1), split.labels) for split in (data.train, data.test))
    for pair in itertools.combinations(range(9), 2):
        networks = load_networks(folder / "run", pair, folder / "store")
        yield RealPair(DIGITS, "{}-{}".format(*pair), networks.network_a, networks.network_b, train, test)


def images(dataset: Dataset, shape: tuple[int, int, int]) -> tuple[Split, Split]:
    """Return both splits of a dataset as images (n, *shape), less the mean of each channel over the training split, by its deviation."""
    data = dataset.load()
    train, test = (split.inputs.reshape(-1, *shape) for split in (data.train, data.test))
    mean, deviation = train.mean((0, 2, 3), keepdim=True), train.std((0, 2, 3), keepdim=True)
    return Split((train - mean) / deviation, data.train.labels), Split((test - mean) / deviation, data.test.labels)


def _trained(path: Path, recipe: Recipe, train: Split, seed: int) -> nn.Module:
    """Return the network of a file, trained first where there is none."""
    torch.manual_seed(seed)
    network = recipe.network()
    if path.exists():
        network.load_state_dict(torch.load(path))
        return network.eval()
    parameters, steps = network.parameters(), len(train) // BATCH
    optimizer = (
        torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-4)
        if recipe.is_residual
        else torch.optim.Adam(parameters, lr=1e-3)
    )
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(1000 * seed + epoch))
        for k, rows in enumerate(order.split(BATCH)):
            if recipe.is_residual:
                optimizer.param_groups[0]["lr"] = 0.1 * warmup_cosine(epoch * steps + k, steps, recipe.epochs * steps)
            optimizer.zero_grad()
            F.cross_entropy(network(train.inputs[rows]), train.labels[rows]).backward()
            optimizer.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
    return network.eval()


def warmup_cosine(step: int, warmup: int, total: int) -> float:
    """Return the share of the learning rate at a step: linearly up, then along a cosine to 0."""
    return (step + 1) / warmup if step < warmup else (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2
