"""Frames of pairs written out by hand."""

import pandas as pd


def frame_of(*rows: tuple) -> pd.DataFrame:
    """Return one row per pair: width, network A, network B, value."""
    return pd.DataFrame(rows, columns=["width", "network_a", "network_b", "value"])
