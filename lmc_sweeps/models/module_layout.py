"""Where a module holds its tensors: looked up once, for a look at all of its names takes as long as a small layer computes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

Place = tuple[dict[str, Any], str]  # a layer's parameters or buffers, and the name among them


class Layout:
    """The layers of a module below it, and by name the places of its parameters and buffers.

    A tensor that has several names has all of its places under each of them. The module's own code may set attributes as it is called;
    whoever calls it puts them back, so that the layout stays what it is. A module to which layers are added is another one: copy it.
    """

    def __init__(self, module: nn.Module) -> None:
        # Without the module itself, which is kept by weak reference: this must not hold it.
        self.layers = tuple(layer for layer in module.modules() if layer is not module)
        self.buffers = tuple(name for name, _ in module.named_buffers(remove_duplicate=False))
        named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
        by_tensor: dict[int, list[tuple[str, Place]]] = {}
        for name, tensor in named:
            path, _, attribute = name.rpartition(".")
            layer = module.get_submodule(path)
            held: dict[str, Any] = layer._parameters if attribute in layer._parameters else layer._buffers
            by_tensor.setdefault(id(tensor), []).append((name, (held, attribute)))
        self._places = {name: [at for _, at in same] for same in by_tensor.values() for name, _ in same}
        self._aliases = {name: tuple(other for other, _ in same) for same in by_tensor.values() for name, _ in same}

    def own_buffers(self, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
        """Yield the module's own buffers of which no name is among some tensors, each once."""
        for name in self.buffers:
            aliases = self._aliases[name]
            held, attribute = self._places[name][0]
            if name == aliases[0] and not any(alias in tensors for alias in aliases) and (buffer := held[attribute]) is not None:
                yield name, buffer

    @contextmanager
    def holding(self, tensors: dict[str, Tensor]) -> Iterator[None]:
        """Put tensors in their places, and the module's own back afterwards; `tensors` has then what the places of buffers held."""
        before = [(held, attribute, held[attribute]) for name in tensors for held, attribute in self._places.get(name, ())]
        try:
            for name, tensor in tensors.items():
                for held, attribute in self._places.get(name, ()):
                    held[attribute] = tensor
            yield
            for name in self.buffers:
                held, attribute = self._places[name][0]
                if name in tensors and (buffer := held[attribute]) is not None:
                    tensors[name] = buffer
        finally:
            for held, attribute, own in reversed(before):
                held[attribute] = own


_layouts: WeakKeyDictionary[nn.Module, Layout] = WeakKeyDictionary()


def layout_of(module: nn.Module) -> Layout:
    """Return the layout of a module, which is looked up at its first call."""
    layout = _layouts.get(module)
    if layout is None:
        layout = _layouts[module] = Layout(module)
    return layout
