"""Figures as files: in one style, laid out once, equal figures as equal bytes."""

import io
import logging
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter

from multirun_analysis.checks import InputError
from multirun_analysis.common.media import for_latex
from multirun_analysis.output.files import write_by
from multirun_analysis.plots.canvas import arrange
from multirun_analysis.plots.style import figure_style

# What would make equal figures unequal files: the date, the version of matplotlib, random identifiers.
METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".svg": {"Date": None},
}
FIXED: Any = {"svg.hashsalt": "multirun_analysis", "pdf.fonttype": 42, "savefig.bbox": None}
FIXED |= {"figure.autolayout": False, "figure.constrained_layout.use": False}  # each figure says how it is laid out


PGF: Any = {"pgf.texsystem": "pdflatex", "pgf.rcfonts": False}


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the style of all figures, as PNG, PDF or SVG, whichever the path's ending says."""
    with _rendering():
        write_by(path, lambda temporary: figure.savefig(temporary, dpi=150, metadata=METADATA[path.suffix]))


def save_pgf(figure: Figure, path: Path) -> None:
    """Write a figure as drawing commands of LaTeX, in whose document its letters are set; it is of no other use afterwards.

    Raises
    ------
    InputError
        If there is no LaTeX, by which letters are measured, or it cannot set one of them.
    """
    with _rendering(), matplotlib.rc_context(PGF):
        _escape_for_latex(figure)
        if shutil.which(PGF["pgf.texsystem"]) is None:
            raise InputError(f"the format pgf needs the program {PGF['pgf.texsystem']}, which is not here; pdf does not.")
        try:
            write_by(path, partial(_write_pgf, figure, path.parent))
        except Exception as error:
            if isinstance(error, OSError):
                raise
            reason = next((line for line in str(error).splitlines() if line.startswith("!")), str(error).partition("\n")[0])
            raise InputError(f"LaTeX cannot set the figure for the format pgf ({reason}); pdf needs no LaTeX.") from error


def _write_pgf(figure: Figure, folder: Path, temporary: Path) -> None:
    """Write a figure as pgf, and beside its place the pictures that it includes."""
    figure.savefig(temporary, format="pgf")
    for picture in temporary.parent.glob(f"{temporary.stem}-img*.png"):
        os.replace(picture, folder / picture.name)


def _escape_for_latex(figure: Figure) -> None:
    """Let every text of a figure be the same to LaTeX as it is to matplotlib."""
    for text in figure.findobj(Text):
        if isinstance(text, Text):
            text.set_text(_for_pgf(text.get_text()))
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        formatter = axis.get_major_formatter()
        if isinstance(formatter, FixedFormatter):
            axis.set_major_formatter(FixedFormatter([_for_pgf(str(text)) for text in formatter.seq]))


def _for_pgf(text: str) -> str:
    """Return text in which LaTeX takes nothing for a command but what is a formula to matplotlib too, between two dollars."""
    parts = re.split(r"((?<!\\)\$[^$]*(?<!\\)\$)", text)
    lines = [[for_latex(line.replace(r"\$", "$")).replace(r"\$", r"\textdollar{}") for line in part.split("\n")] for part in parts[::2]]
    parts[::2] = ["\n".join(of_part) for of_part in lines]
    return "".join(parts)


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
    with figure_style(), matplotlib.rc_context(FIXED), warnings.catch_warnings(), _no_word_of_fonts():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield


@contextmanager
def _no_word_of_fonts() -> Iterator[None]:
    """Let matplotlib's log be silent on fonts that a style names and this machine lacks, once for every letter: another one is taken."""
    fonts = logging.getLogger("matplotlib.font_manager")
    before = fonts.level
    fonts.setLevel(logging.ERROR)
    try:
        yield
    finally:
        fonts.setLevel(before)


def lay_out(figure: Figure) -> None:
    """Place the parts of a figure for good: not once more for each kind of file."""
    with _rendering():
        arrange(figure)
        figure.set_layout_engine(None)  # "none" leaves an engine that does nothing, and with any engine each file is drawn twice
