"""A caller's own `nn.Sequential` of linear layers and elementwise activation functions, as a feed-forward chain."""

import copy

from torch import nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import INPUT
from lmc_sweeps.models.chain_layer import ELEMENTWISE, ChainModule
from lmc_sweeps.models.feed_forward import FeedForward, Layer


def from_sequential(module: nn.Sequential) -> FeedForward:
    """Return the mathematics of a caller's `nn.Sequential` of linear layers and elementwise activation functions.

    A `Flatten` may come first; a `LogSoftmax` or `Softmax`, over the classes, may come last. The module itself is not kept.

    Raises
    ------
    InputError
        If it holds anything else, or one parameter in two layers, or has a `forward` of its own: such a network needs a permutation
        specification.
    """
    _check_module(module)
    layers: list[Layer] = []
    children = list(zip(module._modules, module, strict=True))  # named_children() leaves out the second position of one activation
    for k, (name, child) in enumerate(children):
        if isinstance(child, nn.Linear):
            layers.append(Layer(name, child.bias is not None))
        elif isinstance(child, nn.Flatten) and not layers:
            continue  # inputs are flattened before they come here
        elif layers and (type(child) in ELEMENTWISE or (_is_over_classes(child) and k == len(children) - 1)):
            # Of probabilities the loss is taken as of their logarithms; -1 is the classes' axis of (n, classes) and of (K, n, classes).
            after = nn.LogSoftmax(dim=-1) if _is_over_classes(child) else copy.deepcopy(child).eval()
            layers[-1] = Layer(layers[-1].name, layers[-1].has_bias, (*layers[-1].after, after))
        else:
            raise InputError(
                f"layer {name!r} is a {type(child).__name__}; without a specification, a network must be an nn.Sequential of Linear layers "
                f"and elementwise activation functions ({', '.join(kind.__name__ for kind in ELEMENTWISE)}). "
                "Pass `permutation_spec` for others."
            )
    if len(layers) < 2:
        raise InputError(f"a network needs at least one hidden layer to be matched, got {len(layers)} linear layer(s).")
    return FeedForward(layers)


def _check_module(module: nn.Sequential) -> None:
    if type(module).forward not in (nn.Sequential.forward, ChainModule.forward):
        raise InputError(f"a {type(module).__name__} has a `forward` of its own, not nn.Sequential's. Pass `permutation_spec`.")
    if len(list(module.named_parameters())) < len(list(module.named_parameters(remove_duplicate=False))):
        raise InputError("two layers share a parameter, which a permutation of one layer would change in both. Pass `permutation_spec`.")
    if isinstance(module._modules.get(INPUT), nn.Linear):
        raise InputError(f"a linear layer cannot be called {INPUT!r}, which stands for the network's own inputs; give it another name.")


def _is_over_classes(child: nn.Module) -> bool:
    return isinstance(child, nn.LogSoftmax | nn.Softmax) and child.dim in (None, 1, -1)
