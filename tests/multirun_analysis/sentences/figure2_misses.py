"""Numbers of ``results/paper_figure2/README.md`` on the two values that do not agree with the paper's."""

import numpy as np
import pandas as pd
from claims import GIVEN, Claim, Tables, Value
from scipy import stats

RATE, LARGEST = "optimizer.lr", "`optimizer.lr` == 0.1"
OWN, SHARED = "`training.data_order` == 'own'", "`training.data_order` == 'shared'"
METHODS = ["weights", "covariance", "activations"]


def midpoints(table: Tables, order: str) -> pd.DataFrame:
    """Return the test losses at the midpoint at the largest learning rate, by seed (rows) and method."""
    return table("runs", f"split == 'test' and {LARGEST} and {order}").pivot(index="seed", columns="matching", values="loss_midpoint")[
        METHODS
    ]


def paper(table: Tables) -> pd.DataFrame:
    chosen = f"quantity == 'midpoint loss' and {LARGEST} and data_order == 'own'"
    return table("agreement", chosen).set_index("matching").loc[METHODS, ["paper", "paper_std"]]


def miss(table: Tables) -> list[Value]:
    return [GIVEN, GIVEN, midpoints(table, OWN)["weights"].mean(), *paper(table).loc["weights"]]


def orders(table: Tables) -> list[Value]:
    own, shared, of_paper = midpoints(table, OWN), midpoints(table, SHARED), paper(table)
    return [*shared.mean(), *of_paper["paper"], *shared.std(ddof=0), *of_paper["paper_std"], *own.mean()]


def within_rules(table: Tables) -> list[Value]:
    rows = table("agreement", "quantity == 'midpoint loss' and data_order == 'shared'")
    assert rows["agrees"].all()
    return [len(rows)]


def own_minus_shared(table: Tables) -> list[Value]:
    own, shared, of_paper = midpoints(table, OWN), midpoints(table, SHARED), paper(table)
    difference, values = own - shared, []
    for method in METHODS:
        low, high = stats.t.interval(0.95, len(own) - 1, difference[method].mean(), stats.sem(difference[method]))
        assert low < 0 < high, "the page says that no difference is decided"
        values += [difference[method].mean(), low, high]
    gap = own["weights"].mean() - of_paper.loc["weights", "paper"]
    return [*values, len(own), 100 * difference["weights"].mean() / gap]


def dimensions(table: Tables) -> pd.DataFrame:
    """Return the approximate dimensions of the first layers of networks A and B matched by weights, by learning rate and seed."""
    rows = table("layers", f"matching == 'weights' and layer == 1 and {OWN}").set_index([RATE, "seed"])
    return rows[["approximate_dimension", "approximate_dimension_b"]].set_axis(["a", "b"], axis=1)


def dimension_miss(table: Tables) -> list[Value]:
    row = table("agreement", f"quantity == 'approximate dimension' and not agrees and {LARGEST} and data_order == 'own'").iloc[0]
    assert (row["matching"], row["layer"]) == ("weights", 1)
    of_a = dimensions(table).loc[0.1, "a"]
    assert np.isclose(of_a.mean(), row["ours"])
    lowest, *others = sorted(of_a)
    off = [-100 * (mean / row["paper"] - 1) for mean in (of_a.mean(), np.mean(others))]
    allowed = 100 * row["tolerance"] / row["paper"]
    return [
        GIVEN,
        GIVEN,
        GIVEN,
        of_a.mean(),
        row["paper"],
        off[0],
        allowed,
        len(of_a),
        lowest,
        others[0],
        others[-1],
        np.mean(others),
        off[1],
    ]


def spikes(table: Tables) -> list[Value]:
    of_all = dimensions(table).loc[0.1].stack()
    networks = table("loss_spikes").sort_values("highest_loss", ascending=False)
    for row in networks.itertuples():
        assert np.isclose(row.approximate_dimension, of_all[row.seed, "ab"[row.network]])
    first, second, *_ = networks.itertuples()
    assert (first.network, second.network) == (0, 1)
    assert np.isclose(first.approximate_dimension, of_all.loc[:, "a"].min()), "the network A with the lowest dimension"
    others = networks.iloc[2:]
    assert others["approximate_dimension"].min() > max(first.approximate_dimension, second.approximate_dimension)
    highest = [first.highest_loss, first.at_step, second.highest_loss, second.at_step]
    ranges = [others[column].agg(end) for column in ("highest_loss", "approximate_dimension") for end in ("min", "max")]
    return [second.approximate_dimension, len(networks) - len(others), len(networks), *highest, *ranges]


def spread(table: Tables) -> list[Value]:
    both = dimensions(table).stack().groupby(RATE)
    share = 100 * both.std(ddof=0) / both.mean()
    assert share.iloc[-1] > 3, "the rule allows 3 %"
    assert share.iloc[:-1].max() < 0.3
    return [share.iloc[-1], share.iloc[:-1].max()]


CLAIMS = [
    Claim("1. *Midpoint loss of `weights` at 0.1*: 0.108 against 0.084 ± 0.007.", miss),
    Claim(
        """0.099, 0.103, 0.104 (paper: 0.084, 0.098, 0.100), with an sd over pairs of 0.007, 0.006, 0.005 (paper: 0.007, 0.006,
            0.004); where each network has an order of its own, 0.108, 0.113, 0.103.""",
        orders,
    ),
    Claim("The 3 of shared orders are within the rules.", within_rules),
    Claim(
        """own minus shared is 0.0089 [−0.0033, 0.0212] for `weights`, 0.0097 [−0.0002, 0.0197] for `covariance` and −0.0012
            [−0.0099, 0.0075] for `activations`, over 4 seeds: no difference is decided by these, and that of `weights` is 37 % of its gap""",
        own_minus_shared,
    ),
    Claim(
        """2. *Approximate dimension of `weights`, layer 1, at 0.1*: 211 against 219 (3.7 %, allowed 3). One of our 4 networks A has 192, the others 214 to 224
            (mean 217.5, 0.8 % off).""",
        dimension_miss,
    ),
    Claim(
        """the network B that has 185 are the 2 of the 8 networks at this rate whose loss went highest after the warm-up, to 3.3 at
            step 22 and 3.2 at step 21 (`loss_spikes.csv`, by `loss_spikes.py`); the others went to 1.6 to 2.3 and have 212 to 226.""",
        spikes,
    ),
    Claim("That a high loss costs dimensions, 8 networks do not show.", lambda table: [len(table("loss_spikes"))]),
    Claim("The sd between these networks is 6 %, wider than the rule; at every other rate it is below 0.3 %.", spread),
]
