"""The result of a comparison of two networks of a caller's, and how it is shown."""

import html
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from torch import Tensor

from lmc_sweeps.symmetry.maps import Map

SHOWN = ["matching", "repair", "error_a", "error_b", "loss_barrier", "error_barrier", "function_gap"]
ATTRIBUTES = "to_frame() curves layers maps permutations aligned starts searches notes seconds"


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`: tables as pandas frames, maps, and the mapped state dicts of B.

    `permutations` are the orders of those maps that are permutations. `starts` are, by method that folds norms, the state dicts of A in
    linear form, where the line to `aligned` begins; of other methods it is A's own. `seconds` are those of `STAGES`: of reading networks
    and data, of deriving the symmetries, of proving them, of matching (statistics included), and of evaluating all that is measured.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    maps: dict[str, dict[str, Map]]
    permutations: dict[str, dict[str, np.ndarray]]
    aligned: dict[str, dict[str, Tensor]]
    searches: pd.DataFrame
    notes: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    starts: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return the measures: one row per repair, method and split, the columns of ``runs.csv`` from `matching` on, and `repair`."""
        return self.runs.copy()

    def __repr__(self) -> str:
        """Return the measures of the test split that are looked at first, the notes, and what else there is."""
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([self._brief().to_string(index=False), *notes, f"Attributes: {ATTRIBUTES}"])

    def _repr_html_(self) -> str:
        """Return the same for a cell of a notebook."""
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"{self._brief().to_html(index=False)}<ul>{notes}</ul><p>Attributes: <code>{html.escape(ATTRIBUTES)}</code></p>"

    def _brief(self) -> pd.DataFrame:
        """Return one row per method and repair, of the test split, rounded; `repair` only where there are several."""
        columns = [column for column in SHOWN if column != "repair" or self.runs["repair"].nunique() > 1]
        rows = self.runs.loc[self.runs["split"] == "test", columns]
        rounded = {column: "{:.4f}".format for column in columns if rows[column].dtype == float} | {"function_gap": "{:.0e}".format}
        return rows.assign(**{column: rows[column].map(form) for column, form in rounded.items()}).reset_index(drop=True)
