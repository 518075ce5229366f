"""The columns of the tables of runs, curves, layers and planes, with type, unit and meaning."""

from typing import NamedTuple


class Column(NamedTuple):
    """A column: its name, its type (string, integer, number), its unit, and what it means."""

    name: str
    kind: str
    unit: str
    meaning: str


RUN_KEYS = (
    Column("run_id", "string", "", "name of the job: a hash of everything that determines its networks and their evaluation"),
    Column(
        "status",
        "string",
        "",
        "ok, or diverged (its first or last loss, or a weight, was not finite, or training ended above its initial loss)",
    ),
    Column("dataset", "string", "", "name of the dataset"),
    Column("model", "string", "", "name of the model"),
    Column("width", "integer", "neurons", "neurons of each hidden layer"),
    Column("depth", "integer", "layers", "number of hidden layers"),
    Column("seed", "integer", "", "root seed of the job"),
)
# The varying keys stand here, under their dotted names.
PAIR_KEYS = (
    Column("network_a", "string", "", "name in the store of network A, which is left as it is"),
    Column("network_b", "string", "", "name in the store of network B, which is permuted"),
)
MATCHING = (Column("matching", "string", "", "matching method; settings in brackets where the same method was run with several"),)
REPAIRED = (
    Column("repair", "string", "", "repair of the networks on the path; settings in brackets where the same repair was run with several"),
)
SPLIT = (Column("split", "string", "", "train or test"),)
POINTS = Column("points", "integer", "points", "values of t at which the line was walked, 0 and 1 among them")


def _barriers(metric: str, unit: str) -> tuple[Column, ...]:
    return (
        Column(f"{metric}_barrier", "number", unit, "max over t of E(t) - [(1-t) E(A) + t E(B)] (Entezari et al. 2022)"),
        Column(f"{metric}_barrier_t", "number", "", "where that maximum lies, 0 at A and 1 at B"),
        Column(f"{metric}_barrier_mean", "number", unit, "max over t of E(t) - [E(A) + E(B)] / 2 (Frankle et al. 2020)"),
        Column(f"{metric}_midpoint", "number", unit, "E at t = 1/2, nothing subtracted (the paper's LMC error)"),
        Column(f"{metric}_midpoint_barrier", "number", unit, "E(1/2) - [E(A) + E(B)] / 2, signed"),
    )


LOSS, ERROR = _barriers("loss", "nats"), _barriers("error", "fraction")
MEASURES = (
    Column("loss_a", "number", "nats", "mean cross-entropy of A"),
    Column("loss_b", "number", "nats", "mean cross-entropy of B"),
    Column("error_a", "number", "fraction", "share of examples that A gets wrong"),
    Column("error_b", "number", "fraction", "share of examples that B gets wrong"),
    LOSS[0], ERROR[0], LOSS[1], ERROR[1], LOSS[2], ERROR[2], LOSS[3], ERROR[3], LOSS[4], ERROR[4],
    Column("barrier_over_loss", "number", "", "loss_barrier / the mean of loss_a and loss_b"),
    Column(
        "loss_barrier_calibrated",
        "number",
        "nats",
        "the loss barrier once each network, at every t and the ends too, has the softmax temperature that was fitted on other examples: "
        "each half of the test split at that of the other half; test only",
    ),
    Column("temperature_midpoint", "number", "", "that temperature at t = 1/2: logits are divided by it (0.01 to 100); test only"),
    Column("loss_ensemble", "number", "nats", "mean cross-entropy of the mean of A's and B's logits: outputs mixed, not weights"),
    Column("error_ensemble", "number", "fraction", "share of examples that this mean gets wrong"),
    Column("loss_b_mapped", "number", "nats", "mean cross-entropy of a B mapped by couplings that are no permutations (t = 1); else empty"),
    Column("error_b_mapped", "number", "fraction", "share of examples that such a B gets wrong; barriers count from B's own"),
    Column(
        "matching_status",
        "string",
        "",
        "how the method ended: optimal; fixed_point (each group the best given the others); local (the best of a search); not_matched; "
        "not_converged",
    ),
    Column("function_gap", "number", "", "max |difference of logits| / max |logit| of B and permuted B (or of A and folded A), test split"),
    Column("output_gap", "number", "logits", "root mean square, on the test split, of f(midpoint weights) - [f(A) + f(B)] / 2"),
    Column("output_scale", "number", "", "root mean square of f(midpoint weights) / that of [f(A) + f(B)] / 2"),
    Column("certificate", "number", "logits", "a proved upper bound on output_gap, from the weights and their distances (docs/theory.md)"),
    Column("certificate_ratio", "number", "", "certificate / output_gap"),
    Column(
        "certificate_status",
        "string",
        "",
        "holds; vacuous (holds, but so large that a network that answers 0 would pass); violated; none (no certificate is known)",
    ),
    Column("distance", "number", "", "Euclidean distance between A and permuted B over all their tensors; identity has it before matching"),
    Column("relative_movement", "number", "", "|weights - initial weights| / |initial weights|, the mean of A's and B's"),
    Column("seconds_train", "number", "s", "time to train both networks (the original time if they were found in the store)"),
    Column("seconds_match", "number", "s", "time to match"),
    Column("seconds_evaluate", "number", "s", "time to walk the line, as the method's share"),
)  # fmt: skip
# By definition, so that intervals of their means do not go below 0 either: barriers are maxima over a line whose ends have none; studies
# have quotients of such measures, relative_gap, relative_cost and relative_barrier. The others, midpoint barriers among them, are signed.
NOT_NEGATIVE = (
    *(f"{metric}_{name}" for metric in ("loss", "error") for name in ("barrier", "barrier_mean", "midpoint", "endpoint", "ensemble")),
    "barrier_over_loss", "loss_barrier_calibrated", "temperature_midpoint", "output_gap", "output_scale", "certificate",
    "certificate_ratio", "distance", "relative_movement", "seconds_train", "seconds_match", "seconds_evaluate", "matching_cost",
    "identity_cost", "cost_lower_bound", "relative_gap", "relative_cost", "relative_barrier",
)  # fmt: skip
LAYER_MEASURES = (
    Column("layer", "integer", "", "1 is the first hidden layer"),
    Column("layer_name", "string", "", "name of the layer in the network"),
    Column("matching_cost", "number", "", "mean over neurons of the squared matched distance, in the method's metric"),
    Column("identity_cost", "number", "", "the same with this layer's neurons unpermuted (inputs aligned by the layer below)"),
    Column("approximate_dimension", "number", "", "tr(S)^2 / tr(S^2) of the method's matrix, of A"),
    Column("approximate_dimension_b", "number", "", "the same of B"),
    Column("approximate_dimension_centred", "number", "", "of A, the neurons' mean weight, or the activations' means, taken away before"),
    Column("approximate_dimension_centred_b", "number", "", "the same of B"),
    Column(
        "effective_dimension",
        "number",
        "",
        "of A's neurons as a sample: the isotropic dimension with the bound's local slope; below the law's unless width is far above it",
    ),
    Column(
        "cost_lower_bound",
        "number",
        "",
        "rate-distortion bound on the expected cost, for independent Gaussian neurons of A's covariance; for independent uniform weights "
        "(pytorch's initialisation) 0.70 of it is the bound; of trained neurons a guide (empty for activations)",
    ),
    Column("expected_slope", "number", "", "slope of log cost against log width that the effective dimension suggests, a guide"),
    Column("recursion_tolerance", "number", "", "tolerance for which theorem 5.2 asks this layer for just this width, constant 1"),
)
# Not in the records of earlier versions.
LATER = (
    "approximate_dimension_centred", "approximate_dimension_centred_b", "effective_dimension", "cost_lower_bound", "expected_slope",
    "recursion_tolerance", "output_gap", "output_scale", "certificate", "certificate_ratio", "certificate_status", "distance",
    "relative_movement", "points", "barrier_over_loss", "loss_barrier_calibrated", "temperature_midpoint", "loss_ensemble",
    "error_ensemble", "loss_b_mapped", "error_b_mapped", "loss_calibrated",
)  # fmt: skip
CURVE_MEASURES = (
    Column("t", "number", "", "0 is A, 1 is permuted B"),
    Column("loss", "number", "nats", "mean cross-entropy at t"),
    Column("error", "number", "fraction", "share of wrong answers at t"),
    Column("loss_calibrated", "number", "nats", "mean cross-entropy at t, at a temperature that was fitted on other examples; test only"),
    Column("loss_ensemble", "number", "nats", "mean cross-entropy of (1-t) A's logits + t B's"),
    Column("error_ensemble", "number", "fraction", "share of examples that this mixture gets wrong"),
)
PLANE_NETWORKS = ("A", "B", "matched B")
PLANE_MEASURES = (
    Column("x", "number", "", "distance in the space of all weights from A in the direction of B"),
    Column("y", "number", "", "distance from the line through A and B in the direction of permuted B"),
    Column("network", "string", "", "A, B or matched B where the row is one of the three networks; empty on the grid"),
    Column("loss", "number", "nats", "mean cross-entropy on the test split; empty where it is not finite"),
    Column("error", "number", "fraction", "share of wrong answers on the test split"),
)


def names(columns: tuple[Column, ...]) -> list[str]:
    """Return the names of columns, in order."""
    return [column.name for column in columns]
