"""Numbers that ``docs/results.md`` and ``README.md`` say of the studies of the paper's theory."""

import pandas as pd
from claims import GIVEN, Claim, Tables, Value

TEST, DIMENSION = "split == 'test'", "model.intrinsic_dimension"
WHOLE, INCOMING = "weights[biases=true, outgoing=true]", "weights[biases=false, outgoing=false]"


def span(table: Tables, name: str, column: str) -> list[Value]:
    return list(table(name)[column].agg(["min", "max"]))


def mean_field_design(table: Tables) -> list[Value]:
    return [*span(table, "mean_field/runs", "width"), table("mean_field/runs")["seed"].nunique()]


def mean_field_falls(table: Tables) -> list[Value]:
    cells = table("mean_field/barrier_vs_width", f"{TEST} and matching == '{WHOLE}'").set_index(["metric", "width"])
    midpoint = cells.loc[("loss_midpoint_barrier", 4096)]
    assert midpoint["ci_low"] < 0 < midpoint["ci_high"]
    return [cells.loc[("loss_barrier", 16), "mean"], 16, 0, 4096, *midpoint[["mean", "ci_low", "ci_high"]]]


def mean_field_control(table: Tables) -> list[Value]:
    runs = table("mean_field/runs", f"{TEST} and matching == 'identity'")
    return list(runs.groupby("width")["loss_barrier"].mean().agg(["min", "max"]))


def mean_field_incoming(table: Tables) -> list[Value]:
    gaps = table("mean_field/runs", f"{TEST} and width == 4096").groupby("matching")["output_gap"].mean()
    return [gaps[INCOMING], 4096, gaps[WHOLE]]


def mean_field_readme(table: Tables) -> list[Value]:
    highest, _, zero, *_ = mean_field_falls(table)
    return [*span(table, "mean_field/runs", "width"), highest, zero, *mean_field_control(table)]


def gaussian_slopes(table: Tables) -> pd.DataFrame:
    """Return the slopes of matching costs of independent weights by dimension (rows) and initialisation."""
    slopes = table("gaussian_init/cost_slopes", "metric == 'matching_cost'")
    return slopes.pivot(index="dataset.ambient_dimension", columns="model.initialisation", values="slope")


def gaussian_falls(table: Tables) -> list[Value]:
    slopes = gaussian_slopes(table)
    assert (slopes < 0).all(axis=None)
    assert (slopes.diff().iloc[1:] > 0).all(axis=None)
    first, last = slopes.index.min(), slopes.index.max()
    return [slopes.loc[first, "gaussian"], first, slopes.loc[last, "gaussian"], last]


def gaussian_bands(table: Tables) -> list[Value]:
    slopes = table("gaussian_init/cost_slopes", "metric == 'matching_cost' and `model.initialisation` == 'gaussian'")
    assert slopes["slope"].between(slopes["band_low"], slopes["band_high"]).all()
    return [len(slopes)]


def gaussian_bound(table: Tables) -> list[Value]:
    """Check that all mean costs are above the bound, of which README says it without a number."""
    costs = table("gaussian_init/costs")
    assert (costs["mean"] > costs["cost_lower_bound"]).all()
    return [len(costs)]


def deep_first(table: Tables) -> list[Value]:
    cells = table("gaussian_init_depth/relative_gaps", "depth == 1")
    return [1, *(cells["mean"] / cells["recursion_tolerance"]).agg(["min", "max"])]


def deep_rest(table: Tables) -> list[Value]:
    gaps = table("gaussian_init_depth/relative_gaps", "depth > 1").pivot(index=["matching", "depth"], columns="width", values="mean")
    of_weights, others = gaps.loc["weights"], gaps.drop("weights", level="matching")
    assert (of_weights[512] > of_weights[16]).all()
    assert (others[512] < others[16]).all()
    ranges = [cells[width].agg([end]).iloc[0] for cells in (of_weights, others) for width in (16, 512) for end in ("min", "max")]
    return [2, *ranges[:2], 16, *ranges[2:4], 512, *ranges[4:]]


def low_dimension_inputs(table: Tables) -> int:
    return int(table.study("low_dimension").provenance()["settings"]["dataset.ambient_dimension"])


def low_dimension_slope(table: Tables, dimension: int, noise: float) -> float:
    chosen = f"metric == 'matching_cost' and `model.noise` == {noise} and `{DIMENSION}` == {dimension}"
    return table.value("low_dimension/cost_slopes", "slope", chosen)


def low_dimension_slopes(table: Tables) -> list[Value]:
    of_gaussian = gaussian_slopes(table)["gaussian"]
    return [low_dimension_slope(table, 2, 0.0), 2, of_gaussian[2], low_dimension_slope(table, 10, 0.0), 10, of_gaussian[10]]


def low_dimension_noise(table: Tables) -> list[Value]:
    costs = table("low_dimension/costs", "`model.noise` > 0")
    inputs = low_dimension_inputs(table)
    floor = 2 * costs["model.noise"] ** 2 * (1 - costs[DIMENSION] / inputs)  # of noise that lies outside the subspace
    slopes = [low_dimension_slope(table, 2, noise) for noise in (0.0, costs["model.noise"].max())]
    assert slopes[0] < slopes[1] < 0
    return [*(costs["excess"] / floor).agg(["min", "max"]), GIVEN, inputs, slopes[1], 2]


def trained_design(table: Tables) -> list[Value]:
    return span(table, "low_dimension_trained/runs", "dataset.intrinsic_dimension")


def trained_costs(table: Tables) -> list[Value]:
    layers = table("low_dimension_trained/layers", "matching == 'covariance' and width == 512")
    shares = (layers["matching_cost"] / layers["identity_cost"]).groupby(layers["dataset.intrinsic_dimension"]).mean()
    assert shares.is_monotonic_increasing
    return [512, shares.iloc[0], shares.index[0], shares.iloc[-1], shares.index[-1]]


def trained_correlations(table: Tables) -> list[Value]:
    chosen = "across == 'settings' and dimension == 'approximate_dimension' and measure == 'loss_barrier'"
    rows = table("low_dimension_trained/dimension_correlations", chosen).set_index("matching")
    return list(rows.loc[["covariance", "weights", "activations"], ["correlation", "ci_low", "ci_high"]].to_numpy().ravel())


def trained_errors(table: Tables) -> list[Value]:
    networks = table("low_dimension_trained/runs", f"{TEST} and matching == 'covariance'")
    errors = networks[["error_a", "error_b"]].mean(axis=1).groupby(networks["dataset.intrinsic_dimension"]).mean()
    assert errors.is_monotonic_decreasing
    return [errors.iloc[0], errors.index[0], errors.iloc[-1], errors.index[-1], 0]


CLAIMS = [
    Claim("in the mean-field scaling, 16 to 4,096 neurons, 5 pairs each.", mean_field_design),
    Claim(
        """the test loss barrier falls from 0.029 nats at 16 neurons until it is not told from 0: at 4,096 the loss at the midpoint is
        −0.00005 [−0.0004, 0.0003] nats above that of the ends.""",
        mean_field_falls,
    ),
    Claim("Without matching the barrier is 0.23 to 0.29 nats at every width.", mean_field_control),
    Claim("leaves an output gap of 0.037 logits at 4,096 neurons, by whole neurons 0.005.", mean_field_incoming),
    Claim(
        "Gaussian and uniform weights of 1 to 20 dimensions.",
        lambda table: span(table, "gaussian_init/costs", "dataset.ambient_dimension"),
    ),
    Claim("by a slope of −0.99 in 1 dimension and −0.14 in 20, for Gaussian weights.", gaussian_falls),
    Claim("All 6 Gaussian slopes are inside the bands that were fixed beforehand.", gaussian_bands),
    Claim("All 60 mean costs are above a proved bound.", gaussian_bound),
    Claim(
        "Untrained networks of 1 to 4 hidden layers, 16 to 512 neurons.",
        lambda table: [value for column in ("depth", "width") for value in span(table, "gaussian_init_depth/runs", column)],
    ),
    Claim("At depth 1 the output gap, relative to that of unmatched networks, is 1.03 to 1.20 times the theorem's ε", deep_first),
    Claim(
        """From depth 2 on plain `weights` gain nothing from width (0.76 to 0.89 at 16 neurons, 0.84 to 0.92 at 512), and matching in the
        metric of the activations, or by them, does (0.69 to 0.76, and 0.43 to 0.53).""",
        deep_rest,
    ),
    Claim(
        "Untrained layers on 50 inputs whose weights lie near a subspace of 2 to 10 dimensions.",
        lambda table: [low_dimension_inputs(table), *span(table, "low_dimension/costs", DIMENSION)],
    ),
    Claim("by a slope of −0.73 for 2 dimensions (−0.76 there) and −0.23 for 10 (−0.23).", low_dimension_slopes),
    Claim(
        """Noise of size η adds 0.85 to 1.23 times its floor 2η²(1 − k/50) at k dimensions, and flattens the slope where the floor is
        reached: to −0.25 for 2 dimensions""",
        low_dimension_noise,
    ),
    Claim("Ten Gaussian classes on a subspace of 1 to 32 dimensions.", trained_design),
    Claim("with 512 neurons it is 0.006 of the unmatched cost for 1 dimension, and 0.30 for 32.", trained_costs),
    Claim(
        """its rank correlation with the approximate dimension is −0.14 [−0.35, 0.07] for `covariance`, −0.11 [−0.28, 0.06] for `weights`
        and 0.47 [0.35, 0.59] for `activations`.""",
        trained_correlations,
    ),
    Claim("a test error of 0.71 for 1 dimension and 0.00 for 32, and where the loss is 0 there is no barrier", trained_errors),
]
