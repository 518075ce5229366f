"""The rows that a study is about."""

from typing import Any

import pandas as pd


def measured(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Return the rows of jobs that did not diverge in which each of the columns named has the value given, e.g. ``split="test"``."""
    chosen = frame["status"] == "ok"
    for column, value in values.items():
        chosen &= frame[column] == value
    return frame[chosen]
