"""Numbers that ``docs/results.md`` and ``README.md`` say of the studies of trained networks."""

import numpy as np
import pandas as pd
from claims import GIVEN, Claim, Tables, Value
from scipy import stats
from widths_and_norms import growth, means

TEST = "split == 'test'"
METHODS = ["weights", "covariance", "activations"]
OWN, LONG = "`training.data_order` == 'own'", "`optimizer.lr` == 0.1"


def figure2_design(table: Tables) -> list[Value]:
    runs, fixed = table("paper_figure2/runs", OWN), table.study("paper_figure2").provenance()["settings"]
    return [GIVEN, GIVEN, *[fixed["width"]] * int(fixed["depth"]), GIVEN, runs["optimizer.lr"].nunique(), runs["seed"].nunique()]


def figure2_agreement(table: Tables) -> list[Value]:
    agrees = table("paper_figure2/agreement", "data_order == 'own'")["agrees"]
    return [agrees.sum(), len(agrees)]


def figure2_misses(table: Tables) -> list[Value]:
    missed = table("paper_figure2/agreement", "data_order == 'own' and not agrees")
    assert (missed["matching"] == "weights").all()
    assert (missed["optimizer.lr"] == 0.1).all()
    return [*figure2_agreement(table), len(missed)]


def figure2_barriers(table: Tables) -> list[Value]:
    means = table("paper_figure2/runs", f"{TEST} and {OWN}").pivot_table(index="optimizer.lr", columns="matching", values="loss_barrier")
    first = means.iloc[:-1]
    ratios = np.concatenate([first["weights"] / first[method] for method in ("covariance", "activations")])
    chosen = f"{TEST} and {OWN} and {LONG} and metric == 'loss_barrier' and method != 'identity'"
    assert (table("paper_figure2/method_differences", chosen)["better"] == "undecided").all()
    return [len(first), ratios.min(), ratios.max(), len(METHODS)]


def of_width(table: Tables) -> pd.DataFrame:
    """Return the mean test loss barriers of ``width_mnist`` by width (rows) and method."""
    return table("width_mnist/runs", f"{TEST} and {LONG}").pivot_table(index="width", columns="matching", values="loss_barrier")


def width_design(table: Tables) -> list[Value]:
    runs = table("width_mnist/runs", LONG)
    epochs = runs["training.epochs"].unique()
    assert len(epochs) == 1
    return [runs["width"].min(), runs["width"].max(), runs["seed"].nunique(), *epochs, runs["optimizer.lr"].iloc[0]]


def ends(barriers: pd.DataFrame, *widths: int) -> list[Value]:
    return [value for width in widths for value in barriers.loc[width, METHODS].agg(["min", "max"])]


def width_falls(table: Tables) -> list[Value]:
    barriers = of_width(table)
    logs = np.log(barriers[METHODS])
    first = (logs.loc[128] - logs.loc[4]) / np.log(128 / 4)
    second = (logs.loc[1024] - logs.loc[128]) / np.log(1024 / 128)
    assert (first < second).all()
    at_4, at_128, at_1024 = (ends(barriers, width) for width in (4, 128, 1024))
    return [*at_4, 4, *at_128, 128, first.max(), first.min(), *at_1024, 1024, second.max(), second.min()]


def width_control(table: Tables) -> list[Value]:
    last = of_width(table).loc[1024]
    ratios = last["identity"] / last[METHODS]
    return [ratios.min(), ratios.max(), 1024]


def width_contrast(table: Tables) -> list[Value]:
    runs = table("width_mnist/runs", f"{TEST} and `optimizer.lr` < 0.1 and matching == 'weights'")
    barriers = runs.pivot(index="seed", columns="width", values="loss_barrier")
    rise = barriers[1024] - barriers[128]
    assert stats.ttest_1samp(rise, 0).confidence_interval().low > 0
    (epochs,), (rate,) = runs["training.epochs"].unique(), runs["optimizer.lr"].unique()
    return [epochs, rate, len(barriers), barriers[128].mean(), 128, barriers[1024].mean(), 1024]


def depth_design(table: Tables) -> list[Value]:
    runs = table("depth_mnist/runs")
    return [*runs["depth"].agg(["min", "max"]), *runs["width"].agg(["min", "max"]), runs["seed"].nunique()]


def within(table: Tables) -> dict[str, int]:
    """Return the greatest depth up to which the mean test error barrier of 512 neurons is at most 0.02, by method."""
    chosen = f"{TEST} and width == 512"
    means = table("depth_mnist/runs", chosen).pivot_table(index="depth", columns="matching", values="error_barrier")[METHODS]
    good = (means <= 0.02).cummin()
    return {method: int(good.index[good[method]].max()) for method in METHODS}


def depth_needed(table: Tables) -> list[Value]:
    depth = within(table)
    assert depth["weights"] == depth["covariance"]
    return [GIVEN, 512, depth["weights"], depth["activations"]]


def depth_readme(table: Tables) -> list[Value]:
    return [GIVEN, 512, within(table)["weights"], within(table)["activations"]]


def depth_scale(table: Tables) -> list[Value]:
    """Check that outputs of the midpoint shrink with depth at every width, and that no barrier is seen to change at the last step."""
    scales = table("depth_mnist/runs", TEST).pivot_table(index="depth", columns=["matching", "width"], values="output_scale")[METHODS]
    assert (scales.diff().iloc[1:] < 0).all(axis=None)
    last = "from_width == 256 and to_width == 512 and metric in ('loss_barrier', 'error_barrier')"
    steps = table("depth_mnist/width_steps", f"{TEST} and {last} and matching in {METHODS}")
    assert (steps.query("depth >= 3")["direction"] == "undecided").all()
    assert (steps.query("depth == 2")["direction"] != "undecided").any()
    return [3, 256, 512]


def methods_design(table: Tables) -> list[Value]:
    runs = table("methods_mnist/runs")
    return [runs["width"].nunique(), runs["depth"].nunique()]


def methods_told(table: Tables) -> list[Value]:
    controls = ["identity", "random"]
    chosen = f"{TEST} and repair == 'none' and metric == 'loss_barrier' and method not in {controls} and other not in {controls}"
    rows = table("methods_mnist/method_differences", chosen)
    undecided = (rows["better_corrected"] == "undecided").sum()
    assert undecided > len(rows) / 2
    return [table("methods_mnist/runs")["seed"].nunique(), undecided, len(rows)]


def methods_repairs(table: Tables) -> list[Value]:
    rows = table("methods_mnist/repairs", f"{TEST} and depth == 3").set_index(["width", "matching"])
    errors, losses = (rows.loc[rows["metric"] == metric, "better"] for metric in ("error_midpoint", "loss_barrier"))
    higher = losses.index[losses == "none"]
    runs = table("methods_mnist/runs", f"{TEST} and depth == 3 and repair == 'repair'").set_index(["width", "matching"])
    assert (runs.loc[higher, "temperature_midpoint"].groupby(level=[0, 1]).mean() > 1).all()
    lowered = [(measure == "repair").sum() for measure in (errors, losses)]
    return [3, lowered[0], len(errors), (errors == "none").sum(), lowered[1], len(higher)]


def methods_dearest(table: Tables) -> list[Value]:
    runs = table("methods_mnist/runs", f"{TEST} and repair == 'none' and width == 512 and depth == 3").groupby("matching")
    assert runs["seconds_match"].mean().idxmax() == runs["loss_barrier"].mean().idxmin() == "sinkhorn"
    return [3, 512, runs["loss_barrier"].mean().min()]


def miss_design(table: Tables) -> list[Value]:
    base = table("figure2_miss/miss", "candidate == 'base' and matching == 'weights'")["n_pairs"].iloc[0]
    changes = table("figure2_miss/miss", "candidate != 'base' and matching == 'weights'")["candidate"].nunique()
    variants = table("figure2_miss/miss_variants", "variant not in ('base', 'all pairs of networks')")["variant"].nunique()
    return [GIVEN, GIVEN, base, changes + variants]


def transformers_left(table: Tables) -> list[Value]:
    """Assert that permutations from the weights, and orthogonal maps, are not told from 1, and return what is left by learned ones."""

    def left(method: str, column: str = "mean") -> list[float]:
        query = f"metric == 'loss_barrier' and control == 'identity' and matching == '{method}'"
        rows = table("transformers/relative", query).set_index("model")
        assert (rows["n_pairs"] == 4).all()
        return [float(rows.loc[model, column]) for model in ("vit", "gpt")]

    for method in ("rebasin", "procrustes"):
        assert max(left(method, "ci_low")) < 1 < min(left(method, "ci_high"))
    return [*left("straight_through"), *left("learned_maps")]


def vgg_design(table: Tables) -> list[Value]:
    study = table.study("widths_vgg")
    seeds = study("runs").groupby("model.norm")["seed"].nunique()
    return [GIVEN, *sorted(study("runs")["width"].unique()), GIVEN, seeds["batch"], seeds["layer"]]


def resnet_design(table: Tables) -> list[Value]:
    runs = table.study("widths_resnet")("runs")
    seeds = runs.groupby("model.norm")["seed"].nunique()
    layers = sorted(runs.loc[runs["model.norm"] == "layer", "width"].unique())
    return [GIVEN, *sorted(runs["width"].unique()), GIVEN, seeds["batch"], seeds["layer"], *layers]


def resnet_left(table: Tables) -> list[Value]:
    study = table.study("widths_resnet")
    falls, rises = (growth(study, "batch", "reset", method, 8, "error_barrier") for method in ("activations", "identity"))
    assert falls[2] < 0 < rises[1]
    return [*(value for method in ("activations", "identity") for value in means(study, "batch", "reset", method, (2, 4, 8))), 2, 8]


def layer_design(table: Tables) -> list[Value]:
    runs = table.study("widths_resnet_layer")("runs")
    return [GIVEN, *sorted(runs["width"].unique()), *runs.groupby("width")["seed"].nunique().unique()]


def layer_left(table: Tables) -> list[Value]:
    runs = table.study("widths_resnet_layer")("runs", "split == 'test' and repair == 'repair'")
    left = runs.groupby(["matching", "width"])["loss_barrier"].mean()
    return [*(float(left[method, width]) for method in ("activations", "identity") for width in (4, 8, 16)), 16]


def vgg_left(table: Tables) -> list[Value]:
    """Assert that without a reset no method is decided to lower the barrier, and return what is left with one."""
    study, widths = table.study("widths_vgg"), (4, 8, 16)
    query = "metric == 'loss_barrier' and split == 'test' and method == 'identity' and `model.norm` == 'batch' and repair == 'none'"
    assert (study("method_differences", query)["ci_low"] < 0).all()
    matched, unmatched = (means(study, "batch", "reset", method, widths) for method in ("activations", "identity"))
    assert growth(study, "batch", "reset", "activations", 16)[2] > 0
    by_weights = [value for method in ("weights", "rebasin") for value in means(study, "batch", "reset", method, widths)]
    return [*matched, *unmatched, min(by_weights), max(by_weights)]


CLAIMS = [
    Claim("Figure 2 of Ferbach et al. in full: 784-512-512-512-10 on MNIST at 6 learning rates, 4 pairs each.", figure2_design),
    Claim("64 of the 66 values that the paper gives agree by rules that were fixed beforehand; of the other 2,", figure2_misses),
    Claim(
        """At the first 5 learning rates matching by `weights` leaves 3.1 to 8.4 times the barrier of `covariance` and `activations`; at
        the largest no order of the 3 is decided.""",
        figure2_barriers,
    ),
    Claim("Two-layer networks of 4 to 1,024 neurons, 10 pairs at each width, 50 epochs at learning rate 0.1.", width_design),
    Claim(
        """from 0.92 to 1.04 nats at 4 neurons to 0.018 to 0.024 at 128 (on log axes by a slope of −1.05 to −1.17), and from there to
        0.006 to 0.007 at 1,024 (−0.47 to −0.61).""",
        width_falls,
    ),
    Claim("That of unmatched networks is 17 to 21 times as high at 1,024.", width_control),
    Claim(
        """In a contrast of 20 epochs at learning rate 0.025, with 4 pairs, the barrier of `weights` *rises* with width, from 0.029 nats
        at 128 neurons to 0.061 at 1,024.""",
        width_contrast,
    ),
    Claim("1 to 6 hidden layers of 64 to 512 neurons on MNIST, 4 pairs each.", depth_design),
    Claim(
        """a test error barrier of 0.02 grows with depth: with 512 neurons the mean barrier is within it up to depth 3 for `weights` and
        `covariance`, and up to depth 5 for `activations`.""",
        depth_needed,
    ),
    Claim("From depth 3 on no change of the barrier from 256 to 512 neurons is decided.", depth_scale),
    Claim("with and without repair, at 3 widths and 2 depths.", methods_design),
    Claim(
        """The midpoint of figure 2 that is not reproduced, that of `weights` at learning rate 0.1, on 6 new pairs, with 14 changes of what
        was trained, matched and measured.""",
        miss_design,
    ),
    Claim("not told from one another by 6 pairs: 210 of 270 comparisons are undecided.", methods_told),
    Claim(
        """At depth 3 `repair` is seen to lower the error at the midpoint in 9 of 36 cells of width and method and to raise it in 0; it
        lowers the loss barrier in 10 and raises it in 4,""",
        methods_repairs,
    ),
    Claim("the dearest at depth 3 and 512 neurons, has the lowest loss barrier there, 0.002 nats.", methods_dearest),
    Claim(
        "VGG-11 of 4, 8 and 16 channels on a fifth of CIFAR-10, small and far from trained: 4 pairs of each width with batch norms, 2 with",
        vgg_design,
    ),
    Claim(
        """matching by activations leaves 0.37, 0.40 and 0.32 nats of the unmatched 1.04, 1.18 and 1.22, and by weights 0.69 to 0.97.""",
        vgg_left,
    ),
    Claim(
        """ResNet-20 of 2, 4 and 8 channels on a fifth of CIFAR-10, small and far from trained: 4 pairs of each width with batch norms; with
        layer norms, 2 of widths 4 and 8.""",
        resnet_design,
    ),
    Claim(
        """leaves 0.94, 0.78 and 0.55 nats of the unmatched 1.01, 1.03 and 1.18; its error barrier falls from width 2 to 8, while the
        unmatched one rises.""",
        resnet_left,
    ),
    Claim("ResNet-20 with layer norms and 4, 8 and 16 channels, trained as little: 4 pairs of each width.", layer_design),
    Claim(
        """matching by activations leaves 0.65, 0.50 and 0.26 nats of the unmatched 0.68, 0.77 and 0.68, which is decided at width 16.""",
        layer_left,
    ),
    Claim(
        "small ones, 4 pairs each, matched by permutations and by orthogonal maps",
        lambda table: [len(table("transformers/runs", "model == 'vit'")["seed"].unique())],
    ),
    Claim("leave all, learned permutations 0.71 (`vit`) and 0.55 (`gpt`), learned orthogonal maps 0.029 and 0.199;", transformers_left),
]
