"""Numbers of ``results/depth_mnist/README.md``: the study, the widths needed, and how barriers go with depth and width."""

import numpy as np
import pandas as pd
from claims import Claim, Page, Tables, Value, numbers
from depth_mnist_mechanism import CLAIMS, MATCHED, TEST
from scipy import stats

STABLE = 0.02  # Frankle et al. 2020
METHODS = ["identity", *MATCHED]


def barriers(table: Tables, measure: str = "error_barrier") -> pd.DataFrame:
    """Return the barriers of pairs: a row for a method, a depth and a seed, a column for a width."""
    return table("runs", TEST).pivot_table(index=["matching", "depth", "seed"], columns="width", values=measure)


def means(table: Tables, measure: str = "error_barrier") -> pd.DataFrame:
    return barriers(table, measure).groupby(["matching", "depth"]).mean()


def design(table: Tables) -> list[Value]:
    runs, provenance = table("runs"), table.provenance()
    settings, jobs = provenance["settings"], runs["run_id"].nunique()
    widths, pairs = sorted(runs["width"].unique()), runs.groupby(["depth", "width"])["seed"].nunique().unique()
    threads = sorted(int(machine.partition('"threads": ')[2].rstrip("}")) for machine in provenance["machines"])
    minutes = [provenance["seconds"][part] / 60 for part in ("training", "matching", "evaluation")]
    recipe = [settings["optimizer.lr"], settings["training.epochs"], *pairs]
    return [runs["depth"].min(), runs["depth"].max(), *widths, *recipe, jobs, settings["networks"] * jobs, *minutes, *threads]


def errors(table: Tables) -> list[Value]:
    networks = table("runs", f"{TEST} and matching == 'identity'")
    both = networks.melt(id_vars=["depth", "width"], value_vars=["error_a", "error_b"], value_name="error")
    by_shape = 100 * both.groupby(["depth", "width"])["error"].mean()
    return [by_shape.min(), by_shape.max(), 100 * both["error"].max()]


def needed(table: Tables) -> pd.DataFrame:
    return table("width_needed", f"{TEST} and metric == 'error_barrier' and tolerance == {STABLE}").set_index(["matching", "depth"])


def cell(text: str) -> str:
    """Return a width and its interval as the page writes them: without an interval that says no more than the width."""
    width, _, interval = text.replace("<=", "≤").removesuffix("]").partition(" [")
    return width if set(interval.split(", ")) == {width} else f"{width} [{interval}]"


def row(depth: int) -> Claim:
    """Return the claim on a row of the table, whose bounds and signs must be those of the committed one too."""

    def values(table: Tables) -> list[Value]:
        cells = [cell(needed(table).loc[(method, depth), "text"]) for method in METHODS]
        assert f"| {depth} | {' | '.join(cells)} |" == ROWS[depth]
        return [float(number) for number in (str(depth), *numbers(" ".join(cells)))]

    return Claim(ROWS[depth], values)


def grid(table: Tables) -> list[Value]:
    """Check that widths needed are those at which powers of the width between neighbouring means cross; return the tolerance and the grid."""
    for key, width in needed(table)["width_needed"].dropna().items():
        barrier = means(table).loc[key]
        above = barrier.index[barrier > STABLE].max()
        below = barrier.index[barrier.index > above].min()
        logs, ends = np.log(barrier[[above, below]]), np.log([above, below])
        np.testing.assert_allclose(width, np.exp(np.interp(-np.log(STABLE), -logs, ends)))
    return [STABLE, *sorted(table("runs")["width"].unique()), 95]


def slowest(table: Tables) -> list[Value]:
    """Return the barrier of the deepest widest networks, and how many of their pairs are within; at the ends of the depths all grow."""
    mean, last = means(table), barriers(table).loc[("activations", 6), 512]
    deep, shallow = mean.xs(6, level="depth").loc[MATCHED], mean.xs(1, level="depth").loc[MATCHED]
    assert (deep > shallow).all(axis=None)
    assert (deep.loc["activations"] < deep.loc[["weights", "covariance"]]).all(axis=None)
    return [512, 6, last.mean(), (last <= STABLE).sum(), len(last), STABLE]


def by_depth(table: Tables, method: str, start: int, end: int) -> list[float]:
    """Return by what the error barrier at 256 neurons differs between two depths on the same seeds, with Student's interval."""
    of_method = barriers(table).loc[method][256].unstack("depth")
    difference = of_method[end] - of_method[start]
    return [difference.mean(), *stats.t.interval(0.95, len(difference) - 1, difference.mean(), difference.sem())]


def deep_and_shallow(table: Tables) -> list[Value]:
    """Return how many steps of one layer are decided, and by what the error barrier differs from one to six layers."""
    neighbours = [by_depth(table, method, depth, depth + 1) for method in MATCHED for depth in range(1, 6)]
    whole = [by_depth(table, method, 1, 6) for method in MATCHED]
    assert all(low > 0 for _, low, _ in whole)
    assert all(high >= 0 for _, _, high in neighbours), "a step that is decided goes down"
    pairs = barriers(table).index.get_level_values("seed").nunique()
    return [pairs, 256, sum(low > 0 for _, low, _ in neighbours), len(neighbours), 1, 6, *[end for ends in whole for end in ends]]


def steps(table: Tables, metric: str, start: int) -> pd.DataFrame:
    chosen = f"{TEST} and metric == '{metric}' and from_width == {start} and matching != 'identity'"
    return table("width_steps", chosen).set_index(["matching", "depth"])


def first_steps(table: Tables) -> list[Value]:
    loss, error = steps(table, "loss_barrier", 64), steps(table, "error_barrier", 64)
    assert (loss["difference"] < 0).all()
    assert (error["difference"] < 0).all()
    widths = table("runs")["width"].nunique()
    return [64, 256, len(loss), (loss["direction"] == "falls").sum(), (error["direction"] == "falls").sum(), widths - 1]


def rises(table: Tables) -> list[Value]:
    deep = means(table).xs(6, level="depth")
    return [256, 512, 6, *deep.loc["weights", [256, 512]], *deep.loc["covariance", [256, 512]]]


def decided(table: Tables) -> list[Value]:
    loss, error = steps(table, "loss_barrier", 256), steps(table, "error_barrier", 256)
    n_rises = sum((each["direction"] == "rises").sum() for each in (loss, error))
    falls = loss.index[loss["direction"] == "falls"]
    depths = {method: sorted(falls[falls.get_level_values("matching") == method].get_level_values("depth")) for method in MATCHED}
    assert not depths["weights"]
    of_weights = loss.loc[("weights", 6), ["difference", "ci_low", "ci_high"]]
    return [loss["n_seeds"].iloc[0], n_rises, *of_weights, len(falls), *depths["covariance"], *depths["activations"]]


ROWS = {
    1: "| 1 | > 512 | ≤ 64 [≤ 64, 68] | ≤ 64 [≤ 64, 79] | ≤ 64 |",
    2: "| 2 | > 512 | 124 [≤ 64, 235] | 134 [101, 182] | 115 [85, 139] |",
    3: "| 3 | > 512 | 205 [131, > 512] | 340 [193, 480] | 141 [95, 187] |",
    4: "| 4 | > 512 | > 512 [163, > 512] | > 512 [172, > 512] | 202 [158, 255] |",
    5: "| 5 | > 512 | > 512 | > 512 [326, > 512] | 374 [109, > 512] |",
    6: "| 6 | > 512 | > 512 | > 512 | > 512 [163, > 512] |",
}
PAGE = Page(
    "results/depth_mnist/README.md",
    "results/depth_mnist",
    [
        Claim(
            """1 to 6 hidden layers of 64, 256 and 512 neurons on MNIST, the paper's recipe at its largest learning rate (0.1), 20 epochs, 4
            pairs each: 72 jobs, 144 networks; 121 minutes of training, 6 of matching, 29 of evaluation, on 1 or 2 threads""",
            design,
        ),
        Claim("mean test errors by depth and width are 1.7 to 2.8 %, and 3.95 % is the largest", errors),
        Claim(
            """stays within 0.02, with its interval (`width_needed.csv`; on the grid 64, 256, 512, interpolated as a power of the width; in
            brackets where the ends of the mean's 95 % interval""",
            grid,
        ),
        *[row(depth) for depth in ROWS],
        Claim("whose mean barrier at 512 neurons and depth 6 is 0.0201, with 2 of 4 pairs within 0.02", slowest),
        Claim(
            """told apart by 4 pairs: at 256 neurons 5 of 15 steps of the error barrier, all of them up. Depths 1 and 6 are: it rises between
            them by 0.27 [0.07, 0.47] (`weights`), 0.115 [0.046, 0.183] (`covariance`) and 0.0162 [0.0115, 0.0209]""",
            deep_and_shallow,
        ),
        Claim(
            """From 64 to 256 neurons the mean barriers of matched networks fall at every depth; of these 18 falls of the loss barrier 10 are
            decided, and of the error barrier 10 (`width_steps.csv`, corrected for the 2 steps of a method by Holm's rule)""",
            first_steps,
        ),
        Claim(
            """**From 256 to 512 they need not fall**: at depth 6 the mean error barrier of `weights` rises from 0.27 to 0.50, that of
            `covariance` from 0.12 to 0.17""",
            rises,
        ),
        Claim(
            """With 4 pairs 0 of these rises are decided (for the loss barrier of `weights` 0.46 [−0.07, 0.98]); 4 falls of the loss barrier
            are, of `covariance` at depths 1 and 2, and of `activations` at 1 and 2""",
            decided,
        ),
        *CLAIMS,
    ],
)
