"""A symmetry graph as a table that a person can check."""

import textwrap
from collections.abc import Mapping, Sequence

from lmc_sweeps.symmetry.axes import Axis

LINE = 100  # characters, of sentences


def table(
    axes: Mapping[str, Sequence[Axis]], sizes: Mapping[str, int], tied: Mapping[str, str], limits: Mapping[str, Sequence[str]]
) -> str:
    """Return the groups, numbered, with their neurons; then each tensor with its axes in these numbers; then what was left fixed."""
    labels = {group: f"g{number}" for number, group in enumerate(sizes, start=1)}
    groups = [(labels[group], group, str(size)) for group, size in sizes.items()]
    tensors = [(name, ", ".join(_axis(axis, labels) for axis in part) or "-") for name, part in axes.items()]
    lines = [*_columns([("", "group", "neurons"), *groups]), "", *_columns([("tensor", "axes (* is read)"), *tensors])]
    if tied:
        lines += ["", *_columns([("tensor", "is"), *tied.items()])]
    for operation, names in limits.items():
        sentence = f"Left fixed by {operation}: {', '.join(names)}."
        lines += ["", *textwrap.wrap(sentence, LINE, subsequent_indent="  ", break_on_hyphens=False)]
    return "\n".join(lines)


def _axis(axis: Axis, labels: Mapping[str, str]) -> str:
    segments = [" x ".join(labels.get(factor.group or "", str(factor.size)) for factor in segment) or "1" for segment in axis.segments]
    return " + ".join(segments) + ("*" if axis.reads and axis.groups else "")


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
