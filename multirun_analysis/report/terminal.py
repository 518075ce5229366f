"""Showing a report: coloured tables on a terminal, plain text anywhere else."""

import sys
from typing import TextIO

from multirun_analysis.common.media import for_terminal
from multirun_analysis.report.report import Report
from multirun_analysis.tables.pivots import fitted


def show(report: Report, stream: TextIO | None = None) -> None:
    """Print a report; with colours and the best method in bold where someone looks, as plain text in a pipe or a file."""
    stream = sys.stdout if stream is None else stream
    if stream.isatty():
        _show_rich(report, stream)
    else:
        stream.write(written(f"{report.text}\n", stream))
    stream.flush()


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
    for block in (part for block in report.blocks for part in fitted(block, console.width)):
        table = Table(title=shown(block.title), title_justify="left", box=box.SIMPLE_HEAD)
        for name in block.header:
            table.add_column(shown(name), justify="right")
        for key, pairs, end, values in block.rows:
            n_pairs, _, n_expected = pairs.partition("/")
            cells = [shown(value.text("±"), "bold green" if value.best else "") for value in values]
            table.add_row(shown(key, "bold"), shown(pairs, "" if n_pairs == n_expected else "bold red"), shown(end), *cells)
        console.print(table)
    if not report.blocks:
        console.print("(no results yet)")
    console.print(shown(report.counts, "red" if report.failures else "green"))
    for lines, style in ((report.failures, "red"), (report.notes, "dim")):
        for line in lines:
            console.print(shown(f"  {line}", style))
    console.print(shown(report.location), soft_wrap=True)
