"""How wide must a network be before matching connects it? Run: python examples/width_needed.py SWEEP_DIR."""

import sys

from multirun_analysis import load_runs

runs = load_runs(sys.argv[1]).query("split == 'test' and status == 'ok'")
connected = runs.assign(connected=runs["error_barrier"] <= 0.02 + 1e-9)  # what Frankle et al. 2020 call stable; rounding decides nothing
# Two settings are never averaged: a table for each value of what was swept beside width and seed.
keys = [key for key in ("dataset", "model", "depth", "repair") if runs[key].nunique() > 1]
for setting, cell in connected.groupby(keys) if keys else [((), connected)]:
    print(*(f"{key}={value}" for key, value in zip(keys, setting, strict=True)))
    share = cell.pivot_table(index="width", columns="matching", values="connected", aggfunc="mean")
    print("Share of pairs with an error barrier of at most 0.02:", share.round(2), sep="\n")
    for method in share:
        enough = [width for width in share.index if (share.loc[width:, method] == 1).all()]
        print(f"{method}: " + (f"all pairs connected from width {enough[0]} on" if enough else "not at any width measured"))
