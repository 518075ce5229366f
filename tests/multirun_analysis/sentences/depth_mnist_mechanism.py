"""Numbers of ``results/depth_mnist/README.md``: what goes with barriers that grow with depth, and certificates."""

import pandas as pd
from claims import Claim, Tables, Value

MATCHED = ["weights", "covariance", "activations"]
TEST = "split == 'test'"


def scales(table: Tables) -> pd.Series:
    """Return the mean of the scale of the midpoint's outputs, by method, depth and width."""
    return table("runs", TEST).groupby(["matching", "depth", "width"])["output_scale"].mean()


def shrinking(table: Tables) -> list[Value]:
    scale = scales(table)
    first, last = scale.xs(1, level="depth"), scale.xs((6, 512), level=("depth", "width"))
    matched, unmatched = first[MATCHED], first["identity"]
    ends = [matched.min(), matched.max(), 1, unmatched.min(), unmatched.max()]
    return [*ends, 6, 512, *last[["activations", "covariance", "weights", "identity"]]]


def wider_shrink_more(table: Tables) -> list[Value]:
    """Return from which depth on the mean scale of `weights` falls with width, and up to which that of `identity` does."""
    falls = scales(table).groupby(["matching", "depth"]).agg(lambda by_width: by_width.is_monotonic_decreasing)
    weights, identity = (falls[method].index[falls[method]].tolist() for method in ("weights", "identity"))
    deepest = int(table("runs")["depth"].max())
    assert weights == list(range(weights[0], deepest + 1))
    assert identity == list(range(1, identity[-1] + 1))
    return [weights[0], identity[-1]]


def costs(table: Tables) -> list[Value]:
    layers = table("layers", "matching == 'weights'")
    cost = layers.groupby(["depth", "layer", "width"])[["matching_cost", "identity_cost"]].mean()
    share = (cost["matching_cost"] / cost["identity_cost"]).unstack("width")
    assert share.apply(lambda by_width: by_width.is_monotonic_increasing, axis=1).all()
    first, last = share.columns[[0, -1]]
    return [len(share), share[first].min(), share[first].max(), first, share[last].min(), share[last].max(), last]


def rescaling(table: Tables) -> list[Value]:
    """Return what repair changes in another study, of which this page quotes two cells."""
    methods = Tables(table.folder.parent / "methods_mnist")
    cell = f"{TEST} and depth == 3 and width == 512"
    before = methods("runs", f"{cell} and matching == 'weights' and repair == 'none'")["loss_barrier"].mean()
    rows = [methods("repairs", f"{cell} and metric == 'loss_barrier' and matching == '{name}'").iloc[0] for name in MATCHED]
    of_weights, _, of_activations = (list(row[["mean", "ci_low", "ci_high"]]) for row in rows)
    assert of_weights[1] < 0 < of_weights[2], "undecided"
    assert of_activations[1] > 0
    n_methods = methods("repairs", cell)["matching"].nunique()
    assert rows[0]["interval"] == f"Student's t over pairs, {100 * (1 - 0.05 / n_methods):.10f}%"
    n_pairs = methods("runs", cell)["seed"].nunique()
    return [3, 512, *of_weights, before, *of_activations, n_methods, n_pairs]


def grid(table: Tables) -> list[Value]:
    runs = table("runs")
    pairs, widths = runs.groupby(["depth", "width"])["seed"].nunique().unique(), sorted(runs["width"].unique())
    factors = sorted(large / small for small, large in zip(widths, widths[1:], strict=False))
    return [*pairs, len(widths), 4, runs["depth"].max(), 2, *factors]


def certificates(table: Tables) -> list[Value]:
    lines = table("runs", TEST)
    assert set(lines["certificate_status"]) == {"vacuous"}
    return [len(lines), lines["certificate_ratio"].min(), lines["certificate_ratio"].max() / 1e6]


CLAIMS = [
    Claim(
        """are 0.88 to 0.93 times as large as those of its ends at depth 1 if matched, 0.46 to 0.57 times if not; at depth 6 and 512 neurons
        they are 0.53 (`activations`), 0.38 (`covariance`), 0.09 (`weights`) and 0.08 times""",
        shrinking,
    ),
    Claim("For `weights` from depth 3 on, and for `identity` up to depth 4", wider_shrink_more),
    Claim("rises with width in all 21 hidden layers, from 0.57 to 0.78 at 64 neurons to 0.79 to 0.87 at 512", costs),
    Claim("first layers too, whose neurons have 784 inputs", lambda table: [28 * 28]),
    Claim(
        """at depth 3 and 512 neurons, REPAIR changes the loss barrier of `weights` by −0.056 [−0.121, 0.009], which was 0.087, and that of
        `activations` by +0.011 [0.006, 0.016] (corrected for 12 methods): whether some of the first goes with the shrinking, 6 pairs""",
        rescaling,
    ),
    Claim(
        "4 pairs and 3 widths: intervals at depths 4 to 6 are wide, a width between 2 of them is an interpolation over a factor of 2 or 4",
        grid,
    ),
    Claim("All 288 certificates are vacuous: 5 times the gap at least, up to 46 million times", certificates),
]
