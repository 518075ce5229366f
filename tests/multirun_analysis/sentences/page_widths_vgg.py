"""Numbers of ``results/widths_vgg/README.md``."""

from claims import GIVEN, Claim, Page, Tables, Value
from widths_and_norms import Study, growth, means, pairs, undecided

STUDY = Study("widths_vgg", (4, 8, 16), (4, 8, 16), ("identity", "random", "weights", "rebasin", "activations"))


def design(table: Tables) -> list[Value]:
    settings, runs = table.provenance()["settings"], table("runs")
    counts = runs.groupby("model.norm")["seed"].nunique()
    assert counts.to_dict() == {"batch": 4, "layer": 2}
    rates = runs.groupby("model.norm")["optimizer.lr"].unique()
    return [
        settings["model.variant"], *STUDY.widths, settings["dataset.train_size"], settings["dataset.test_size"], GIVEN,
        settings["training.epochs"], *rates["batch"], *rates["layer"],
    ]  # fmt: skip


def as_they_are(table: Tables) -> list[Value]:
    halfway = pairs(table, "batch", "none", "error_midpoint").groupby("width").mean()
    assert 0.85 <= halfway.min().min() < 0.86
    for method in STUDY.methods:
        assert growth(table, "batch", "none", method, 16)[1] > 0
    return [85, 90]


def activations(table: Tables) -> list[Value]:
    return [value for method in ("activations", "identity") for value in means(table, "batch", "reset", method, STUDY.widths)]


def lowest(table: Tables) -> list[Value]:
    barriers = pairs(table, "batch", "reset")
    assert (barriers.drop(columns="activations").min(axis=1) > barriers["activations"]).all()
    return [len(barriers)]


def halfway(table: Tables) -> list[Value]:
    matched, unmatched = (100 * means(table, "batch", "reset", method, [16], "error_midpoint")[0] for method in ("activations", "identity"))
    points = 100 * means(table, "batch", "reset", "activations", [16], "error_barrier")[0]
    return [matched, points, unmatched]


def by_weights(table: Tables) -> list[Value]:
    undecided(table, "batch", "reset", ("random",), STUDY.widths)
    low, high = means(table, "batch", "reset", "rebasin", [4, 16])
    assert growth(table, "batch", "reset", "weights", 16)[2] > 0 > growth(table, "batch", "reset", "weights", 16)[1]
    return [low, 4, high, 16, *growth(table, "batch", "reset", "rebasin", 16)]


def layer_norms(table: Tables) -> list[Value]:
    for repair in ("none", "repair"):
        undecided(table, "layer", repair, ("weights", "rebasin"), STUDY.widths)
    plain, repaired = (means(table, "layer", repair, "activations", STUDY.widths) for repair in ("none", "repair"))
    for repair in ("none", "repair"):
        barriers = pairs(table, "layer", repair)
        assert (barriers.drop(columns="activations").min(axis=1) > barriers["activations"]).all()
        assert len(barriers) == 6
    return [min(plain), max(plain), min(repaired), max(repaired), 6]


PAGE = Page(
    STUDY.page,
    "results/widths_vgg",
    [
        *STUDY.rows,
        Claim(
            """VGG-11 with 4, 8 or 16 channels in its first stage, on 10,000 training and 1,000 test images of CIFAR-10, 10 epochs of SGD with
            crops and flips: four pairs of each width with batch norms at learning rate 0.05, and two with layer norms, which that rate does
            not train, at 0.01.""",
            design,
        ),
        Claim("err in the mean on at least 85 % of the test images, matched or not, where chance is 90 %,", as_they_are),
        Claim("leaves 0.37, 0.40 and 0.32 nats** of the unmatched 1.04, 1.18 and 1.22.", activations),
        Claim("lower than every other method in each of the 12 pairs.", lowest),
        Claim(
            "change from width 4 to 16 is not decided: −0.04 [−0.10, 0.01].",
            lambda table: [4, 16, *growth(table, "batch", "reset", "activations", 16)],
        ),
        Claim("err on 43.9 % of the images, 11.5 points more than at the ends; unmatched on 77.4 %.", halfway),
        Claim("leaves 0.69 nats at width 4 and 0.97 at 16, a rise of 0.28 [0.10, 0.46].", by_weights),
        Claim(
            """`activations` at 0.48 to 0.52 nats, and 0.34 to 0.36 with `repair`, below every other method in each of the 6 pairs;""",
            layer_norms,
        ),
        Claim("over a factor of 4 in width", lambda table: [max(STUDY.widths) / min(STUDY.widths)]),
    ],
    names=["95 % (", "VGG-11 of three widths", "some from 0."],
)
