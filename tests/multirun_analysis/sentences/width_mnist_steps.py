"""Numbers of ``results/width_mnist/README.md``: steps that do not fall, the shorter training, and methods against one another."""

from itertools import combinations

import numpy as np
import pandas as pd
from claims import Claim, Tables, Value
from scipy import stats
from width_mnist_data import LAST, MATCHED, METHODS, SHORT, barriers, cost_shares, interval, means, of_networks, slope, step


def first_steps(table: Tables) -> list[Value]:
    assert all(step(table, method, start)["direction"] == "undecided" for method in METHODS for start in (4, 8))
    assert [method for method in METHODS if step(table, method, 8)["p_value"] < 0.05] == ["covariance"]
    return [means(table).index.size - 1, 4, 16, 8, 16, *interval(step(table, "covariance", 8))]


def last_step(table: Tables) -> list[Value]:
    steps = [step(table, method, 512) for method in MATCHED]
    assert all(each["direction"] == "undecided" for each in steps)
    return [512, LAST, *[end for each in steps for end in interval(each)], of_networks(table, "test", "loss")[LAST]]


def training_set(table: Tables) -> list[Value]:
    """Return the networks' own loss and the barriers on the training set, and barriers over losses there and on the test set."""
    loss, last = of_networks(table, "train", "loss"), means(table, "train").loc[LAST, MATCHED]
    assert loss.is_monotonic_decreasing
    shares = [last / loss[LAST], means(table).loc[LAST, MATCHED] / of_networks(table, "test", "loss")[LAST]]
    return [loss[LAST], LAST, last.min(), last.max(), *[end for share in shares for end in (share.min(), share.max())]]


def last_step_of_training(table: Tables) -> list[Value]:
    covariance, activations, weights = (step(table, method, 512, "train") for method in ("covariance", "activations", "weights"))
    assert [each["direction"] for each in (covariance, activations, weights)] == ["falls", "falls", "undecided"]
    return [-covariance["difference"], -activations["difference"], *interval(weights)]


def costs(table: Tables) -> list[Value]:
    weights, covariance = cost_shares(table, "weights"), cost_shares(table, "covariance")
    assert weights.loc[32:].is_monotonic_increasing
    return [weights[32], 32, weights[LAST], LAST, covariance[4], 4, covariance[LAST], LAST]


def shorter_training(table: Tables) -> list[Value]:
    last, weights = means(table, query=SHORT).loc[LAST], means(table, query=SHORT)["weights"]
    (rate,), (epochs,) = (table("runs", SHORT)[key].unique() for key in ("optimizer.lr", "training.epochs"))
    rise, whole = step(table, "weights", 512, query=SHORT), slope(table, "weights", SHORT)
    assert rise["direction"] == "rises"
    assert whole[1] > 0
    ends = [weights[128], 128, weights[LAST], LAST]
    error = of_networks(table, "test", "error", SHORT)[LAST]
    return [rate, epochs, error, LAST, last["covariance"], last["activations"], LAST, *ends, *interval(rise), *whole]


def movement(table: Tables) -> list[Value]:
    moved = table("runs").groupby(["optimizer.lr", "width"])["relative_movement"].mean()
    assert all(moved[rate].is_monotonic_decreasing for rate in (0.025, 0.1))
    return [LAST, moved[0.025, LAST], moved[0.1, LAST], 0.1, moved[0.025, 128], 0.025, 128]


def short_cost(table: Tables) -> list[Value]:
    return [cost_shares(table, "weights", SHORT)[LAST], LAST]


def certificates(table: Tables) -> list[Value]:
    lines = table("runs", "split == 'test'")
    holds = lines[lines["certificate_status"] == "holds"]
    assert set(lines["certificate_status"]) == {"holds", "vacuous"}
    return [len(holds), len(lines), len(holds), *holds["width"].unique(), (lines["certificate_ratio"] < 1).sum()]


def differences(table: Tables, split: str) -> pd.DataFrame:
    """Return of every two matched methods and width the mean difference of pairs, p of Student's t, and whether Holm's rule decides it."""
    pairs = barriers(table, split)
    rows = []
    for method, other in combinations(MATCHED, 2):
        for width, each in (pairs[method] - pairs[other]).groupby("width"):
            rows.append((method, other, width, each.mean(), stats.ttest_1samp(each, 0).pvalue))
    compared = pd.DataFrame(rows, columns=["method", "other", "width", "mean", "p"]).sort_values("p")
    compared["holm"] = (compared["p"] * np.arange(len(compared), 0, -1)).cummax() < 0.05
    return compared


def alone(table: Tables) -> list[Value]:
    """Return how many differences are decided, and the differences that are, by themselves."""
    compared = differences(table, "test")
    decided = compared[compared["p"] < 0.05].set_index(["method", "other", "width"])["mean"].sort_index()
    below = decided["weights", "activations"].loc[64:512]
    assert below.index.tolist() == [64, 128, 256, 512]
    assert (below < 0).all()
    above, lower = decided["weights", "activations", 16], decided["covariance", "activations", LAST]
    assert len(decided) == len(below) + 2
    return [
        barriers(table).groupby("width").size().iloc[0],
        len(decided),
        len(compared),
        compared["holm"].sum(),
        64,
        512,
        -below.max(),
        -below.min(),
        16,
        above,
        LAST,
        -lower,
    ]


def together(table: Tables) -> list[Value]:
    """Return the ratio of barriers, a geometric mean over widths and seeds, with Student's interval of its log over seeds."""
    pairs = np.log(barriers(table).loc[64:512])
    every: list[Value] = [64, 512]
    for other in ("activations", "covariance"):
        by_seed = (pairs["weights"] - pairs[other]).groupby("seed").mean()
        half = stats.t.ppf(0.975, len(by_seed) - 1) * by_seed.sem()
        every += np.exp([by_seed.mean(), by_seed.mean() - half, by_seed.mean() + half]).tolist()
    return [*every, pairs.index.get_level_values("seed").nunique()]


def on_training_set(table: Tables) -> list[Value]:
    compared = differences(table, "train")
    decided = compared[compared["holm"]].set_index(["method", "other", "width"])["mean"]
    lower = [("weights", "activations", 256), ("weights", "activations", 512), ("weights", "covariance", 512)]
    assert set(decided.index) == {*lower, ("weights", "covariance", LAST)}
    assert (decided[lower] < 0).all()
    chosen = f"`optimizer.lr` == 0.1 and width == {LAST} and split == 'train' and metric == 'loss_barrier'"
    last = table("method_differences", f"{chosen} and method == 'weights' and other == 'covariance'").iloc[0]
    return [len(decided), len(compared), 256, 512, 512, LAST, *last[["mean", "ci_low", "ci_high"]]]


CLAIMS = [
    Claim(
        """corrected for the 8 steps of a method by Holm's rule, intervals are of each step by itself). From 4 to 16 neurons the pairs differ
        so much that no step is decided, not that of `covariance` from 8 to 16 either, −0.23 [−0.43, −0.02]""",
        first_steps,
    ),
    Claim(
        """From 512 to 1,024 no method's test loss barrier is seen to fall: `weights` +0.0008 [−0.0005, 0.0020], `covariance` −0.0015
        [−0.0036, 0.0005], `activations` −0.0016 [−0.0040, 0.0008], with endpoints at 0.056 nats""",
        last_step,
    ),
    Claim(
        """the networks' own loss falls to 0.0056 at 1,024, and barriers are 0.014 to 0.016, still 2.4 to 2.8 times that loss (0.11 to 0.13
        times on the test set)""",
        training_set,
    ),
    Claim("in the last step, by 0.0028 and 0.0027, and `weights` does not: +0.0009 [0.0001, 0.0017]", last_step_of_training),
    Claim(
        """its matching cost over the unmatched one is 0.59 at 32 neurons and rises with every doubling to 0.82 at 1,024; that
        of `covariance` is 0.76 at 4 and 0.26 at 1,024""",
        costs,
    ),
    Claim(
        """At lr 0.025 and 20 epochs (third panel; test error 0.034 at 1,024) `covariance` and `activations` are at 0.017 and 0.016 nats at
        1,024, and the barrier of `weights` *rises* with width, from 0.029 at 128 to 0.061 at 1,024 (the last step by 0.026 [0.018, 0.034];
        slope +0.35 [0.25, 0.45])""",
        shorter_training,
    ),
    Claim(
        """at 1,024 neurons by 0.30 of their initial norm, by 0.66 at lr 0.1, and less the wider they are (0.82 at lr 0.025 and 128
        neurons""",
        movement,
    ),
    Claim("is 784 independent numbers a neuron", lambda table: [28 * 28]),
    Claim("the cost of `weights` is 0.88 of the unmatched one at 1,024", short_cost),
    Claim("vacuous on all but 6 of 424 pairs and methods, all 6 at 4 neurons (`certificates.csv`; 0 are violated)", certificates),
    Claim(
        """Few differences between methods are decided by 10 pairs (`method_differences.csv`). On the test loss 6 of 27 are decided by themselves and 0 after Holm's correction: `weights` below `activations` from 64 to 512
        neurons, by 0.003 to 0.011, and above it at 16, by 0.19; `covariance` below it at 1,024, by 0.0011""",
        alone,
    ),
    Claim(
        """Taken together from 64 to 512 neurons the barrier of `weights` is 0.72 [0.63, 0.82] times that of `activations` and 0.80 [0.67,
        0.95] times that of `covariance` (geometric means, 10 seeds)""",
        together,
    ),
    Claim(
        """On the training set 4 of 27 stay decided: `weights` is lower than `activations` at 256 and 512 neurons, lower than `covariance` at
        512, and *higher* than it at 1,024, by 0.0020 [0.0018, 0.0023]""",
        on_training_set,
    ),
]
