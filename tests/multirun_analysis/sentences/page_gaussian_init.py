"""Numbers of ``results/gaussian_init/README.md``."""

import numpy as np
import pandas as pd
from claims import GIVEN, Claim, Page, Tables, Value
from log_slopes import lack_of_fit, log_slope, pooled_slope

DIMENSION, LAW = "`dataset.ambient_dimension`", "`model.initialisation`"
MNIST_INPUTS = 784


def limit(dimension: float) -> float:
    """Return the slope that the theorem gives for ever wider layers."""
    return -2 / max(dimension, 2)


def widths(table: Tables) -> list[float]:
    runs = table("runs")
    return [runs["width"].min(), runs["width"].max()]


def design(table: Tables) -> list[Value]:
    runs, provenance = table("runs"), table.provenance()
    dimensions, networks = runs["dataset.ambient_dimension"], pd.concat([runs["network_a"], runs["network_b"]])
    assert set(runs["model.initialisation"]) == {"gaussian", "uniform"}
    assert set(runs["matching"]) == {"identity", "weights"}
    counts = [runs["seed"].nunique(), runs["run_id"].nunique(), networks.nunique()]
    return [
        provenance["settings"]["training.epochs"], *widths(table), dimensions.min(), dimensions.max(), GIVEN, *counts,
        sum(provenance["seconds"].values()),
    ]  # fmt: skip


def cell(table: Tables, law: str, dimension: int) -> pd.Series:
    """Return a slope with its interval and band; it is that of a straight line through the means of the pairs."""
    chosen = f"{LAW} == '{law}' and {DIMENSION} == {dimension}"
    (row,) = table("cost_slopes", chosen).to_dict("records")
    assert abs(row["slope"] - log_slope(table("layers", chosen))) < 1e-6
    by_seed = costs_by_seed(table, chosen)
    np.testing.assert_allclose([row["slope"], row["ci_low"], row["ci_high"]], pooled_slope(by_seed), rtol=1e-6)
    return pd.Series(row)


def costs_by_seed(table: Tables, chosen: str) -> pd.DataFrame:
    """Return the matching cost: a row for a seed, a column for a width."""
    return table("layers", chosen).pivot_table(index="seed", columns="width", values="matching_cost")


def fit(table: Tables) -> list[Value]:
    slopes = table("cost_slopes")
    cells = slopes[["model.initialisation", "dataset.ambient_dimension"]].itertuples(index=False, name=None)
    by_hand = [lack_of_fit(costs_by_seed(table, f"{LAW} == '{law}' and {DIMENSION} == {dimension}")) for law, dimension in cells]
    np.testing.assert_allclose(slopes["lack_of_fit_p"], by_hand, rtol=1e-5)
    return [95, min(by_hand)]


def row(dimension: int) -> Claim:
    """Return the claim on a row of the table: slopes of both laws with their intervals, the band between, the limit."""

    def values(table: Tables) -> list[Value]:
        gaussian, uniform = (cell(table, law, dimension)[["slope", "ci_low", "ci_high"]] for law in ("gaussian", "uniform"))
        band = cell(table, "gaussian", dimension)[["band_low", "band_high"]]
        return [dimension, *gaussian, *band, *uniform, limit(dimension)]

    return Claim(ROWS[dimension], values)


def in_bands(table: Tables) -> list[Value]:
    gaussian = table("cost_slopes", f"{LAW} == 'gaussian'")
    inside = gaussian["slope"].between(gaussian["band_low"], gaussian["band_high"])
    assert inside.all()
    return [inside.sum()]


def steeper_uniform(table: Tables) -> list[Value]:
    """Return the dimensions at which the interval of uniform weights lies below that of Gaussian ones; at none it lies above."""
    gaussian, uniform = (
        table("cost_slopes", f"{LAW} == '{law}'").set_index("dataset.ambient_dimension") for law in ("gaussian", "uniform")
    )
    assert (uniform["ci_low"] < gaussian["ci_high"]).all()
    return list(uniform.index[uniform["ci_high"] < gaussian["ci_low"]])


def above_bound(table: Tables) -> list[Value]:
    costs = table("costs")
    ratio = costs["mean"] / costs["cost_lower_bound"]
    assert (ratio > 1).all()
    extremes = ratio.groupby([costs["dataset.ambient_dimension"], costs["model.initialisation"]]).agg(["min", "max"])
    first, last = extremes.index[0][0], extremes.index[-1][0]
    of_first = [extremes.loc[first, "min"].min(), extremes.loc[first, "max"].max()]
    return [len(costs), last, *extremes.loc[(last, "gaussian")], *extremes.loc[(last, "uniform")], first, *of_first]


def sides(table: Tables, law: str) -> list[list[int]]:
    """Return at which dimensions the interval of a slope is flatter than the limit, holds it, and is steeper."""
    slopes = table("cost_slopes", f"{LAW} == '{law}'")
    limits = slopes["dataset.ambient_dimension"].map(limit)
    flatter, steeper = slopes["ci_low"] > limits, slopes["ci_high"] < limits
    holding = ~(flatter | steeper)
    return [list(slopes.loc[side, "dataset.ambient_dimension"]) for side in (flatter, holding, steeper)]


def gaussian_sides(table: Tables) -> list[Value]:
    flatter, holding, steeper = sides(table, "gaussian")
    return [GIVEN, *flatter, *steeper, *holding]


def uniform_sides(table: Tables) -> list[Value]:
    flatter, holding, steeper = sides(table, "uniform")
    return [*flatter, *steeper, *holding]


def many_dimensions(table: Tables) -> list[Value]:
    narrowest, widest = widths(table)
    slope = limit(MNIST_INPUTS)
    return [MNIST_INPUTS, GIVEN, slope, narrowest, widest, 100 * (1 - (widest / narrowest) ** slope)]


ROWS = {
    1: "| 1 | −0.99 [−1.14, −0.85] | [−1.35, −0.60] | −0.88 [−1.10, −0.65] | −1 |",
    2: "| 2 | −0.76 [−0.83, −0.69] | [−0.92, −0.64] | −0.83 [−0.91, −0.74] | −1 |",
    3: "| 3 | −0.58 [−0.61, −0.55] | [−0.66, −0.51] | −0.72 [−0.77, −0.68] | −0.67 |",
    5: "| 5 | −0.386 [−0.401, −0.371] | [−0.44, −0.35] | −0.439 [−0.455, −0.424] | −0.4 |",
    10: "| 10 | −0.226 [−0.239, −0.213] | [−0.25, −0.20] | −0.253 [−0.262, −0.244] | −0.2 |",
    20: "| 20 | −0.137 [−0.146, −0.129] | [−0.15, −0.11] | −0.139 [−0.144, −0.133] | −0.1 |",
}
PAGE = Page(
    "results/gaussian_init/README.md",
    "results/gaussian_init",
    [
        Claim(
            """Untrained layers (0 epochs) of 64 to 1,024 neurons, Gaussian and uniform weights of 1 to 20 dimensions, variance 1/d, 8
            pairs each, matched by `weights`: 480 jobs, 960 networks, 32 s of computing""",
            design,
        ),
        Claim("against log width, between 64 and 1,024 neurons", widths),
        Claim("95 % intervals, the spread of all widths pooled; no slope has a lack of fit that is seen, the least p is 0.15", fit),
        *[row(dimension) for dimension in ROWS],
        Claim("All 6 Gaussian slopes are inside their bands", in_bands),
        Claim("Uniform weights come near faster at d = 3, 5 and 10", steeper_uniform),
        Claim(
            """All 60 mean costs are above the rate-distortion bound (`costs.csv`): at d = 20 by a factor of 1.5 to 2.0 for Gaussian
            weights and 2.1 to 2.7 for uniform ones, at d = 1 by 193 to 6,118""",
            above_bound,
        ),
        Claim(
            """−2/d is an asymptotic rate: for Gaussian weights the slope is flatter at d = 2 and 3 and steeper at d = 10 and 20; at d = 1
            and 5 its interval holds the limit.""",
            gaussian_sides,
        ),
        Claim(
            "For uniform weights it is flatter at d = 2 and steeper at d = 3, 5, 10 and 20; at d = 1 the interval holds it.",
            uniform_sides,
        ),
        Claim("At d = 784 −2/d is −0.003: from 64 to 1,024 neurons a cost would fall by 0.7 %", many_dimensions),
    ],
    names=[
        "(claim 2)",
        "| d | Gaussian | band expected of Gaussian samples | uniform | −2 / max(d, 2) |",
        "At d = 2 the rate of Gaussian samples has logarithms beside it; at d = 3 it has none",
    ],
)
