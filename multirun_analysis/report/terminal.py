"""Showing a report: coloured tables on a terminal, plain text anywhere else."""

import io
import sys
from typing import TextIO

from multirun_analysis.common.media import for_terminal
from multirun_analysis.report.grids import fitted
from multirun_analysis.report.report import Report
from multirun_analysis.tables.not_worse import MEANING
from multirun_analysis.tables.pivots import has_bold


def show(report: Report, stream: TextIO | None = None) -> None:
    """Print a report; with colours and what is `not_worse` in bold where someone looks, as plain text in a pipe or a file."""
    stream = sys.stdout if stream is None else stream
    if stream.isatty():
        _show_rich(report, stream)
    else:
        stream.write(written(f"{report.text}\n", stream))
    stream.flush()


def shown(report: Report, is_terminal: bool, encoding: str) -> str:
    """Return what `show` prints to a stream, a terminal or not, of some encoding."""
    stream = _Like(is_terminal, encoding)
    show(report, stream)
    return stream.getvalue()


class _Like(io.StringIO):
    """Text in memory that is taken for another stream."""

    def __init__(self, is_terminal: bool, encoding: str) -> None:
        super().__init__()
        self._is_terminal, self._encoding = is_terminal, encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._is_terminal


def written(text: str, stream: TextIO) -> str:
    """Return text as a stream can write it: what its encoding lacks as an escape, ``±`` as ``+/-``."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.replace("±", "+/-").encode(encoding, "backslashreplace").decode(encoding)
    return text


def _show_rich(report: Report, stream: TextIO) -> None:
    from rich import box  # a tenth of a second to import, and no use in a pipe
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def shown(text: str, style: str = "") -> Text:
        return Text(written(for_terminal(text), stream), style=style)

    console = Console(file=stream, highlight=False)
    console.print(shown(report.heading, "dim"))
    for block in report.blocks:
        for k, grid in enumerate(fitted(block, console.width, lambda text: written(for_terminal(text), stream))):
            table = Table(title=shown(grid.title if k == 0 else f"{grid.title} (continued)"), title_justify="left", box=box.SIMPLE_HEAD)
            for (name, _), *_ in grid.all_columns:
                table.add_column(Text(name), justify="right")
            for row in zip(*(column[1:] for column in grid.all_columns), strict=True):
                table.add_row(*(Text(text, style=style) for text, style in row))
            console.print(table)
    if has_bold(report.blocks):
        console.print(shown(MEANING, "dim"))
    if not report.blocks:
        console.print("(no results yet)")
    console.print(shown(report.counts, "red" if report.failures else "green"))
    for lines, style in ((report.failures, "red"), (report.notes, "dim")):
        for line in lines:
            console.print(shown(f"  {line}", style))
    console.print(shown(report.location), soft_wrap=True)
