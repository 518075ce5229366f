"""Numbers of ``results/low_dimension_trained/README.md``."""

import pandas as pd
from claims import Claim, Page, Tables, Value
from log_slopes import log_slope
from scipy import stats

DIMENSION = "dataset.intrinsic_dimension"
METHODS = ["weights", "covariance", "activations"]
TEST = "split == 'test'"


def design(table: Tables) -> list[Value]:
    runs, provenance = table("runs"), table.provenance()
    settings, widths, dimensions = provenance["settings"], runs["width"], runs[DIMENSION]
    networks = pd.concat([runs["network_a"], runs["network_b"]]).nunique()
    assert set(runs["matching"]) == {"identity", *METHODS}
    assert settings["depth"] == 1
    sizes = [widths.min(), widths.max(), settings["dataset.classes"], dimensions.min(), dimensions.max()]
    counts = [runs["seed"].nunique(), len(METHODS), runs["run_id"].nunique(), networks, sum(provenance["seconds"].values())]
    return [*sizes, settings["dataset.ambient_dimension"], settings["training.epochs"], *counts]


def layers(table: Tables, method: str) -> pd.DataFrame:
    """Return the layers of a method with their matching cost over the unmatched one."""
    rows = table("layers", f"matching == '{method}'")
    return rows.assign(relative=rows["matching_cost"] / rows["identity_cost"])


def widest(table: Tables, method: str) -> pd.Series:
    """Return the mean relative cost at the largest width by dimension of the data."""
    rows = layers(table, method)
    return rows[rows["width"] == rows["width"].max()].groupby(DIMENSION)["relative"].mean()


def log_slopes(table: Tables, method: str, measure: str) -> list[float]:
    return [log_slope(cell, measure) for _, cell in layers(table, method).groupby(DIMENSION)]


def cost_of_covariance(table: Tables) -> list[Value]:
    last, rows = widest(table, "covariance"), layers(table, "covariance")
    assert last.is_monotonic_increasing
    committed = table("cost_slopes", "matching == 'covariance' and metric == 'matching_cost'").set_index(DIMENSION).sort_index()
    slopes = log_slopes(table, "covariance", "matching_cost")
    assert slopes == sorted(slopes)
    assert (committed["slope"] - slopes).abs().max() < 1e-6
    return [rows["width"].max(), *last, *last.index, *slopes, *log_slopes(table, "covariance", "relative")]


def cost_of_weights(table: Tables) -> list[Value]:
    last, slopes = widest(table, "weights"), log_slopes(table, "weights", "relative")
    return [last.min(), last.max(), layers(table, "weights")["width"].max(), min(slopes), max(slopes)]


def rank_correlations(table: Tables, measure: str, within: list[str], methods: list[str]) -> pd.DataFrame:
    """Return the rank correlations of approximate dimension and a measure among the points of every cell, by seed."""
    key = ["run_id", "matching"]
    points = table("runs", f"{TEST} and matching in {methods}").merge(table("layers")[[*key, "approximate_dimension"]], on=key)
    differing = points.groupby(["seed", *within])[measure].transform("nunique") > 1
    cells = points[differing].groupby(["seed", *within])
    values = {cell_key: stats.spearmanr(cell["approximate_dimension"], cell[measure]).statistic for cell_key, cell in cells}
    return pd.Series(values).rename_axis(["seed", *within]).rename("correlation").reset_index()


def correlation(table: Tables, measure: str, method: str = "") -> list[float]:
    """Return a correlation with its interval, across methods or, of one method, across the data's dimensions; the mean is our own."""
    across = f"across == 'settings' and matching == '{method}'" if method else "across == 'methods'"
    rows = table("dimension_correlations", f"{across} and dimension == 'approximate_dimension' and measure == '{measure}'")
    (row,) = rows[["correlation", "ci_low", "ci_high"]].to_numpy()
    cells = rank_correlations(table, measure, ["width"] if method else [DIMENSION, "width"], [method] if method else METHODS)
    assert abs(cells.groupby("seed")["correlation"].mean().mean() - row[0]) < 1e-6
    return list(row)


def across_dimensions(table: Tables) -> list[Value]:
    return [number for method in ("covariance", "weights", "activations") for number in correlation(table, "loss_barrier", method)]


def across_methods(table: Tables) -> list[Value]:
    cells = rank_correlations(table, "loss_barrier", [DIMENSION, "width"], METHODS)
    return [*correlation(table, "loss_barrier"), len(cells), table("runs")["run_id"].nunique()]


def midpoints(table: Tables) -> list[Value]:
    settings = [correlation(table, "loss_midpoint", method)[0] for method in ("covariance", "activations", "weights")]
    return [*correlation(table, "loss_midpoint"), *settings]


def means(table: Tables, method: str) -> pd.DataFrame:
    """Return the mean loss barrier on the test split, by dimension of the data (rows) and width."""
    return table("runs", f"{TEST} and matching == '{method}'").pivot_table(index=DIMENSION, columns="width", values="loss_barrier")


def highest(table: Tables) -> list[Value]:
    """Return where the barrier of covariance is highest at some width, where that of activations is, and the ends."""
    covariance, activations = (means(table, method) for method in ("covariance", "activations"))
    ends = covariance.index[[0, -1]]
    assert not set(ends) & set(covariance.idxmax())
    return [*sorted(set(covariance.idxmax())), *set(activations.idxmax()), *ends]


def ease(table: Tables) -> list[Value]:
    tests = table("runs", f"{TEST} and matching == 'identity'")
    sides = [tests[[DIMENSION, f"error_{side}", f"loss_{side}"]].set_axis(["dimension", "error", "loss"], axis=1) for side in "ab"]
    networks = pd.concat(sides).groupby("dimension").mean()
    error, loss = networks["error"], networks["loss"]
    assert error.is_monotonic_decreasing
    assert error.iloc[-1] == 0.0
    classes = table.provenance()["settings"]["dataset.classes"]
    return [classes, error.iloc[0], error.index[0], error.iloc[-1], error.index[-1], loss.iloc[0], loss.iloc[-1]]


def size(table: Tables) -> list[Value]:
    last = {method: means(table, method).iloc[:, -1] for method in ("identity", *METHODS)}
    width = table("runs")["width"].max()
    return [width, *(last[method].max() for method in ("activations", "covariance", "weights", "identity"))]


def rising(table: Tables) -> list[Value]:
    covariance, weights = means(table, "covariance").loc[2], means(table, "weights").loc[1]
    pairs = table("runs", f"{TEST} and matching == 'weights' and `{DIMENSION}` == 1").set_index("width")["loss_barrier"]
    first, last = weights.index[[0, -1]]
    assert weights.is_monotonic_increasing
    assert pairs[last].min() > pairs[first].max()
    return [2, covariance[first], first, covariance[last], last, 1, weights[first], weights[last]]


def certificates(table: Tables) -> list[Value]:
    status = table("runs", TEST)["certificate_status"]
    assert set(status) == {"holds", "vacuous"}
    return [len(status), (status == "violated").sum(), (status == "holds").sum()]


PAGE = Page(
    "results/low_dimension_trained/README.md",
    "results/low_dimension_trained",
    [
        Claim(
            """One hidden layer of 16 to 512 neurons, 10 Gaussian classes on a subspace of 1 to 32 dimensions within 32 inputs, 20 epochs of
            SGD, 6 pairs each, 3 methods: 216 jobs, 432 networks, 74 s of computing""",
            design,
        ),
        Claim(
            """at 512 neurons it is 0.006, 0.014, 0.05, 0.12, 0.22, 0.30 for 1, 2, 4, 8, 16, 32 dimensions, and the fewer the dimensions
            the faster it falls with width: the slope of the cost is −1.6, −1.6, −1.3, −1.1, −0.9, −0.8, that of the relative cost −0.68,
            −0.62, −0.39, −0.20, −0.06, −0.06""",
            cost_of_covariance,
        ),
        Claim("0.49 to 0.51 of the unmatched cost at 512 neurons, with slopes of −0.01 to 0.11", cost_of_weights),
        Claim(
            "is −0.14 [−0.35, 0.07] for `covariance`, −0.11 [−0.28, 0.06] for `weights`, 0.47 [0.35, 0.59] for `activations`",
            across_dimensions,
        ),
        Claim(
            "Across methods at a fixed setting it is 0.20 [0.09, 0.31], over the 196 of 216 pairs whose barriers are not all the same",
            across_methods,
        ),
        Claim(
            """it is 0.15 [0.07, 0.23] across methods, and across the data's dimensions −1.00 for `covariance`, −0.97 for `activations` and
            −0.29 for `weights`""",
            midpoints,
        ),
        Claim(
            """The barrier of `covariance` is highest at 2, 4 or 8 dimensions, by width, that of `activations` at 8, neither at 1 nor at
            32""",
            highest,
        ),
        Claim(
            "10 random centres lie farther apart, the test error falls from 0.71 (1 dimension) to 0 (32) and the test loss from 1.74 to 0.00002 nats",
            ease,
        ),
        Claim(
            """at 512 neurons the means are at most 0.0025 nats for `activations`, 0.020 for `covariance` and 0.033 for `weights`, where
            unmatched networks have up to 0.27""",
            size,
        ),
        Claim(
            """With 2 dimensions the barrier of `covariance` does not fall with width (0.017 at 16 neurons, 0.020 at 512), and with 1
            dimension that of `weights` rises (0.002, 0.033)""",
            rising,
        ),
        Claim("Of 864 certificates on the test split 0 are violated and 473 are not vacuous", certificates),
    ],
    names=["(claim 3, after training)", "Student's 95 % intervals over seeds"],
)
