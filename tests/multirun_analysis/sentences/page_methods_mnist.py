"""Numbers of ``results/methods_mnist/README.md``."""

import re
from functools import partial

import pandas as pd
from claims import GIVEN, ROOT, Claim, Page, Tables, Value
from methods_mnist_repairs import CLAIMS, CONTROLS, NO_REPAIR, TEST

PATH = "results/methods_mnist/README.md"
CELLS = ["depth", "width"]


def design(table: Tables) -> list[Value]:
    runs, settings = table("runs"), table.provenance()["settings"]
    assert runs.groupby(CELLS)["seed"].nunique().eq(runs["seed"].nunique()).all()
    networks = pd.concat([runs["network_a"], runs["network_b"]]).nunique()
    recipe = [settings["optimizer.lr"], settings["training.epochs"]]
    counts = [runs["seed"].nunique(), runs["run_id"].nunique(), networks]
    return [*sorted(runs["depth"].unique()), *sorted(runs["width"].unique()), *recipe, *counts]


def cells(table: Tables, matching: str) -> list[Value]:
    """Return the numbers of a row of the table: means without and with repair, of every cell."""
    tests = table("runs", TEST)
    means = tests[tests["matching"] == matching].groupby([*CELLS, "repair"])["loss_barrier"].agg(["mean", "size"])
    assert (means["size"] == tests["seed"].nunique()).all()
    return list(means["mean"].unstack()[["none", "repair"]].to_numpy().ravel())


def table_rows() -> list[Claim]:
    """Return a claim for every row of the page's table: each has a method of its own."""
    rows = re.findall(r"^\| `(\w+)` (\|.*\|)$", (ROOT / PATH).read_text(encoding="utf-8"), re.MULTILINE)
    return [Claim(row, partial(cells, matching=method)) for method, row in rows]


def header(table: Tables) -> list[Value]:
    runs = table("runs")
    assert set(runs["matching"]) == set(re.findall(r"^\| `(\w+)` \|", (ROOT / PATH).read_text(encoding="utf-8"), re.MULTILINE))
    return [number for cell in sorted(runs.groupby(CELLS).groups) for number in cell]


def decided(table: Tables, depth: int, width: int) -> pd.DataFrame:
    """Return how many others each method is better and worse than, by test loss barrier without repair."""
    chosen = f"{TEST} and {NO_REPAIR} and metric == 'loss_barrier' and depth == {depth} and width == {width}"
    return table("decided", chosen).set_index("matching")[["better_than", "worse_than", "undecided_against"]]


def against_controls(table: Tables) -> list[Value]:
    rows = table("method_differences", f"{TEST} and {NO_REPAIR} and metric == 'loss_barrier'")
    for method, control in (("method", "other"), ("other", "method")):
        side = rows[~rows[method].isin(CONTROLS) & rows[control].isin(CONTROLS)]
        assert (side["better_corrected"] == side[method]).all()
    return [rows.groupby(CELLS).ngroups]


def sinkhorn(table: Tables) -> list[Value]:
    counts = {width: decided(table, 3, width) for width in (32, 128, 512)}
    wins, losses = ([rows.loc["sinkhorn", column] for rows in counts.values()] for column in ("better_than", "worse_than"))
    assert len(set(losses)) == 1
    return [3, wins[0], len(counts[32]) - 1, 32, wins[1], 128, wins[2], 512, losses[0]]


def two_lowest(table: Tables) -> list[Value]:
    means = table("runs", f"{TEST} and {NO_REPAIR} and depth == 3 and width == 512").groupby("matching")["loss_barrier"].mean()
    lowest = means.sort_values().iloc[:2]
    assert list(lowest.index) == ["sinkhorn", "straight_through"]
    return [512, *lowest]


def shares(table: Tables, depth: int, width: int) -> pd.DataFrame:
    """Return mean, median and number of the seconds of matching over those of training the pair, by method (rows)."""
    runs = table("runs", f"{TEST} and {NO_REPAIR} and depth == {depth} and width == {width}")
    return (runs["seconds_match"] / runs["seconds_train"]).groupby(runs["matching"]).agg(["mean", "median", "size"])


def shallow(table: Tables) -> list[Value]:
    wins = decided(table, 1, 512)
    barriers = table("runs", f"{TEST} and {NO_REPAIR} and depth == 1").pivot(
        index=["width", "seed"], columns="matching", values="loss_barrier"
    )
    assert (barriers["rebasin"] - barriers["frank_wolfe"]).abs().max() < 1e-6
    best = wins["better_than"].max()
    assert set(wins.index[wins["better_than"] == best]) == {"straight_through", "rebasin", "frank_wolfe"}
    return [1, 512, best, len(wins) - 1, 2, 1, wins.loc["sinkhorn", "worse_than"]]


def shallow_means(table: Tables) -> list[Value]:
    three = ["straight_through", "rebasin", "frank_wolfe"]
    seven = [*three, "weights", "covariance", "activations", "rebasin_covariance"]
    means = table("runs", f"{TEST} and {NO_REPAIR} and depth == 1 and width == 512").groupby("matching")["loss_barrier"].mean()[seven]
    return [len(three), means.min(), means.max()]


def annealing(table: Tables) -> list[Value]:
    worse = [decided(table, depth, 512).loc["annealing", "worse_than"] for depth in (1, 3)]
    assert worse[0] == worse[1]
    return [GIVEN, worse[0], 512]  # the number of swaps is the setting `steps` of the method


def below_a_tenth(table: Tables) -> list[Value]:
    wide = table("runs", f"{TEST} and {NO_REPAIR} and width >= 128").groupby([*CELLS, "matching"])["loss_barrier"].mean().unstack()
    shares = wide.drop(columns=CONTROLS).div(wide[CONTROLS].min(axis=1), axis=0).max()
    assert set(shares.index[shares >= 0.1]) == {"annealing", "otfusion"}
    return [128]


def costs(table: Tables) -> list[Value]:
    of_methods = shares(table, 3, 512)
    means = of_methods["mean"].drop(CONTROLS)
    assert (means.idxmin(), means.idxmax()) == ("weights", "sinkhorn")
    starts = [GIVEN, means["rebasin"], of_methods.loc["rebasin", "median"]]  # how many starts, is a setting
    return [3, 512, means.min(), means.max(), means["annealing"], *starts]


def dearer_than_training(table: Tables) -> list[Value]:
    of_cells = {cell: shares(table, *cell)["mean"] for cell in table("runs").groupby(CELLS).groups}
    assert all(means.drop(["annealing", "sinkhorn"]).max() < 1 for means in of_cells.values())
    depth, width = max(of_cells, key=lambda cell: of_cells[cell].max())
    assert of_cells[depth, width].idxmax() == "annealing"
    return [of_cells[depth, width].max(), depth, width]


def slow_and_low(table: Tables) -> list[Value]:
    cells = table("runs", f"{TEST} and {NO_REPAIR} and depth == 3").groupby(["width", "matching"])
    assert (cells["loss_barrier"].mean().unstack().idxmin(axis=1) == "sinkhorn").all()
    seconds = cells["seconds_match"].mean().unstack()
    ratios = seconds["sinkhorn"] / seconds["frank_wolfe"]
    return [3, ratios.min(), ratios.max()]


def undecided(table: Tables) -> list[Value]:
    chosen = f"{TEST} and {NO_REPAIR} and metric == 'loss_barrier' and method not in {CONTROLS} and other not in {CONTROLS}"
    rows = table("method_differences", chosen)
    five = ["rebasin", "frank_wolfe", "activations", "rebasin_covariance", "weights"]
    among = rows.query(f"depth == 3 and width == 128 and method in {five} and other in {five}")
    assert (among["better_corrected"] == "undecided").all()
    counts = [len(rows), 2, (rows["better_corrected"] == "undecided").sum()]
    return [table("runs")["seed"].nunique(), *counts, 3, 128, len(among)]


PAGE = Page(
    PATH,
    "results/methods_mnist",
    [
        Claim(
            """1 and 3 hidden layers of 32, 128 and 512 neurons on MNIST, the recipe of `depth_mnist` (learning rate 0.1, 20 epochs),
            6 pairs each: 36 jobs, 72 networks.""",
            design,
        ),
        Claim("| | 1 x 32 | 1 x 128 | 1 x 512 | 3 x 32 | 3 x 128 | 3 x 512 |", header),
        *table_rows(),
        Claim("than random permutations, in all 6 cells of width and depth.", against_controls),
        Claim(
            """At depth 3 without repair `sinkhorn`, which descends on the training loss halfway, is better than 5 of 11 others at 32
            neurons, 6 at 128 and 7 at 512, and worse than 0.""",
            sinkhorn,
        ),
        Claim("Its mean at 512 neurons is 0.002 nats, and the next, that of `straight_through`, 0.012.", two_lowest),
        Claim(
            """At depth 1 and 512 neurons `straight_through`, `rebasin` and `frank_wolfe` are better than 6 of 11 others each (the last 2
            have the same barriers at depth 1), and `sinkhorn` is worse than 4.""",
            shallow,
        ),
        Claim(
            """The means of these 3, `weights`, `covariance`, `activations` and `rebasin_covariance` lie between 0.008 and 0.012.""",
            shallow_means,
        ),
        Claim("`annealing`, which tried 2,000 swaps, is worse than 9 others at 512 neurons, at both depths.", annealing),
        *CLAIMS,
        Claim("without repair and from 128 neurons on, the means of all matching methods but `annealing` and `otfusion`", below_a_tenth),
        Claim(
            """at 3 x 512 matching takes on average 0.006 (`weights`) to 0.63 (`sinkhorn`) of the time that the pair took to train,
            `annealing` 0.53, and `rebasin` with 5 starts 0.17 (median 0.11).""",
            costs,
        ),
        Claim("it takes up to 2.7 times their training, at 1 x 128.", dearer_than_training),
        Claim("has the lowest mean at depth 3 without repair, at every width, and takes 14 to 191 times", slow_and_low),
        Claim(
            """With 6 pairs most methods are not told from one another: without repair, of all 270 comparisons of 2 methods (controls
            left out) 210 are undecided, and at 3 x 128 all 10 among""",
            undecided,
        ),
    ],
    names=["epsilon 0.01"],
)
