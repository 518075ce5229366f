"""What the pages of the studies of width and norm of convolutional networks say, from their tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from claims import ROOT, Claim, Tables, Value

NORM = "`model.norm`"


@dataclass(frozen=True)
class Study:
    """A study by name: its widths, those of them that layer norms have, and its methods, the controls among them."""

    name: str
    widths: tuple[int, ...]
    layer_widths: tuple[int, ...]
    methods: tuple[str, ...]

    @property
    def page(self) -> str:
        return f"results/{self.name}/README.md"

    @property
    def lines(self) -> list[str]:
        return (ROOT / self.page).read_text(encoding="utf-8").splitlines()

    def line(self, start: str) -> str:
        (line,) = (line for line in self.lines if line.startswith(start))
        return line

    @property
    def rows(self) -> list[Claim]:
        """The rows of the table of loss barriers, and that of the networks' own errors."""
        cells = [("batch", "none"), ("batch", "reset"), ("layer", "none"), ("layer", "repair")]
        barriers = [
            Claim(self.line(f"| {norm} | {repair} | `{method}` |"), self._row(norm, repair, method))
            for norm, repair in cells
            for method in self.methods
        ]
        errors = [Claim(self.line(f"| {norm} | {repair} | own error |"), self._own(norm, repair)) for norm, repair in cells]
        header = Claim(self.line("| norm | repair | method |"), lambda table: list(self.widths))
        return [header, *barriers, *errors]

    def widths_of(self, norm: str) -> tuple[int, ...]:
        return self.widths if norm == "batch" else self.layer_widths

    def _row(self, norm: str, repair: str, method: str):
        def values(table: Tables) -> list[Value]:
            query = f"metric == 'loss_barrier' and {NORM} == '{norm}' and repair == '{repair}' and matching == '{method}'"
            means = pairs(table, norm, repair)[method].groupby("width").mean()
            ends = [
                [table.value("barriers", side, f"{query} and width == {width}") for side in ("ci_low", "ci_high")]
                for width in self.widths_of(norm)
            ]
            return [
                value for width, (low, high) in zip(self.widths_of(norm), ends, strict=True) for value in (float(means[width]), low, high)
            ]

        return values

    def _own(self, norm: str, repair: str):
        def values(table: Tables) -> list[Value]:
            query = f"metric == 'error_endpoint' and {NORM} == '{norm}' and repair == '{repair}'"
            return [100 * table.value("ends", "mean", f"{query} and width == {width}") for width in self.widths_of(norm)]

        return values


def pairs(table: Tables, norm: str, repair: str, measure: str = "loss_barrier") -> pd.DataFrame:
    """Return a measure on the test split by width and seed, a column for each method."""
    runs = table("runs", f"split == 'test' and {NORM} == '{norm}' and repair == '{repair}'")
    assert (runs["status"] == "ok").all()
    return runs.pivot(index=["width", "seed"], columns="matching", values=measure)


def means(table: Tables, norm: str, repair: str, method: str, widths: Sequence[int], measure: str = "loss_barrier") -> list[float]:
    """Return the mean of a measure over pairs at some widths."""
    by_width = pairs(table, norm, repair, measure)[method].groupby("width").mean()
    return [float(by_width[width]) for width in widths]


def growth(table: Tables, norm: str, repair: str, method: str, width: int, metric: str = "loss_barrier") -> list[float]:
    """Return how much a mean barrier grows from the least width to another, with its interval."""
    query = f"metric == '{metric}' and {NORM} == '{norm}' and repair == '{repair}' and matching == '{method}' and to_width == {width}"
    return [table.value("change_with_width", column, query) for column in ("growth", "growth_low", "growth_high")]


def undecided(table: Tables, norm: str, repair: str, methods: tuple[str, ...], widths: tuple[int, ...]) -> None:
    """Assert that at none of some widths the loss barrier of these methods is told from that of `identity`."""
    query = f"metric == 'loss_barrier' and split == 'test' and {NORM} == '{norm}' and repair == '{repair}' and method == 'identity'"
    rows = table("method_differences", query)
    rows = rows[rows["other"].isin(methods) & rows["width"].isin(widths)]
    assert len(rows) == len(methods) * len(widths)
    assert (rows["ci_low"].lt(0) & rows["ci_high"].gt(0)).all()
