"""Numbers of ``results/low_dimension/README.md``."""

import numpy as np
import pandas as pd
from claims import GIVEN, Claim, Page, Tables, Value
from log_slopes import pooled_slope
from scipy import stats

DIMENSION, NOISE = "model.intrinsic_dimension", "model.noise"
TEST = "split == 'test'"


def inputs(table: Tables) -> int:
    return table.provenance()["settings"]["dataset.ambient_dimension"]


def design(table: Tables) -> list[Value]:
    runs, widths = table("runs"), table("runs")["width"]
    counts = [runs["seed"].nunique(), runs["run_id"].nunique(), sum(table.provenance()["seconds"].values())]
    dimensions, noises = sorted(runs[DIMENSION].unique()), sorted(runs[NOISE].unique())
    assert set(runs["matching"]) == {"identity", "weights"}
    return [inputs(table), *dimensions, *noises, inputs(table), widths.min(), widths.max(), *counts]


def slopes(table: Tables, metric: str, noise: float) -> pd.DataFrame:
    """Return the slopes with intervals at a noise by dimension; they are those of straight lines through the means of the pairs."""
    rows = table("cost_slopes", f"metric == '{metric}' and `{NOISE}` == {noise}").set_index(DIMENSION).sort_index()
    pairs = table("layers") if metric == "matching_cost" else table("runs", f"{TEST} and matching == 'weights'")
    for dimension, cell in pairs[pairs[NOISE] == noise].groupby(DIMENSION):
        by_seed = cell.pivot_table(index="seed", columns="width", values=metric)
        np.testing.assert_allclose(
            rows.loc[dimension, ["slope", "ci_low", "ci_high"]].to_numpy(dtype=float), pooled_slope(by_seed), rtol=1e-6
        )
    return rows[["slope", "ci_low", "ci_high"]]


def without_noise(table: Tables) -> list[Value]:
    of_cost = slopes(table, "matching_cost", 0.0)
    assert (of_cost["ci_high"] < -2 / inputs(table)).all()
    assert of_cost["slope"].is_monotonic_increasing
    return [inputs(table), *of_cost.to_numpy().ravel(), *of_cost.index]


def floor(table: Tables) -> list[Value]:
    """Check the committed floors: that of the noise in all directions, and what the directions of the subspace have of it."""
    costs = table("costs")
    share = costs["noise_floor"] / (2 * costs[NOISE] ** 2)
    inputs_of_floor = (costs[DIMENSION] / (1 - share))[costs[NOISE] > 0]
    assert (inputs_of_floor.max() - inputs_of_floor.min()) < 1e-6
    return [GIVEN, inputs_of_floor.mean()]


def excess(table: Tables) -> pd.DataFrame:
    """Return by dimension, noise and width what noise adds to the mean cost, alone and over its floor outside the subspace."""
    means = table("layers").groupby([DIMENSION, NOISE, "width"])["matching_cost"].mean().unstack(NOISE)
    added = means.drop(columns=0.0).sub(means[0.0], axis=0).stack().rename("excess").reset_index()
    added["of_floor"] = added["excess"] / (2 * added[NOISE] ** 2 * (1 - added[DIMENSION] / inputs(table)))
    return added


def added_noise(table: Tables) -> list[Value]:
    added = excess(table)
    by_noise = added.groupby(NOISE)["excess"].agg(["min", "max"])
    committed = table("costs", f"`{NOISE}` > 0").groupby(NOISE)["excess"].agg(["min", "max"])
    assert (by_noise - committed).abs().to_numpy().max() < 1e-8
    small, large = by_noise.index
    ratios = added["of_floor"]
    return [*by_noise.loc[small], small, *by_noise.loc[large], large, ratios.min(), ratios.max()]


def beside_floor(table: Tables) -> list[Value]:
    """Return for which dimensions what the largest noise adds at the largest width is below its floor, then above; each is decided."""
    layers = table("layers")
    noise, width = layers[NOISE].max(), layers["width"].max()
    widest = excess(table).query(f"`{NOISE}` == {noise} and width == {width}").set_index(DIMENSION)["of_floor"]
    pairs = layers[layers["width"] == width].pivot_table(index=[DIMENSION, "seed"], columns=NOISE, values="matching_cost")
    added = (pairs[noise] - pairs[0.0]).groupby(DIMENSION).agg(["mean", "std", "size"])
    floors = 2 * noise**2 * (1 - added.index.to_numpy() / inputs(table))
    t = (added["mean"] - floors) / (added["std"] / added["size"] ** 0.5)
    quantile = stats.t.ppf(0.975, added["size"].iloc[0] - 1)
    below, above = widest[t < -quantile], widest[t > quantile]
    assert len(below) + len(above) == len(widest)
    return [noise, width, *below.index, *below, *above.index, *above]


def with_noise(table: Tables) -> list[Value]:
    noise = table("runs")[NOISE].max()
    flat, steep = slopes(table, "matching_cost", noise)["slope"], slopes(table, "matching_cost", 0.0)["slope"]
    assert (flat > steep).all()
    return [noise, *flat, *flat.index]


def output_gaps(table: Tables) -> list[Value]:
    noise = table("runs")[NOISE].max()
    without, with_most = slopes(table, "output_gap", 0.0), slopes(table, "output_gap", noise)
    assert without["slope"].is_monotonic_increasing
    assert not with_most["slope"].is_monotonic_increasing
    assert with_most["ci_low"].max() < with_most["ci_high"].min()  # a slope that all intervals hold
    return [*without.to_numpy().ravel(), noise, *with_most["slope"]]


def barriers(table: Tables) -> list[Value]:
    lines = table("runs", TEST)
    assert (lines["loss_barrier"] == 0).all()
    error, networks = lines["error_barrier"], pd.concat([lines["error_a"], lines["error_b"]])
    classes = table.provenance()["settings"]["dataset.classes"]
    assert abs(networks.mean() - (1 - 1 / classes)) < 0.005
    assert all((error[lines["matching"] == method] > 0).any() for method in ("identity", "weights"))
    return [0, len(lines), lines["output_scale"].mean(), 0, (error > 0).sum(), error.mean(), networks.mean(), classes]


PAGE = Page(
    "results/low_dimension/README.md",
    "results/low_dimension",
    [
        Claim(
            """Untrained layers on 50 inputs: weights on a subspace of k = 2, 3, 5, 10 dimensions that all networks share, plus noise of
            size η = 0, 0.1 or 0.3 in all 50 directions; 64 to 1,024 neurons, 4 pairs each, matched by `weights`. 240 jobs, 31 s of
            computing""",
            design,
        ),
        Claim(
            """Without noise the cost falls as it does for k dimensions, not for 50: slopes −0.73 [−0.79, −0.68], −0.57 [−0.61, −0.52],
            −0.386 [−0.401, −0.372], −0.225 [−0.241, −0.210] for k = 2, 3, 5, 10""",
            without_noise,
        ),
        Claim("of that 2η²(1 − k/50) lies outside the subspace", floor),
        Claim("95 % intervals, the spread of all widths pooled", lambda table: [95]),
        Claim(
            """Noise adds 0.016 to 0.022 to the cost at η = 0.1 and 0.146 to 0.174 at η = 0.3 (`costs.csv`, `excess`), 0.85 to 1.23 times
            the floor""",
            added_noise,
        ),
        Claim(
            """At η = 0.3 and 1,024 neurons that is less than the floor for k = 2, 3, 5 (0.85, 0.92, 0.97), because matching begins to find
            neurons whose noise agrees too, and more for k = 10 (1.03)""",
            beside_floor,
        ),
        Claim("at η = 0.3 the slopes are −0.25, −0.26, −0.25, −0.18 for k = 2, 3, 5, 10", with_noise),
        Claim(
            """Without noise the output gap of the networks falls faster the fewer the dimensions, −0.37 [−0.42, −0.31], −0.25 [−0.30, −0.21], −0.16
            [−0.20, −0.12], −0.11 [−0.14, −0.08]; at η = 0.3 it does not (−0.11, −0.12, −0.11, −0.08)""",
            output_gaps,
        ),
        Claim(
            """The loss *barrier* of these untrained networks is 0 on all 480 lines on the test split, matched or not: averaging shrinks
            the outputs (`output_scale`, 0.84 on average), and networks that know nothing lose nothing by answering more weakly. The error
            barrier is above 0 on 414 of them and 0.036 on average, where the error itself is 0.90, that of a guess among 10 classes""",
            barriers,
        ),
    ],
    names=["(claim 3, before training)", "theorem 5.4"],
)
