"""Frames written out by hand: rows of pairs, and planes."""

from typing import Any

import numpy as np
import pandas as pd
from analysis_sweeps import METHODS

from multirun_analysis import schema

CORNERS = {"A": (0.0, 0.0), "B": (10.0, 0.0), "matched B": (3.0, 4.0)}


def frame_of(*rows: tuple) -> pd.DataFrame:
    """Return one row per pair: width, network A, network B, value."""
    return pd.DataFrame(rows, columns=["width", "network_a", "network_b", "value"])


def height(x: float, y: float) -> float:
    """Return a loss with valleys at A and at B."""
    return 0.1 + 0.01 * x * (10 - x) + 0.02 * y


def make_plane(record: dict[str, Any], pair: tuple[int, int] = (0, 1), method: str = "weights") -> pd.DataFrame:
    """Return a small plane of a record's pair as a job writes it."""
    points = [(x, y, "") for y in np.linspace(-2, 6, 9) for x in np.linspace(-4, 14, 10)]
    points += [(x, y, name) for name, (x, y) in CORNERS.items()]
    a, b = (f"{record['run_id']}-{k}" for k in pair)
    rows = [(a, b, method, METHODS[method], x, y, name, max(height(x, y), 0.01), 0.5) for x, y, name in points]
    return pd.DataFrame(rows, columns=schema.names(schema.PLANE))


def plane_frame(record: dict[str, Any], *planes: pd.DataFrame) -> pd.DataFrame:
    """Return planes of a record as `load_planes` returns them: behind the keys of their job."""
    frame = pd.concat(planes or [make_plane(record)], ignore_index=True).drop(columns="settings_hash")
    for position, key in enumerate(("run_id", *schema.SCOPE_KEYS)):
        frame.insert(position, key, record["run_id"] if key == "run_id" else record["scope"][key])
    return frame
