"""Which columns each CSV has, behind the keys that are common to all."""

from multirun_analysis.schema.columns import (
    CURVE_MEASURES,
    LAYER_MEASURES,
    MATCHING,
    MEASURES,
    PAIR_KEYS,
    PLANE_MEASURES,
    POINTS,
    REPAIRED,
    RUN_KEYS,
    SPLIT,
    Column,
    names,
)
from multirun_analysis.schema.keys import CELL

PLANE = (
    *PAIR_KEYS,
    Column("matching", "string", "", "matching method; none for identity, which does not move B"),
    Column("settings_hash", "string", "", "of the method's settings, as in record.json"),
    *PLANE_MEASURES,
)
RUNS_TAIL = (*MATCHING, *REPAIRED, *SPLIT, POINTS, *MEASURES)
LAYERS_TAIL = (*MATCHING, *LAYER_MEASURES)
CURVES_TAIL = (*MATCHING, *REPAIRED, *SPLIT, *CURVE_MEASURES)
TRAINING_TAIL = (
    Column("network", "string", "", "name in the store of the network"),
    *SPLIT,
    Column("epoch", "integer", "epochs", "epochs of training that are over; 0 is before the first step"),
    Column("loss", "number", "nats", "mean cross-entropy, of the labels as they are, batch norms in evaluation mode"),
    Column("error", "number", "fraction", "share of wrong answers"),
)
_METRIC = Column("metric", "string", "", "which measure the row is about")
_WIDTH = Column("width", "integer", "neurons", "neurons of each hidden layer")
_N_PAIRS = Column("n_pairs", "integer", "pairs", "pairs measured that did not diverge: what the statistics are of")
_LOW, _HIGH = Column("ci_low", "number", "", "lower end of the interval"), Column("ci_high", "number", "", "upper end of the interval")
_INTERVAL = Column("interval", "string", "", "kind and level of the interval, or why there is none")
_TOLERANCE = Column("tolerance", "number", "of metric", "the barrier up to which two networks count as connected")
INTERVAL_SETTINGS = (
    Column("level", "number", "", "level of the interval; empty where there is none"),
    Column("resamples", "number", "", "resamples of a bootstrap; empty for other intervals"),
    Column("resampling_seed", "number", "", "seed of a bootstrap; empty for other intervals"),
)


TWO_WAY = (
    Column(
        "ci_low_two_way",
        "number",
        "of metric",
        "lower end of the interval over pairs and test examples; empty where no test blocks were kept",
    ),
    Column("ci_high_two_way", "number", "of metric", "upper end of the same"),
    Column("interval_two_way", "string", "", "its kind and level, or why there is none"),
)


def _statistics(unit: str, quantity: str) -> tuple[Column, ...]:
    """Return the columns of the statistics of a quantity over pairs: their numbers, the mean and its interval, the spread."""
    return (
        _N_PAIRS,
        Column("n_networks", "integer", "networks", "distinct networks among these pairs"),
        Column("mean", "number", unit, f"mean over pairs{quantity}"),
        Column("std", "number", unit, f"standard deviation over pairs{quantity} (ddof 1)"),
        _LOW._replace(unit=unit),
        _HIGH._replace(unit=unit),
        _INTERVAL,
        Column("median", "number", unit, f"median over pairs{quantity}"),
        Column("min", "number", unit, "smallest value"),
        Column("max", "number", unit, "largest value"),
        Column("interquartile_mean", "number", "", "mean without the lowest and the highest quarter of the values"),
        Column("pairs_to_halve", "number", "pairs", "independent pairs, in place of n_pairs, that would halve Student's interval"),
        *INTERVAL_SETTINGS,
    )


STATISTICS = names(_statistics("", ""))  # of pairs, in every table that has some

BARRIER_TAIL = (
    *MATCHING,
    *REPAIRED,
    *SPLIT,
    Column(
        "metric",
        "string",
        "",
        "which measure the row summarises; loss_endpoint, error_endpoint: the networks' own, with statistics over networks, each once",
    ),
    _WIDTH,
    Column("n_expected", "integer", "pairs", "pairs that the sweep was to measure"),
    *_statistics("of metric", ""),
    *TWO_WAY,
)


def _differences(first: Column, second: Column) -> tuple[Column, ...]:
    """Return the columns of paired differences between two of a kind, corrected for their number."""
    return (
        first,
        second,
        *_statistics("of metric", f" of {first.name}'s value minus other's"),
        Column("better", "string", "", "the one whose value is lower by the interval, else undecided"),
        Column(
            "n_comparisons",
            "integer",
            "",
            "comparisons of one cell, width, split and metric, for whose number the next three are corrected",
        ),
        Column(
            "ci_low_corrected", "number", "of metric", "lower end of the interval at level 1 - (1 - level) / n_comparisons (Bonferroni)"
        ),
        Column("ci_high_corrected", "number", "of metric", "upper end of the same"),
        Column("better_corrected", "string", "", "the one whose value is lower by the corrected interval, else undecided"),
        Column("p_value", "number", "", "two-sided p-value of no difference, by Student's t over what the interval is over; 1 for ties"),
        Column("p_holm", "number", "", "the same corrected for n_comparisons by Holm's method"),
        Column("better_holm", "string", "", "the one whose value is lower where p_holm < 1 - level, else undecided"),
        Column(
            "detectable",
            "number",
            "of metric",
            "smallest true difference that n_pairs independent pairs of this spread tell from 0 with power 0.8, at this level, uncorrected",
        ),
    )


DIFFERENCES_TAIL = (
    _WIDTH,
    *REPAIRED,
    *SPLIT,
    _METRIC,
    *_differences(
        Column("method", "string", "", "a matching method"), Column("other", "string", "", "another one, on the same pairs, repaired alike")
    ),
)
REPAIR_DIFFERENCES_TAIL = (
    _WIDTH,
    *MATCHING,
    *SPLIT,
    _METRIC,
    *_differences(REPAIRED[0], Column("other", "string", "", "another one, on the same pairs, matched alike")),
)
DIRECTION_DIFFERENCES_TAIL = (
    *MATCHING,
    *REPAIRED,
    *SPLIT,
    _METRIC,
    _WIDTH,
    Column("mean_lower", "number", "of metric", "mean over pairs of the lower value of both directions, B mapped to A and A to B"),
    Column("mean_higher", "number", "of metric", "mean over pairs of the higher value"),
    *_statistics("of metric", " of the higher value minus the lower"),
)
SLOPES_TAIL = (
    *MATCHING,
    *REPAIRED,
    *SPLIT,
    _METRIC,
    Column("slope", "number", "", "least-squares slope of log mean against log width"),
    _LOW,
    _HIGH,
    _INTERVAL,
    Column("window", "string", "neurons", "the widths that the slope is taken over: those asked for whose mean is above 0"),
    Column("n_widths", "integer", "", "number of widths in the window"),
    Column("n_seeds", "integer", "", "number of seeds"),
    Column("zeros", "integer", "", "values that are exactly 0, over all widths"),
    Column("lack_of_fit", "number", "", "F of the means' distances from the line against the spread of the values"),
    Column("lack_of_fit_p", "number", "", "probability of so large an F of a power law; a small one: no power law"),
    Column("local_slopes", "string", "", "slopes between neighbouring widths, ± half the interval of each"),
)
NEEDED_TAIL = (
    *MATCHING,
    *REPAIRED,
    *SPLIT,
    _METRIC,
    _TOLERANCE,
    Column("n_widths", "integer", "", "number of widths measured"),
    Column(
        "width_needed",
        "number",
        "neurons",
        "width from which on the mean stays within the tolerance, interpolated; empty beyond what was measured",
    ),
    Column("width_low", "number", "neurons", "the same of the mean's lower end"),
    Column("width_high", "number", "neurons", "the same of the mean's upper end"),
    Column("text", "string", "neurons", "all three as text, with > and <= for widths beyond those measured"),
)
SHARE_TAIL = (
    *MATCHING,
    *REPAIRED,
    *SPLIT,
    _METRIC,
    _TOLERANCE,
    _WIDTH,
    _N_PAIRS,
    Column("n_connected", "integer", "pairs", "pairs whose barrier is at most the tolerance"),
    Column("share", "number", "fraction", "n_connected / n_pairs"),
    _LOW,
    _HIGH,
    _INTERVAL,
)
COSTS_TAIL = (
    *MATCHING,
    LAYER_MEASURES[0],
    Column("measure", "string", "", "matching_cost, identity_cost (unmatched) or cost_lower_bound, as in layers.csv"),
    _WIDTH,
    *_statistics("", ""),
)
FAILURES = (
    Column("run_id", "string", "", "name of the job"),
    Column("status", "string", "", "failed, diverged, unfinished, missing, unreadable, conflicting"),
    Column("job", "string", "", "what was asked for: the swept keys"),
    Column("sentence", "string", "", "what happened, and what to do"),
)


def files() -> dict[str, tuple[str, tuple[Column, ...]]]:
    """Return, for every CSV of a sweep, what a row is, and its columns but for the varying keys."""
    cell = tuple(column for column in RUN_KEYS if column.name in CELL)
    return {
        "runs.csv": ("one job, pair of networks, method, repair and split", (*RUN_KEYS, *PAIR_KEYS, *RUNS_TAIL)),
        "curves.csv": ("the same, and one t", (*RUN_KEYS, *PAIR_KEYS, *CURVES_TAIL)),
        "layers.csv": ("one job, pair, method and layer (none for identity)", (*RUN_KEYS, *PAIR_KEYS, *LAYERS_TAIL)),
        "barrier_vs_width.csv": (
            "one cell (dataset, model, depth, varying keys), method, repair, split, measure and width",
            (*cell, *BARRIER_TAIL),
        ),
        "method_differences.csv": ("one cell, width, repair, split, measure and two methods", (*cell, *DIFFERENCES_TAIL)),
        "repair_differences.csv": ("one cell, width, method, split, measure and two repairs", (*cell, *REPAIR_DIFFERENCES_TAIL)),
        "direction_differences.csv": (
            "one cell, method, repair, split, measure and width of pairs measured in both directions",
            (*cell, *DIRECTION_DIFFERENCES_TAIL),
        ),
        "slopes.csv": ("one cell, method, repair, split and measure", (*cell, *SLOPES_TAIL)),
        "width_needed.csv": ("one cell, method, repair, split, measure and tolerance", (*cell, *NEEDED_TAIL)),
        "connected_share.csv": ("one cell, method, repair, split, measure, tolerance and width", (*cell, *SHARE_TAIL)),
        "matching_costs.csv": ("one cell, method, layer, measure and width", (*cell, *COSTS_TAIL)),
        "training_curves.csv": (
            "one job, network, split and epoch of its training; with training.curve_epochs, else there is no such file",
            (*RUN_KEYS, *TRAINING_TAIL),
        ),
        "plane.csv": ("one pair, method and point of their plane; with plane=true, beside the record of every job", PLANE),
        "failures.csv": ("one job that has no usable result, or one result of which there are two", FAILURES),
    }
