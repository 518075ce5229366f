"""Showing a report: coloured tables on a terminal, plain text anywhere else."""

import sys
from typing import TextIO

from multirun_analysis.report import Report


def show(report: Report, stream: TextIO | None = None) -> None:
    """Print a report; with colours and the best method in bold where someone looks, as plain text in a pipe or a file."""
    stream = sys.stdout if stream is None else stream
    if stream.isatty():
        _show_rich(report, stream)
    else:
        stream.write(f"{report.text}\n")
    stream.flush()


def _show_rich(report: Report, stream: TextIO) -> None:
    from rich import box  # a tenth of a second to import, and no use in a pipe
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    console.print(Text(report.heading, style="dim"))
    for block in report.blocks:
        table = Table(title=Text(block.title), title_justify="left", box=box.SIMPLE_HEAD)
        for name in block.header:
            table.add_column(Text(name), justify="right")
        for key, pairs, end, values in block.rows:
            found, _, asked = pairs.partition("/")
            cells = [Text(value.text("±"), style="bold green" if value.best else "") for value in values]
            table.add_row(Text(key, style="bold"), Text(pairs, style="" if found == asked else "bold red"), Text(end), *cells)
        console.print(table)
    if not report.blocks:
        console.print("(no results yet)")
    console.print(Text(report.found, style="red" if report.failures else "green"))
    for lines, style in ((report.failures, "red"), (report.notes, "dim")):
        for line in lines:
            console.print(Text(f"  {line}", style=style))
    console.print(Text(report.place), soft_wrap=True)
