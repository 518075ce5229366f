"""A figure for a paper: of a given size, in styles of the author's own, with its legend's title left to the caption."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

# Of letters that are printed as they are drawn: an article's are of 9 or 10 points, those of its figures somewhat smaller.
SETTINGS: Mapping[str, Any] = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.0,
}
NOTE = "legend_note"  # of a figure: what stands above its legend, where it is not for a paper


@dataclass(frozen=True)
class Paper:
    """How figures are drawn: their size in inches, and settings of matplotlib over those of our style."""

    size: tuple[float, float] | None
    settings: Mapping[str, Any]


_paper: ContextVar[Paper | None] = ContextVar("_paper", default=None)


def paper() -> Paper | None:
    """Return how a figure for a paper is to be drawn, inside of `for_paper`; None elsewhere."""
    return _paper.get()


@contextmanager
def for_paper(size: tuple[float, float] | None, settings: Mapping[str, Any]) -> Iterator[None]:
    """Draw figures for a paper inside a ``with`` block."""
    before = _paper.set(Paper(size, {**SETTINGS, **settings}))
    try:
        yield
    finally:
        _paper.reset(before)
