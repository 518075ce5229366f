"""``python -m multirun_analysis.columns``: every column of every CSV, as the page docs/columns.md."""

import sys

from multirun_analysis import schema
from multirun_analysis.common.media import FORMULA

HEAD = rf"""# Columns

Written by `python -m multirun_analysis.columns > docs/columns.md` from `multirun_analysis/schema/`; a test holds the two together.

Where keys vary beyond those listed, every varying key has a column of its own under its dotted name (`optimizer.lr`, ...), before
`network_a` or `network`, or before the method where there are no networks. Absent values of keys are written `-`, and those that are no
finite numbers `<nan>`, `<inf>` and `<-inf>`; measures that do not exist are empty. Losses are mean
cross-entropy in nats per example (per character of a text), errors fractions in [0, 1].

Values of keys, and names, that a reader of CSVs could take for a number, a truth, nothing or a formula (`1e5`, `true`, `NA`, `=1`) stand in
quotation marks, as in JSON: a column holds numbers only where the configs do. Other text that a spreadsheet would take for a formula (it
begins with `=`, `+`, `-`, `@`, a tab or a line break, and is neither a number nor `-` alone) has an apostrophe before it; numbers have
none. In pandas, `frame[column].str.replace(r"^'(?={FORMULA.pattern})", "", regex=True)` takes it off again; `load_runs(dir)` never has it.
Letters that do not show are written as escapes, such as `\x1b`.
"""


def markdown() -> str:
    """Return the page."""
    parts = [HEAD]
    for name, (row, columns) in schema.files().items():
        parts += [f"## {name}", "", f"A row is {row}.", "", "| column | type | unit | meaning |", "|---|---|---|---|"]
        parts += [f"| `{column.name}` | {column.kind} | {column.unit} | {_cell(column.meaning)} |" for column in columns]
        parts.append("")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(markdown())
