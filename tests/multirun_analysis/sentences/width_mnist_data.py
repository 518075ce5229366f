"""Rows of the tables of ``results/width_mnist`` that several claims need."""

import pandas as pd
from claims import Tables, Value

LONG, SHORT = "`optimizer.lr` == 0.1", "`optimizer.lr` == 0.025"
MATCHED = ["weights", "covariance", "activations"]
METHODS = ["identity", *MATCHED]
LAST = 1024


def barriers(table: Tables, split: str = "test", measure: str = "loss_barrier", query: str = LONG) -> pd.DataFrame:
    """Return the barriers of pairs: a row for a width and a seed, a column for a method."""
    lines = table("runs", f"{query} and split == '{split}'")
    return lines.pivot_table(index=["width", "seed"], columns="matching", values=measure)[METHODS]


def means(table: Tables, split: str = "test", measure: str = "loss_barrier", query: str = LONG) -> pd.DataFrame:
    """Return the means over pairs: a row for a width, a column for a method."""
    return barriers(table, split, measure, query).groupby("width").mean()


def of_networks(table: Tables, split: str, measure: str, query: str = LONG) -> pd.Series:
    """Return the mean loss or error of the networks themselves, by width."""
    lines = table("runs", f"{query} and split == '{split}' and matching == 'identity'")
    return ((lines[f"{measure}_a"] + lines[f"{measure}_b"]) / 2).groupby(lines["width"]).mean()


def slope(table: Tables, method: str, query: str = LONG) -> list[Value]:
    """Return the slope of the test loss barrier with its interval."""
    cell = table("slopes", f"{query} and split == 'test' and metric == 'loss_barrier' and matching == '{method}'").iloc[0]
    return list(cell[["slope", "ci_low", "ci_high"]])


def step(table: Tables, method: str, start: int, split: str = "test", query: str = LONG) -> pd.Series:
    """Return by what the loss barrier differs from a width to the next, with its interval and what that decides."""
    of_loss = f"{query} and split == '{split}' and metric == 'loss_barrier'"
    return table("width_steps", f"{of_loss} and matching == '{method}' and from_width == {start}").iloc[0]


def interval(difference: pd.Series) -> list[Value]:
    """Return a difference with the ends of its interval."""
    return list(difference[["difference", "ci_low", "ci_high"]])


def cost_shares(table: Tables, method: str, query: str = LONG) -> pd.Series:
    """Return the matching cost over the cost unmatched, each a mean over pairs, by width."""
    layers = table("layers", f"{query} and matching == '{method}'").groupby("width")[["matching_cost", "identity_cost"]].mean()
    return layers["matching_cost"] / layers["identity_cost"]
