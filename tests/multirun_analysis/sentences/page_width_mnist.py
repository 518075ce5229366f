"""Numbers of ``results/width_mnist/README.md``: the study, its table, and how barriers go with width."""

from itertools import pairwise

import numpy as np
from claims import Claim, Page, Tables, Value
from log_slopes import lack_of_fit, log_interval, pooled_slope
from scipy import stats
from width_mnist_data import LAST, LONG, MATCHED, METHODS, SHORT, barriers, means, of_networks, slope, step
from width_mnist_steps import CLAIMS

STABLE = 0.02  # Frankle et al. 2020


def design(table: Tables) -> list[Value]:
    runs, settings = table("runs", LONG), table.provenance()["settings"]
    widths, jobs = sorted(runs["width"].unique()), runs["run_id"].nunique()
    pairs_each = runs.groupby("width")["seed"].nunique().unique()
    recipe = [*runs["optimizer.lr"].unique(), *runs["training.epochs"].unique(), settings["training.batch_size"]]
    return [widths[0], widths[-1], *pairs_each, len(widths), *recipe, jobs, settings["networks"] * jobs]


def contrast(table: Tables) -> list[Value]:
    runs, settings = table("runs", SHORT), table.provenance()["settings"]
    jobs, pairs_each = runs["run_id"].nunique(), runs.groupby("width")["seed"].nunique().unique()
    recipe = [*runs["optimizer.lr"].unique(), *runs["training.epochs"].unique()]
    return [jobs, settings["networks"] * jobs, *recipe, *pairs_each, runs["width"].min()]


def cost(table: Tables) -> list[Value]:
    (machine,) = table.provenance()["machines"]
    assert '"threads": 2' in machine
    minutes = [table.provenance()["seconds"][part] / 60 for part in ("training", "matching", "evaluation")]
    return [sum(minutes), 2, *minutes]


def row(width: int) -> Claim:
    """Return the claim on a row of the table: the error of the networks, then mean and interval of every method."""

    def values(table: Tables) -> list[Value]:
        cells: list[Value] = [width, of_networks(table, "test", "error")[width]]
        for method in METHODS:
            cells += log_interval(barriers(table).loc[width, method])
        return cells

    return Claim(ROWS[width], values)


def caption(table: Tables) -> list[Value]:
    chosen = table("barrier_vs_width", f"{LONG} and metric == 'loss_barrier'")
    assert set(chosen["interval"]) == {"log-scale t over pairs, 95%"}
    return [*chosen["n_pairs"].unique(), 100 * chosen["level"].iloc[0]]


def ends(table: Tables) -> list[Value]:
    """Return the lowest and the highest mean of matched methods at the first and the last width, of loss and error."""
    every: list[Value] = [4, LAST]
    for measure in ("loss_barrier", "error_barrier"):
        matched = means(table, measure=measure)[MATCHED]
        assert matched.index[[0, -1]].tolist() == [4, LAST]
        every += [extreme for width in (4, LAST) for extreme in (matched.loc[width].min(), matched.loc[width].max())]
    return every


def connected(table: Tables) -> list[Value]:
    """Return how many pairs are within the tolerance where some are not; at larger widths all are, at the one below none."""
    is_within = (barriers(table, measure="error_barrier")[MATCHED] <= STABLE).groupby("width")
    counts, pairs = is_within.sum(), is_within.size().iloc[0]
    assert (counts.loc[128:] == pairs).all(axis=None)
    assert (counts.loc[32] == 0).all()
    return [pairs, STABLE, 128, 64, *counts.loc[64], pairs, 32]


def crossings(table: Tables) -> list[Value]:
    rows = table("width_needed", f"{LONG} and split == 'test' and metric == 'error_barrier' and tolerance == {STABLE}")
    return [STABLE, *rows.set_index("matching").loc[MATCHED, ["width_needed", "width_low", "width_high"]].to_numpy().ravel()]


def unmatched(table: Tables) -> list[Value]:
    is_within = (barriers(table, measure="error_barrier")["identity"] <= STABLE).groupby("width")
    assert (is_within.sum().iloc[:-1] == 0).all()
    last = means(table).loc[LAST]
    ratios = last["identity"] / last[MATCHED]
    return [is_within.sum()[LAST], is_within.size()[LAST], LAST, ratios.min(), ratios.max()]


def no_power(table: Tables) -> list[Value]:
    """Return the slopes over all widths, and χ² of each law, weighted by the standard errors of means, with its freedom."""
    deviations = []
    for method in MATCHED:
        pairs = barriers(table)[method].unstack("seed")
        mean = pairs.mean(axis=1)
        log_width, log_mean, error = np.log(mean.index), np.log(mean), pairs.sem(axis=1) / mean
        line = np.polyval(np.polyfit(log_width, log_mean, 1, w=1 / error), log_width)
        deviations.append(float((((log_mean - line) / error) ** 2).sum()))
    freedom = len(means(table)) - 2
    assert stats.chi2.sf(min(deviations), freedom) < 1e-9
    tables = [barriers(table)[method].unstack("width") for method in MATCHED]
    for method, by_seed in zip(MATCHED, tables, strict=True):
        np.testing.assert_allclose(pooled_slope(by_seed), np.array(slope(table, method), dtype=float), rtol=1e-6)
    fits = [lack_of_fit(by_seed) for by_seed in tables]
    assert max(fits) < 0.05
    n_pairs = len(tables[0])
    return [freedom + 2, *[end for method in MATCHED for end in slope(table, method)], *fits, n_pairs, *deviations, freedom]


def pieces(table: Tables) -> list[Value]:
    """Return the slope of every method between the ends of three pieces of the range."""
    logs = np.log(means(table)[MATCHED])

    def between(start: int, end: int) -> list[Value]:
        return [*(logs.loc[end] - logs.loc[start]) / np.log(end / start), start, end]

    return [*between(4, 32), *between(32, 256), *between(256, LAST)]


def unmatched_slopes(table: Tables) -> list[Value]:
    mean = means(table)["identity"]
    for start, _ in pairwise(mean.index):
        assert step(table, "identity", start)["direction"] == ("undecided" if start < 32 else "falls")
    return [mean.loc[:32].min(), mean.loc[:32].max(), 32, *slope(table, "identity")]


ROWS = {
    4: "| 4 | 0.1724 | 1.70 [0.95, 3.02] | 1.04 [0.50, 2.16] | 0.94 [0.52, 1.70] | 0.92 [0.46, 1.85] |",
    32: "| 32 | 0.0297 | 1.74 [1.47, 2.07] | 0.150 [0.117, 0.192] | 0.163 [0.130, 0.204] | 0.182 [0.131, 0.252] |",
    128: "| 128 | 0.0203 | 0.489 [0.419, 0.572] | 0.0180 [0.0151, 0.0214] | 0.0212 [0.0168, 0.0267] | 0.0240 [0.0207, 0.0277] |",
    512: "| 512 | 0.0179 | 0.176 [0.156, 0.200] | 0.0060 [0.0049, 0.0074] | 0.0075 [0.0054, 0.0105] | 0.0087 [0.0064, 0.0118] |",
    1024: "| 1024 | 0.0173 | 0.123 [0.114, 0.134] | 0.0068 [0.0062, 0.0074] | 0.0060 [0.0051, 0.0070] | 0.0071 [0.0064, 0.0079] |",
}
PAGE = Page(
    "results/width_mnist/README.md",
    "results/width_mnist",
    [
        Claim(
            """One hidden layer of 4 to 1,024 neurons, 10 pairs at each of 9 widths, the paper's recipe at lr 0.1 (50 epochs, batch 500, SGD
            with momentum, warm-up and cosine): 90 jobs, 180 networks.""",
            design,
        ),
        Claim("16 jobs, 32 networks at lr 0.025 and 20 epochs, 4 pairs at each width from 128 on", contrast),
        Claim("125 minutes on 2 threads of an AMD EPYC (112 training, 5 matching, 8 evaluation)", cost),
        *[row(width) for width in ROWS],
        Claim("mean over 10 pairs and its 95 % interval", caption),
        Claim(
            """from 4 to 1,024 neurons the mean test loss barrier falls from 0.92 to 1.04 nats, by method, to 0.0060 to 0.0071, the error
            barrier from 0.25 to 0.26 to 0.0024 to 0.0026""",
            ends,
        ),
        Claim(
            """All 10 pairs are within an error barrier of 0.02, what Frankle et al. call stable, at 128 neurons and more; at 64 neurons 7
            (`weights`), 6 (`covariance`) and 6 (`activations`) of 10 are, at 32 none""",
            connected,
        ),
        Claim("The *mean* crosses 0.02 at 56 [47, 69], 67 [54, 79] and 63 [53, 72] neurons", crossings),
        Claim("3 of 10 are within it at 1,024, none below; their loss barrier there is 17 to 21 times as high", unmatched),
        Claim(
            """Straight lines through all 9 widths have slopes −1.04 [−1.11, −0.98] for `weights`, −1.00 [−1.05, −0.94] for `covariance`,
            −0.95 [−1.02, −0.89] for `activations` (`slopes.csv`), but they do not fit: `lack_of_fit_p` is 0.00001, 0.007 and 0.03, with
            one spread for all widths; with the standard error of each width, from its 10 pairs, χ² is 201, 84 and 83 on 7 degrees of
            freedom""",
            no_power,
        ),
        Claim(
            """−0.93, −0.84, −0.78 from 4 to 32 neurons, −1.33, −1.24, −1.21 from 32 to 256, and −0.24, −0.53, −0.52 from 256 to
            1,024""",
            pieces,
        ),
        Claim(
            """lie between 1.70 and 1.84 nats up to 32 neurons, without a step that is decided, and fall by every step from there on: their
            −0.54 [−0.59, −0.50]""",
            unmatched_slopes,
        ),
        *CLAIMS,
    ],
)
