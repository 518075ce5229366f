"""Figures in memory: measured by one renderer each, and laid out without being drawn."""

from contextlib import suppress

from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure


class MeasuringCanvas(FigureCanvasBase):
    """A canvas on which nothing is drawn, with a renderer that measures letters.

    Without one, matplotlib makes a renderer of the size of the figure each time that it measures a part of it, and measures every
    letter anew.
    """

    _renderer: tuple[tuple[int, int, float], RendererAgg] | None = None

    def get_renderer(self) -> RendererAgg:
        """Return the renderer: a new one if the figure has another size or resolution than before."""
        width, height = (round(pixels) for pixels in self.figure.bbox.size)
        shape = width, height, self.figure.dpi
        if self._renderer is None or self._renderer[0] != shape:
            self._renderer = shape, RendererAgg(*shape)
        return self._renderer[1]


def measured(figure: Figure) -> Figure:
    """Return a figure on a canvas that measures, unless it is on one of a kind that has a renderer."""
    if not hasattr(figure.canvas, "get_renderer"):
        MeasuringCanvas(figure)
    return figure


def arrange(figure: Figure) -> None:
    """Arrange the parts of a figure as its layout engine has them, which it also does, and more slowly, whenever it is drawn."""
    engine = measured(figure).get_layout_engine()
    if engine is not None and figure.axes:
        with suppress(ValueError):  # as where it is drawn: of panels that have no room
            engine.execute(figure)
