"""Numbers of ``results/figure2_miss/README.md``."""

import re
from functools import partial

import numpy as np
import pandas as pd
from claims import GIVEN, ROOT, Claim, Page, Tables, Value
from figure2_misses import METHODS, OWN, SHARED, paper
from figure2_misses import midpoints as of_paper_figure2
from scipy import stats

PATH = "results/figure2_miss/README.md"
ROW = re.compile(r"^(\| [^|]+ \| `([^`]+)` \|.*\|)$", re.MULTILINE)  # its second cell names the candidate as the tables do
AS_PUBLISHED = {
    "weights": "weights[biases=false, outgoing=false]",
    "covariance": "covariance[biases=false, centred=false]",
    "activations": "activations[centred=true, correlation=false]",
}
OTHER_RATE = 6.30957344480193e-3  # of the last command of the page
PAIRS_OF_PAPER = 4  # whose standard deviation is divided by n in the figure


def candidate(table: Tables, name: str, matching: str = "weights") -> pd.Series:
    """Return what a change makes of the loss at the midpoint of a method: a row of one of the two tables."""
    rows = table("miss").query(f"matching == '{matching}' and candidate == '{name}'")
    return rows.iloc[0] if len(rows) else table("miss_variants", f"variant == '{name}'").iloc[0]


def row_values(table: Tables, name: str) -> list[Value]:
    row = candidate(table, name)
    return [row["n_shared"], row["mean"], *row[["difference", "ci_low", "ci_high"]], 100 * row["closes"]]


def table_rows() -> list[Claim]:
    """Return a claim for every row of the page's table."""
    rows = ROW.findall((ROOT / PATH).read_text(encoding="utf-8"))
    return [Claim(row, partial(row_values, name=name)) for row, name in rows]


def midpoints(table: Tables, order: str) -> pd.DataFrame:
    """Return the losses at the midpoint of the pairs here and of those of `paper_figure2`, by seed (rows) and method."""
    rows = table("runs", f"split == 'test' and {order} and precision == 'float32' and matching in {list(AS_PUBLISHED.values())}")
    here = rows.pivot(index="seed", columns="matching", values="loss_midpoint")[list(AS_PUBLISHED.values())].set_axis(METHODS, axis=1)
    return pd.concat([of_paper_figure2(table.study("../paper_figure2"), order), here])


def welch(values: pd.Series, mean: float, spread: float) -> list[float]:
    """Return how far a mean is above the paper's, with Welch's interval."""
    parts = [values.var() / len(values), spread**2 / (PAIRS_OF_PAPER - 1)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(values) - 1) + parts[1] ** 2 / (PAIRS_OF_PAPER - 1))
    half = stats.t.ppf(0.975, freedom) * sum(parts) ** 0.5
    gap = values.mean() - mean
    return [gap, gap - half, gap + half]


def design(table: Tables) -> list[Value]:
    seeds = table("runs", OWN)["seed"]
    assert seeds.nunique() == seeds.max() - seeds.min() + 1
    settings = table.provenance()["settings"]
    return [seeds.nunique(), seeds.min(), seeds.max(), GIVEN, *[settings["width"]] * settings["depth"], GIVEN]


def again(table: Tables) -> list[Value]:
    values: list[Value] = [candidate(table, "base")["n_pairs"]]
    for method in METHODS:
        row = candidate(table, "base", method)
        values += [row["mean"], row["paper"], *row[["gap", "gap_low", "gap_high"]]]
    return values


def together(table: Tables) -> list[Value]:
    own, published = midpoints(table, OWN), paper(table.study("../paper_figure2"))
    return [len(own), own["weights"].mean(), *welch(own["weights"], *published.loc["weights"])]


def orders(table: Tables) -> list[Value]:
    both = (midpoints(table, OWN) - midpoints(table, SHARED)).dropna()
    values: list[Value] = [len(both)]
    for method in METHODS:
        low, high = stats.t.interval(0.95, len(both) - 1, both[method].mean(), stats.sem(both[method]))
        values += [both[method].mean(), low, high]
    return values


def shared(table: Tables) -> list[Value]:
    losses, published = midpoints(table, SHARED)["weights"], paper(table.study("../paper_figure2"))
    return [len(losses), losses.mean(), *welch(losses, *published.loc["weights"])]


def luck(table: Tables) -> list[Value]:
    base, crossed = candidate(table, "base"), candidate(table, "all pairs of networks")
    return [PAIRS_OF_PAPER, 100 * base["luck_t"], GIVEN, crossed["n_pairs"], crossed["mean"], crossed["luck_subsets"], GIVEN]


def decided(table: Tables) -> list[Value]:
    """Return the mean of `rebasin` with Student's interval: no other change of what is compared comes as near to the paper's mean."""
    chosen = f"split == 'test' and {OWN} and precision == 'float32' and matching == 'rebasin'"
    losses = table("runs", chosen)["loss_midpoint"]
    others = table("miss_variants").query("variant not in ('base', 'all pairs of networks')")["gap"]
    changes = table("miss").query("matching == 'weights' and candidate != 'rebasin' and not candidate.str.contains('split')")["gap"]
    assert abs(candidate(table, "rebasin")["gap"]) < min(others.abs().min(), changes.abs().min())
    interval = stats.t.interval(0.95, len(losses) - 1, losses.mean(), stats.sem(losses))
    return [losses.mean(), *interval, candidate(table, "rebasin")["paper"]]


def others(table: Tables) -> list[Value]:
    """Return the largest share of the gap, in per cent, that another change than `rebasin` closes on the test set."""
    of_miss = table("miss").query("matching == 'weights' and candidate not in ('rebasin', 'split=train')")
    closes = pd.concat([of_miss["closes"], table("miss_variants")["closes"]])
    assert candidate(table, "rebasin")["closes"] > closes.max()
    return [100 * closes.max()]


def rate(table: Tables) -> list[Value]:
    """Return the losses at the midpoint at another learning rate, of which the paper has that of `weights`."""
    runs = table("rate_runs", "split == 'test'")
    means = runs.groupby("matching")["loss_midpoint"].mean()
    chosen = "quantity == 'midpoint loss' and matching == 'weights' and data_order == 'own'"
    published = table("../paper_figure2/agreement", chosen).set_index("optimizer.lr")["paper"]
    (of_rate,) = published[np.isclose(published.index, OTHER_RATE)]
    return [OTHER_RATE, runs["seed"].nunique(), means["weights"], means["rebasin"], of_rate]


PAGE = Page(
    PATH,
    "results/figure2_miss",
    [
        Claim("Here are 6 new pairs (seeds 4 to 9) by the same recipe, 784-512-512-512-10 on MNIST", design),
        Claim(
            "Of the 6 new pairs `weights` has 0.105 for the paper's 0.0842, which is 0.021 [0.001, 0.041] more, `covariance` 0.110 for 0.0979, 0.012 [−0.004, 0.028] more, and `activations` 0.101 for 0.0995, 0.002 [−0.006, 0.009] more",
            again,
        ),
        Claim("With those of `paper_figure2` it is 10 pairs, and `weights` has 0.106, 0.022 [0.009, 0.036] more.", together),
        Claim(
            "If losses are normal, 4 pairs have a mean as low as the paper's in 7 of 100 cases, by the spread of the new pairs; of all 66 pairs of their networks (mean 0.103), 0 of 10,000 drawn sets of as many that share no network.",
            luck,
        ),
        Claim(
            "own minus shared over 10 seeds is 0.0092 [−0.0049, 0.0234] for `weights`, 0.0095 [0.0014, 0.0176] for `covariance` and −0.0007 [−0.0048, 0.0035] for `activations`.",
            orders,
        ),
        Claim("With shared orders 10 pairs have 0.097 for `weights`, 0.0129 [0.0005, 0.0254] more than the paper's.", shared),
        Claim("`rebasin` has 0.0840 [0.0761, 0.0919] for the paper's 0.0842", decided),
        Claim(
            "At learning rate 0.0063 the 2 pairs of `rate_runs.csv` have 1.037 by `weights` and 0.813 by `rebasin`, for the paper's 0.897,",
            rate,
        ),
        Claim("No other change, evaluated on the test set, closes more than 60 % of the gap.", others),
        *table_rows(),
    ],
    names=["higher than in the paper at learning rate 0.1?", "at learning rate 0.1 is higher than", "Student's 95 % interval"],
)
