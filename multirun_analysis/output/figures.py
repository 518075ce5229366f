"""Figures as files: in one style, laid out once, equal figures as equal bytes."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from multirun_analysis.output.files import write_by
from multirun_analysis.plots.style import figure_style

# What would make equal figures unequal files: the date, the version of matplotlib, random identifiers.
METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".svg": {"Date": None},
}
FIXED: Any = {"svg.hashsalt": "multirun_analysis", "pdf.fonttype": 42, "savefig.bbox": None}
FIXED |= {"figure.autolayout": False, "figure.constrained_layout.use": False}  # each figure says how it is laid out


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the style of all figures, as PNG or PDF, whichever the path's ending says."""
    with _rendering():
        write_by(path, lambda temporary: figure.savefig(temporary, dpi=150, metadata=METADATA[path.suffix]))


def figure_png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    data = io.BytesIO()
    with _rendering():
        figure.savefig(data, format="png", dpi=150, metadata=METADATA[".png"])
    return data.getvalue()


def figure_svg(figure: Figure) -> str:
    """Return a figure as SVG, letters as paths, so that it looks the same everywhere."""
    text = io.StringIO()
    with _rendering():
        figure.savefig(text, format="svg", metadata=METADATA[".svg"])
    return text.getvalue()


@contextmanager
def _rendering() -> Iterator[None]:
    """Apply the style; no word on the terminal of a letter that the font lacks, which is an empty box, nor of panels without room."""
    with figure_style(), matplotlib.rc_context(FIXED), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield


def lay_out(figure: Figure) -> None:
    """Place the parts of a figure for good: not once more for each kind of file."""
    with _rendering():
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # "none" leaves an engine that does nothing, and with any engine each file is drawn twice
