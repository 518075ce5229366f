"""The tensors of chains of layers, as files hold them, and the layers that are read from them."""

from pathlib import Path

import torch

from lmc_sweeps.own_networks.files import NetworkFile
from lmc_sweeps.own_networks.layers import chain

IN, OUT = 8, 3
WHERE = "dataset=letters"


def tensors(*layers, weight=".weight", bias=".bias", turned=False):
    """Return weights and biases of layers (name, inputs, outputs), each filled with the layer's place in the list."""
    by_name = {}
    for k, (name, before, after) in enumerate(layers):
        shape = (before, after) if turned else (after, before)
        by_name[f"{name}{weight}"] = (
            torch.full(shape, float(k)) + torch.arange(before * after).view(after, before).T.reshape(shape) * (turned) / 64
        )
        if bias is not None:
            by_name[f"{name}{bias}"] = torch.full((after,), float(k))
    return by_name


def file(tensors, has_order=False):
    return NetworkFile(Path("F"), tensors, has_order)


def names(tensors, ends=(IN, OUT), **options):
    return [layer.layer for layer in chain(file(tensors), ends, WHERE, **options).layers]


CHAIN = tensors(("0", 8, 6), ("2", 6, 3))
