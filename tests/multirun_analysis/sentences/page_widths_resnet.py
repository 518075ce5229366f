"""Numbers of ``results/widths_resnet/README.md``."""

from claims import GIVEN, Claim, Page, Tables, Value
from widths_and_norms import NORM, Study, growth, means, pairs, undecided

STUDY = Study("widths_resnet", (2, 4, 8), (4, 8), ("identity", "random", "rebasin", "activations"))


def design(table: Tables) -> list[Value]:
    settings, runs = table.provenance()["settings"], table("runs")
    assert runs.groupby("model.norm")["seed"].nunique().to_dict() == {"batch": 4, "layer": 2}
    assert runs.groupby("model.norm")["optimizer"].unique().map(list).to_dict() == {"batch": ["sgd"], "layer": ["adam"]}
    rates = runs.groupby("model.norm")["optimizer.lr"].unique()
    layers = sorted(runs.loc[runs["model.norm"] == "layer", "width"].unique())
    images = [settings["dataset.train_size"], settings["dataset.test_size"], GIVEN, settings["training.epochs"]]
    return [GIVEN, *STUDY.widths, *images, *rates["batch"], *layers, *rates["layer"]]


def as_they_are(table: Tables) -> list[Value]:
    assert 0.87 <= pairs(table, "batch", "none", "error_midpoint").groupby("width").mean().min().min() < 0.88
    return [87, 90]


def activations(table: Tables) -> list[Value]:
    return [value for method in ("activations", "identity") for value in means(table, "batch", "reset", method, STUDY.widths)]


def changes(table: Tables) -> list[Value]:
    falls, rises = (growth(table, "batch", "reset", method, 8, "error_barrier") for method in ("activations", "identity"))
    return [2, 8, *(-100 * falls[k] for k in (0, 2, 1)), *(100 * value for value in rises)]


def widest(table: Tables) -> list[Value]:
    barriers = pairs(table, "batch", "reset").loc[8]
    assert (barriers["activations"] < barriers["identity"]).all()
    matched, unmatched = (100 * means(table, "batch", "reset", method, [8], "error_midpoint")[0] for method in ("activations", "identity"))
    return [len(barriers), 8, matched, 100 * means(table, "batch", "reset", "activations", [8], "error_barrier")[0], unmatched]


def by_weights(table: Tables) -> list[Value]:
    undecided(table, "batch", "reset", ("rebasin",), (2, 4))
    undecided(table, "batch", "reset", ("random",), STUDY.widths)
    query = (
        f"metric == 'loss_barrier' and split == 'test' and {NORM} == 'batch' and repair == 'reset' and method == 'identity' and width == 8"
    )
    assert table.value("method_differences", "ci_low", f"{query} and other == 'rebasin'") > 0
    return [8, *means(table, "batch", "reset", "rebasin", [8])]


def layer_norms(table: Tables) -> list[Value]:
    undecided(table, "layer", "none", ("random", "rebasin", "activations"), STUDY.layer_widths)
    barriers = pairs(table, "layer", "repair")
    lowest = (barriers.idxmin(axis=1) == "activations").sum()
    at_4, at_8 = means(table, "layer", "repair", "activations", STUDY.layer_widths)
    return [lowest, len(barriers), at_4, 4, at_8, 8]


PAGE = Page(
    STUDY.page,
    "results/widths_resnet",
    [
        *STUDY.rows,
        Claim(
            """ResNet-20 with 2, 4 or 8 channels in its first stage, on 10,000 training and 1,000 test images of CIFAR-10, 10 epochs with
            crops and flips: four pairs of each width with batch norms by SGD at learning rate 0.1, and two of widths 4 and 8 with layer
            norms by Adam at 0.003,""",
            design,
        ),
        Claim("err in the mean on at least 87 % of the test images, matched or not, where chance is 90 %.", as_they_are),
        Claim("it leaves 0.94, 0.78 and 0.55 nats of the unmatched 1.01, 1.03 and 1.18.", activations),
        Claim(
            """From width 2 to 8 its error barrier falls by 8.0 [1.8, 14.2] points, while that of `identity` rises by 13.3 [6.0, 20.6].""",
            changes,
        ),
        Claim(
            """in each of the 4 pairs of width 8, where halfway networks err on 59.9 % of the images, 19.8 points more than at the ends;
            unmatched on 83.3 %.""",
            widest,
        ),
        Claim("is told from `identity` at width 8 alone, where it leaves 0.89 nats.", by_weights),
        Claim("is the lowest in 3 of the 4 pairs, 0.27 nats at width 4 and 0.60 at 8;", layer_norms),
    ],
    names=["95 % (", "ResNet-20 of several widths", "Networks of width 2 with layer norms", "widths of 16 and more were not trained here"],
)
