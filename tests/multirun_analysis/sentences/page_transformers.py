"""Numbers of ``results/transformers/README.md``."""

import pandas as pd
from claims import GIVEN, ROOT, Claim, Page, Tables, Value
from log_slopes import log_interval

METHODS = ("identity", "folding", "rebasin", "straight_through", "procrustes", "learned_maps")
MODELS = ("vit", "gpt")
PAGE_PATH = "results/transformers/README.md"
LINES = (ROOT / PAGE_PATH).read_text(encoding="utf-8").splitlines()


def pairs(table: Tables, measure: str) -> pd.DataFrame:
    """Return a measure on the test split by model and seed, a column for each method."""
    runs = table("runs", "split == 'test'")
    assert (runs["status"] == "ok").all()
    named = runs.assign(method=runs["matching"].str.partition("[")[0])
    values = named.pivot(index=["model", "seed"], columns="method", values=measure)
    assert (values.groupby("model").size() == 4).all()
    return values


def barrier(table: Tables, model: str, method: str) -> list[Value]:
    """Return the mean loss barrier with its interval over pairs and test examples; the mean is our own."""
    query = f"metric == 'loss_barrier' and model == '{model}' and matching == '{method}'"
    ends = [table.value("barriers", name, query) for name in ("ci_low", "ci_high")]
    return [float(pairs(table, "loss_barrier")[method].loc[model].mean()), *ends]


def relative(table: Tables, model: str, method: str, measure: str = "loss_barrier", control: str = "identity") -> list[Value]:
    """Return the mean over pairs of a barrier relative to a control's, with its interval: both our own."""
    values = pairs(table, measure).loc[model]
    ratios = values[method] / values[control]
    return list(map(float, log_interval(ratios)))


def row(method: str) -> Claim:
    (line,) = (line for line in LINES if line.startswith(f"| `{method}` |"))

    def values(table: Tables) -> list[Value]:
        if method == "identity":
            return [value for model in MODELS for value in (*barrier(table, model, method), 1)]
        return [value for model in MODELS for value in (*barrier(table, model, method), *relative(table, model, method))]

    return Claim(line, values)


def ends(table: Tables) -> list[Value]:
    errors = [100 * table.value("ends", "mean", f"measure == 'error' and model == '{model}'") for model in MODELS]
    return [*errors, table.value("ends", "mean", "measure == 'loss' and model == 'gpt'")]


def differences(table: Tables) -> list[Value]:
    return [100 * table.value("ends", "max", f"measure == 'error_difference' and model == '{model}'") for model in MODELS]


def design(table: Tables) -> list[Value]:
    settings, runs = table.provenance()["settings"], table("runs")
    assert (settings["optimizer"], settings["model.norm"]) == ("adamw", "layer")
    images = runs[runs["model"] == "vit"]
    patch, examples = (pd.to_numeric(images[key]).unique().item() for key in ("model.patch", "dataset.train_size"))
    return [settings["depth"], settings["width"], settings["model.heads"], settings["training.epochs"], examples, patch, patch]


def by_weights(table: Tables) -> list[Value]:
    """Assert that neither is decided for the loss, and return what is decided for the error."""
    for model in MODELS:
        for method, control in (("rebasin", "identity"), ("procrustes", "folding")):
            _, low, high = relative(table, model, method, control=control)
            assert low < 1 < high
        assert 0.95 < relative(table, model, "folding")[0] < 1.01
    return [value for model in MODELS for value in relative(table, model, "procrustes", "error_barrier", "folding")]


def learned(table: Tables) -> list[Value]:
    barriers, errors = pairs(table, "loss_barrier"), 100 * pairs(table, "error_midpoint").groupby("model").mean()
    assert (barriers.drop(columns="learned_maps").min(axis=1) > barriers["learned_maps"]).all()
    left = [relative(table, model, "straight_through")[0] for model in MODELS]
    assert 0.5 < left[1] < left[0] < 0.75
    halfway = [errors.loc[model, method] for method in ("learned_maps", "identity") for model in MODELS]
    return [len(barriers), *halfway]


PAGE = Page(
    PAGE_PATH,
    "results/transformers",
    [
        *map(row, METHODS),
        Claim(
            "Two transformers with layer norms, 4 blocks, width 64 and 4 heads, trained for 10 epochs by AdamW, four pairs each: `vit` on "
            "20,000 images of MNIST in patches of 7 × 7 pixels,",
            design,
        ),
        Claim("the `vit` errs on 4.7 % of the test images, the `gpt` on 35.7 % of the next characters (1.335 nats each)", ends),
        Claim("their errors differ by at most 0.3 (`vit`) and 0.5 (`gpt`) points", differences),
        Claim(
            "logits differ by at most 0.000004 of the largest",
            lambda table: [table("runs")["function_gap"].max()],
        ),
        Claim("0.580 [0.345, 0.977] (`vit`) and 0.824 [0.756, 0.899] (`gpt`) of that of `folding`", by_weights),
        Claim(
            "have the lowest barrier of each of the 8 pairs: halfway, the `vit` errs on 7.3 % and the `gpt` on 50.2 %, where unmatched they "
            "err on 86.8 % and 94.8 %",
            learned,
        ),
        Claim("their intervals hold 1", lambda table: [GIVEN]),
    ],
    names=["intervals on the log scale, 95 %"],
)
