"""The bond between the sweeps and their analysis: the columns of every table, with type, unit and meaning, and the seal of a record."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

SCHEMA_VERSION = 1
MOST_OF_A_RECORD = 2**29  # bytes: that of 100 networks with ten methods has a tenth of it
SEAL_KEY = "sha256"  # the last key of a record: the digest of its text without that key
NO_SEAL = f"it has no seal (`{SEAL_KEY}`), so that nothing shows whether it was changed"
FILES = "files"  # of a record: the digests of the files beside it, by their names
_SEAL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n}$')
_SEAL_LENGTH = len(',\n "sha256": ""\n}') + 64
MASKED = re.compile(r".* \((x?[0-9a-f]{8})\)", re.DOTALL)  # a text that is not told: where it came from, and its digest
# What stands in the folder of a sweep, or of a job alone; writer and reader have the names from here.
RECORD, PERMUTATIONS, PLANE_FILE = "record.json", "permutations.npz", "plane.csv"  # of a job
EXPECTED, COMMANDS, MULTIRUN = "expected.jsonl", "commands.jsonl", "multirun.yaml"  # of a sweep
HYDRA_FOLDER, ANALYSIS_FOLDER = ".hydra", "analysis"
# The key of a row of a record: of a pair, and of a method with its settings; the job is the record's, the split where a row has one.
PAIR = ("network_a", "network_b")
METHOD = ("matching", "settings_hash")
DIGESTS = (*PAIR, "settings_hash")  # the names in a row that are digests
NO_RUN = "-"  # stands for the name of a job where a failure belongs to none
BEHIND = "x"  # stands before a name that a table could take for a number; no hexadecimal digit
_NUMBER_LIKE = re.compile(r"[0-9]+(e[0-9].*)?", re.IGNORECASE | re.DOTALL)  # pandas reads as far as it can: whatever follows the exponent


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
    Column("function_gap", "number", "", "max |difference of logits| / max |logit| between B and permuted B on the test split"),
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
        "rate-distortion bound on the expected cost, for Gaussian neurons of A's covariance (empty for activations)",
    ),
    Column("expected_slope", "number", "", "slope of log cost against log width that the effective dimension suggests, a guide"),
    Column("recursion_tolerance", "number", "", "tolerance for which theorem 5.2 asks this layer for just this width, constant 1"),
)
# Not in the records of earlier versions.
LATER = (
    "approximate_dimension_centred", "approximate_dimension_centred_b", "effective_dimension", "cost_lower_bound", "expected_slope",
    "recursion_tolerance", "output_gap", "output_scale", "certificate", "certificate_ratio", "certificate_status", "distance",
    "relative_movement", "points",
)  # fmt: skip
CURVE_MEASURES = (
    Column("t", "number", "", "0 is A, 1 is permuted B"),
    Column("loss", "number", "nats", "mean cross-entropy at t"),
    Column("error", "number", "fraction", "share of wrong answers at t"),
)
PLANE_NETWORKS = ("A", "B", "matched B")
PLANE_MEASURES = (
    Column("x", "number", "", "distance in the space of all weights from A in the direction of B"),
    Column("y", "number", "", "distance from the line through A and B in the direction of permuted B"),
    Column("network", "string", "", "A, B or matched B where the row is one of the three networks; empty on the grid"),
    Column("loss", "number", "nats", "mean cross-entropy on the test split; empty where it is not finite"),
    Column("error", "number", "fraction", "share of wrong answers on the test split"),
)
PLANE = (
    *PAIR_KEYS,
    Column("matching", "string", "", "matching method; none for identity, which does not move B"),
    Column("settings_hash", "string", "", "of the method's settings, as in record.json"),
    *PLANE_MEASURES,
)
RUNS_TAIL = (*MATCHING, *SPLIT, POINTS, *MEASURES)
LAYERS_TAIL = (*MATCHING, *LAYER_MEASURES)
CURVES_TAIL = (*MATCHING, *SPLIT, *CURVE_MEASURES)
INTERVAL_SETTINGS = (
    Column("level", "number", "", "level of the interval; empty where there is none"),
    Column("resamples", "number", "", "resamples of a bootstrap; empty for other intervals"),
    Column("resampling_seed", "number", "", "seed of a bootstrap; empty for other intervals"),
)
TO_HALVE = Column("pairs_to_halve", "number", "pairs", "independent pairs, in place of n_pairs, that would halve Student's interval")
IQM = Column("interquartile_mean", "number", "", "mean without the lowest and the highest quarter of the values")
BARRIER_TAIL = (
    *MATCHING,
    *SPLIT,
    Column(
        "metric",
        "string",
        "",
        "which measure the row summarises; loss_endpoint, error_endpoint: the networks' own, with statistics over networks, each once",
    ),
    Column("width", "integer", "neurons", "neurons of each hidden layer"),
    Column("n_expected", "integer", "pairs", "pairs that the sweep was to measure"),
    Column("n_pairs", "integer", "pairs", "pairs measured that did not diverge: what the statistics are of"),
    Column("n_networks", "integer", "networks", "distinct networks among these pairs"),
    Column("mean", "number", "of metric", "mean over pairs"),
    Column("std", "number", "of metric", "standard deviation over pairs (ddof 1)"),
    Column("ci_low", "number", "of metric", "lower end of the interval"),
    Column("ci_high", "number", "of metric", "upper end of the interval"),
    Column("interval", "string", "", "kind and level of the interval"),
    Column("median", "number", "of metric", "median over pairs"),
    Column("min", "number", "of metric", "smallest value"),
    Column("max", "number", "of metric", "largest value"),
    IQM,
    TO_HALVE,
    *INTERVAL_SETTINGS,
)
_METRIC = Column("metric", "string", "", "which measure the row is about")
_WIDTH = Column("width", "integer", "neurons", "neurons of each hidden layer")
_N_PAIRS = Column("n_pairs", "integer", "pairs", "pairs measured that did not diverge")
_LOW, _HIGH = Column("ci_low", "number", "", "lower end of the interval"), Column("ci_high", "number", "", "upper end of the interval")
_INTERVAL = Column("interval", "string", "", "kind and level of the interval, or why there is none")
_TOLERANCE = Column("tolerance", "number", "of metric", "the barrier up to which two networks count as connected")
DIFFERENCES_TAIL = (
    _WIDTH,
    *SPLIT,
    _METRIC,
    Column("method", "string", "", "a matching method"),
    Column("other", "string", "", "another one, on the same pairs"),
    _N_PAIRS,
    Column("n_networks", "integer", "networks", "distinct networks among these pairs"),
    Column("mean", "number", "of metric", "mean over pairs of method's value minus other's"),
    Column("std", "number", "of metric", "standard deviation of the difference (ddof 1)"),
    _LOW,
    _HIGH,
    _INTERVAL,
    Column("median", "number", "of metric", "median difference"),
    Column("min", "number", "of metric", "smallest difference"),
    Column("max", "number", "of metric", "largest difference"),
    IQM,
    TO_HALVE,
    *INTERVAL_SETTINGS,
    Column("better", "string", "", "the one whose value is lower by the interval, else undecided; of many rows some are decided by chance"),
)
SLOPES_TAIL = (
    *MATCHING,
    *SPLIT,
    _METRIC,
    Column("slope", "number", "", "least-squares slope of log mean against log width"),
    _LOW,
    _HIGH,
    _INTERVAL,
    Column("window", "string", "neurons", "the widths that the slope is taken over: those whose mean is above 0 by its interval"),
    Column("n_widths", "integer", "", "number of widths in the window"),
    Column("n_seeds", "integer", "", "number of seeds"),
    Column("zeros", "integer", "", "values that are exactly 0, over all widths"),
)
NEEDED_TAIL = (
    *MATCHING,
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
    _N_PAIRS,
    Column("n_networks", "integer", "networks", "distinct networks among these pairs"),
    Column("mean", "number", "", "mean over pairs"),
    Column("std", "number", "", "standard deviation over pairs (ddof 1)"),
    _LOW,
    _HIGH,
    _INTERVAL,
    Column("median", "number", "", "median over pairs"),
    Column("min", "number", "", "smallest value"),
    Column("max", "number", "", "largest value"),
    IQM,
    TO_HALVE,
    *INTERVAL_SETTINGS,
)
FAILURES = (
    Column("run_id", "string", "", "name of the job"),
    Column("status", "string", "", "failed, diverged, unfinished, missing, unreadable, conflicting"),
    Column("job", "string", "", "what was asked for: the swept keys"),
    Column("sentence", "string", "", "what happened, and what to do"),
)


def safe_name(digest: str) -> str:
    """Return a name made of hexadecimal digits so that no table takes it for a number: behind a letter if it begins as one, else as it is.

    ``8250e2414376239c`` is a number to many readers: infinite to some, and the end of the process to pandas 2.2 and 2.3.

    >>> safe_name("8250e2414376239c"), safe_name("1234567890123456"), safe_name("f9ca4966af21aeb2")
    ('x8250e2414376239c', 'x1234567890123456', 'f9ca4966af21aeb2')
    """
    return BEHIND + digest if _NUMBER_LIKE.fullmatch(digest) else digest


def method_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return which method, with which settings, an entry or a row of a record is of.

    >>> method_of({"matching": "weights", "settings_hash": "x1e2", "settings": {}})
    ('weights', 'x1e2')
    """
    return entry["matching"], entry["settings_hash"]


def names(columns: tuple[Column, ...]) -> list[str]:
    """Return the names of columns, in order."""
    return [column.name for column in columns]


def files() -> dict[str, tuple[str, tuple[Column, ...]]]:
    """Return, for every CSV of a sweep, what a row is, and its columns but for the varying keys."""
    cell = tuple(column for column in RUN_KEYS if column.name in ("dataset", "model", "depth"))
    return {
        "runs.csv": ("one job, pair of networks, method and split", (*RUN_KEYS, *PAIR_KEYS, *RUNS_TAIL)),
        "curves.csv": ("the same, and one t", (*RUN_KEYS, *PAIR_KEYS, *CURVES_TAIL)),
        "layers.csv": ("one job, pair, method and layer (none for identity)", (*RUN_KEYS, *PAIR_KEYS, *LAYERS_TAIL)),
        "barrier_vs_width.csv": (
            "one cell (dataset, model, depth, varying keys), method, split, measure and width",
            (*cell, *BARRIER_TAIL),
        ),
        "method_differences.csv": ("one cell, width, split, measure and two methods", (*cell, *DIFFERENCES_TAIL)),
        "slopes.csv": ("one cell, method, split and measure", (*cell, *SLOPES_TAIL)),
        "width_needed.csv": ("one cell, method, split, measure and tolerance", (*cell, *NEEDED_TAIL)),
        "connected_share.csv": ("one cell, method, split, measure, tolerance and width", (*cell, *SHARE_TAIL)),
        "matching_costs.csv": ("one cell, method, layer, measure and width", (*cell, *COSTS_TAIL)),
        "plane.csv": ("one pair, method and point of their plane; with plane=true, beside the record of every job", PLANE),
        "failures.csv": ("one job that has no usable result, or one result of which there are two", FAILURES),
    }


class NewerVersion(ValueError):
    """A record that a later version wrote: there is nothing wrong with it."""

    def __init__(self, version: int) -> None:
        super().__init__(f"schema version {version}; this multirun_analysis reads up to {SCHEMA_VERSION}, use a newer one")
        self.version = version


def sealed(text: str) -> bytes:
    """Return the text of a JSON object, as `canonical` gives it, with its SHA-256 as the last key."""
    return text.removesuffix("\n}").encode() + f',\n "{SEAL_KEY}": "{digest(text.encode())}"\n}}'.encode()


def canonical(value: Any) -> str:
    """Return a value as the one JSON text that its seal is of."""
    return json.dumps(value, indent=1, sort_keys=True)


def digest(contents: bytes) -> str:
    """Return the SHA-256 of a file's contents, as it stands in a record under `FILES`."""
    return hashlib.sha256(contents).hexdigest()


def mark_of(text: str) -> str:
    """Return the digest by which a text that is not told can be known again."""
    return safe_name(digest(text.encode())[:8])


def open_record(contents: bytes) -> dict[str, Any]:
    """Return the record in the contents of a file, without its seal.

    The seal is of what the record says, not of how its text is laid out: what an editor or a tool has formatted anew is read as long as
    every word and number is the one that was written, and refused otherwise.

    Raises
    ------
    NewerVersion
        If a later version wrote it.
    ValueError, TypeError, KeyError, RecursionError
        If it is no JSON object, has no seal, a key twice, or has changed since it was sealed.
    """
    found = _SEAL.search(contents, max(0, len(contents) - _SEAL_LENGTH))
    is_as_written = found is not None and digest(contents[: found.start()] + b"\n}") == found[1].decode()
    record = json.loads(contents) if is_as_written else json.loads(contents.decode("utf-8-sig"), object_pairs_hook=_each_once)
    if not isinstance(record, dict):
        raise TypeError("it is no JSON object")
    seal = record.pop(SEAL_KEY, None)
    if seal is not None and not is_as_written and digest(canonical(record).encode()) != str(seal).lower():
        raise ValueError("it was changed after it was written: its sha256 is not that of its text")
    version = record["schema_version"]
    if type(version) is not int:
        raise TypeError("`schema_version` is no integer")
    if version > SCHEMA_VERSION:  # without a seal too: it may have another kind of seal
        raise NewerVersion(version)
    if seal is None:
        raise ValueError(NO_SEAL)
    return record


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose keys all differ: of two values under one key another reader may take the other one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def sealed_line(entry: Mapping[str, Any]) -> str:
    """Return an object as a line of a ``.jsonl`` file, with a seal of its own."""
    return json.dumps({**entry, SEAL_KEY: _line_digest(entry)}, sort_keys=True) + "\n"


def open_line(line: str) -> dict[str, Any]:
    """Return the object of a line without its seal.

    Raises
    ------
    ValueError, TypeError, RecursionError
        If it is no JSON object, has no seal, a key twice, or has changed since it was sealed.
    """
    entry = json.loads(line, object_pairs_hook=_each_once)
    if not isinstance(entry, dict):
        raise TypeError("it is no JSON object")
    seal = entry.pop(SEAL_KEY, None)
    if seal is None:
        raise ValueError(NO_SEAL)
    if str(seal).lower() != _line_digest(entry):
        raise ValueError("it was changed after it was written: its sha256 is not that of its text")
    return entry


def _line_digest(entry: Mapping[str, Any]) -> str:
    return digest(json.dumps(entry, sort_keys=True).encode())
