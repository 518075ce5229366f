"""Numbers of ``docs/findings.md``."""

from claims import GIVEN, Claim, Page, Tables, Value

WHOLE, INCOMING = "weights[biases=true, outgoing=true]", "weights[biases=false, outgoing=false]"


def interval(table: Tables, name: str, query: str, column: str = "mean") -> list[Value]:
    """Return a value with the ends of its interval."""
    return [table.value(name, each, query) for each in (column, "ci_low", "ci_high")]


def mean_field(method: str, metric: str, width: int) -> str:
    return f"matching == '{method}' and split == 'test' and metric == '{metric}' and width == {width}"


def claim_1(table: Tables) -> list[Value]:
    study = table.study("mean_field")
    runs = study("runs", f"matching == '{WHOLE}' and split == 'test'").groupby("width")["output_gap"].mean()
    assert runs[4096] == runs.min()
    first = study.value("barrier_vs_width", "mean", mean_field(WHOLE, "loss_midpoint_barrier", 16))
    last = interval(study, "barrier_vs_width", mean_field(WHOLE, "loss_midpoint_barrier", 4096))
    return [runs[16], GIVEN, runs[4096], GIVEN, first, *last, GIVEN]


def unmatched(table: Tables) -> list[Value]:
    means = table.study("mean_field")("barrier_vs_width", "matching == 'identity' and split == 'test' and metric == 'loss_barrier'")["mean"]
    return [means.min(), means.max()]


def incoming(table: Tables) -> list[Value]:
    return interval(table.study("mean_field"), "barrier_vs_width", mean_field(INCOMING, "loss_barrier", 4096))


def one_layer(table: Tables) -> list[Value]:
    study = table.study("gaussian_init")
    slopes = [f"`model.initialisation` == 'gaussian' and `dataset.ambient_dimension` == {d}" for d in (1, 20)]
    gaussian = study("cost_slopes", "`model.initialisation` == 'gaussian'")
    assert len(gaussian) == 6
    assert gaussian["slope"].between(gaussian["band_low"], gaussian["band_high"]).all()
    costs = study("costs")
    assert (costs["mean"] > costs["cost_lower_bound"]).all()
    return [*interval(study, "cost_slopes", slopes[0], "slope"), GIVEN, *interval(study, "cost_slopes", slopes[1], "slope"), GIVEN]


def gaps(table: Tables, depth: int, method: str) -> list[Value]:
    return interval(table.study("gaussian_init_depth"), "relative_gaps", f"depth == {depth} and matching == '{method}' and width == 512")


def recursion(table: Tables, depth: int) -> float:
    return table.study("gaussian_init_depth").value("relative_gaps", "recursion_tolerance", f"depth == {depth} and width == 512")


def correlations(across: str, measure: str, *methods: str) -> list[str]:
    query = f"across == '{across}' and measure == '{measure}' and dimension == 'approximate_dimension'"
    return [f"{query} and matching == '{method}'" for method in methods] or [query]


def of_figure_2(table: Tables) -> list[Value]:
    return interval(table.study("paper_figure2"), "dimension_correlations", *correlations("methods", "loss_midpoint"), "correlation")


def of_rates(table: Tables) -> list[Value]:
    study, queries = table.study("paper_figure2"), correlations("settings", "loss_midpoint", "covariance", "activations", "weights")
    assert study.value("dimension_correlations", "correlation", queries[2]) == 1
    return [value for query in queries[:2] for value in interval(study, "dimension_correlations", query, "correlation")]


def of_trained(table: Tables) -> list[Value]:
    query = correlations("methods", "loss_barrier")[0]
    return interval(table.study("low_dimension_trained"), "dimension_correlations", query, "correlation")


def of_data(table: Tables) -> list[Value]:
    study, queries = table.study("low_dimension_trained"), correlations("settings", "loss_barrier", "activations", "weights", "covariance")
    for query in queries[1:]:
        _, low, high = interval(study, "dimension_correlations", query, "correlation")
        assert low < 0 < high
    return [*interval(study, "dimension_correlations", queries[0], "correlation"), GIVEN]


def figure_2_cells(table: Tables) -> list[Value]:
    return [table.study("paper_figure2").value("dimension_correlations", "n_cells", correlations("methods", "loss_midpoint")[0])]


PAGE = Page(
    "docs/findings.md",
    "results",
    [
        Claim(
            "the output gap at the midpoint falls from 0.31 logits at 16 neurons to 0.0046 at 4,096, and the test loss at the midpoint "
            "from 0.0291 nats above the mean of the ends to −0.00005 [−0.00036, 0.00026], which is not told from 0",
            claim_1,
        ),
        Claim("Unmatched networks are at 0.225 to 0.291 nats at all widths", unmatched),
        Claim("at 0.0020 [0.0016, 0.0024] nats: the claim is about whole neurons", incoming),
        Claim("slopes from −0.99 [−1.14, −0.85] in 1 dimension to −0.137 [−0.146, −0.129] in 20", one_layer),
        Claim("gap is 0.31 [0.28, 0.35] of the unmatched one", lambda table: gaps(table, 1, "covariance")),
        Claim("the theorem's rate with constant 1 gives 0.29", lambda table: [GIVEN, recursion(table, 1)]),
        Claim(
            "it is 0.84 [0.78, 0.91] by `weights` and 0.45 [0.42, 0.49] by `covariance`; the recursion gives 0.60",
            lambda table: [*gaps(table, 2, "weights"), *gaps(table, 2, "covariance"), recursion(table, 2)],
        ),
        Claim("rank correlation 0.77 [0.60, 0.94] with the loss at the midpoint", of_figure_2),
        Claim("the reverse, −0.81 [−0.86, −0.77] and −0.79 [−0.92, −0.65]", of_rates),
        Claim("hardly: 0.20 [0.09, 0.31] with the loss barrier", of_trained),
        Claim("with the barrier 0.47 [0.35, 0.59] for `activations`, and not told from 0 for", of_data),
        Claim("a mean over 24 of them", figure_2_cells),
    ],
    names=[
        "Ferbach et al. 2024",
        "intervals are 95 %",
        "## Claim 1:",
        "## Claim 2:",
        "## Claim 3:",
        "one dataset of 2 inputs",
        "at depth 1 and 512 neurons",
        "At depth 2",
        "the loss barrier is 0 whatever the dimension",
    ],
)
