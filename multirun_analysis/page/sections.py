"""The sections of the page of a sweep: its results, its figures, its conclusions, what was run, and what is missing."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from multirun_analysis.frames.provenance import provenance
from multirun_analysis.frames.tidy import Sweep, ordered_values, value_text
from multirun_analysis.page.lead import result_sentence
from multirun_analysis.page.page import Cell, Fact, Lines, Picture, Section, Table, Text, frame_table, page, text
from multirun_analysis.plots.style import axis_label
from multirun_analysis.schema import PAIR, WITHOUT_REPAIR
from multirun_analysis.stats.summary import SETTINGS, kinds_of
from multirun_analysis.tables.barrier_vs_width import with_two_way
from multirun_analysis.tables.names import METRICS
from multirun_analysis.tables.not_worse import MEANING
from multirun_analysis.tables.pivots import has_bold, pivot

MAIN = "barrier_vs_width"  # the figure that a page begins with
MOST_CHOICES = 30  # of a key
SPREAD = ("n_networks", "std", "median", "min", "max", "interquartile_mean")  # columns of a CSV without which a page is easier to read
CORRECTED = (
    "Of twenty plain intervals about one decides by chance; the corrected ones hold together for all n_comparisons (Bonferroni), and "
    "p_holm, below 1 - level, decides all that they do and more (Holm); a tie is better for neither. detectable: the smallest true "
    "difference that so many pairs find four times in five; undecided says little on smaller ones. "
    "pairs_to_halve: how many pairs would halve the plain interval."
)
# The tables that answer questions: title, caption, and the columns of the CSV that are left out.
CONCLUSIONS = {
    "width_needed": (
        "How wide is wide enough?",
        "The width from which on the mean stays within a tolerance, interpolated as a power of the width; in brackets, the same for "
        "the ends of the interval.",
        ("n_widths", "width_needed", "width_low", "width_high"),
    ),
    "method_differences": (
        "Which method is better, on the same pairs?",
        f"The mean of method minus other, with its interval. {CORRECTED}",
        (*SPREAD, *SETTINGS),
    ),
    "repair_differences": (
        "What does a repair change, on the same pairs?",
        f"The mean of repair minus other, for the same method, with its interval. {CORRECTED}",
        (*SPREAD, *SETTINGS),
    ),
    "direction_differences": (
        "Does it matter which network is mapped?",
        "The lower and the higher value of both directions of a pair, B mapped to A and A to B, and the mean of their difference with its "
        "interval: 0 for a method that treats both networks alike.",
        (*SPREAD, "pairs_to_halve", *SETTINGS),
    ),
    "connected_share": (
        "How many pairs are connected?",
        "Pairs whose barrier is at most the tolerance; the interval is exact.",
        ("n_connected",),
    ),
    "slopes": (
        "How fast does the barrier fall with width?",
        "The slope of log mean barrier against log width, over all widths whose mean is above 0, with an interval from the spread of all "
        "of them together. lack_of_fit_p near 0: no power law, and the local slopes between neighbouring widths say more.",
        (),
    ),
    "matching_costs": (
        "How well do neurons match?",
        "Matching cost by layer, without matching (identity_cost), and its lower bound.",
        (*SPREAD, "pairs_to_halve", "interval", *SETTINGS),
    ),
}


def sweep_page(
    title: str,
    sweep: Sweep,
    frames: Mapping[str, pd.DataFrame],
    drawn: Sequence[Picture],
    commands: Sequence[str],
    x: str,
    hue: str,
    more: Sequence[str],
    refresh: float | None = None,
) -> str:
    """Return the page of a sweep as HTML, loaded again after `refresh` seconds; `more` are notes beyond those of its records."""
    facts, pairs = provenance(sweep, frames["runs"]), frames["runs"].drop_duplicates([*PAIR])
    head = [
        Fact(f"{len(sweep.records)} of {sweep.n_asked}", "jobs found", len(sweep.records) < sweep.n_asked),
        Fact(str(facts["networks"]), "networks"),
        Fact(str(len(pairs)), "pairs"),
    ]
    if len(sweep.failures):
        head.append(Fact(str(len(sweep.failures)), "failures", True))
    main, others = [picture for picture in drawn if picture.id == MAIN], [picture for picture in drawn if picture.id != MAIN]
    parts = [
        results(frames, x, hue, main), tables(frames, x, hue), Section("figures", "More figures", others), conclusions(frames),
        run(facts, commands, sweep.following), problems(sweep, more),
    ]  # fmt: skip
    lead = result_sentence(frames["barrier_vs_width"], frames["method_differences"], x)
    return page(title, lead, head, parts, refresh, filters(frames))


def filters(frames: Mapping[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Return the keys by which readers filter the page, with their values: those of 2 to `MOST_CHOICES` values."""
    table = frames["barrier_vs_width"]
    choices = {key: list(map(value_text, ordered_values(table, key))) for key in ("matching", "repair", "split", *_cell_keys(table))}
    return {key: values for key, values in choices.items() if 1 < len(values) <= MOST_CHOICES}


def _cell_keys(table: pd.DataFrame) -> list[str]:
    """Return the keys of a table before its method, and the width."""
    return ["width", *(key for key in table.columns[: list(table.columns).index("matching")] if key != "width")]


def results(frames: Mapping[str, pd.DataFrame], x: str, hue: str, main: Sequence[Picture] = ()) -> Section:
    """Return the main figure, and under it the pivots of the test loss barrier."""
    table = frames["barrier_vs_width"]
    shown = with_two_way(table[(table["split"] == "test") & (table["metric"] == METRICS[0])])
    pivots, has_any_bold = _pivots(frames, METRICS[0], "test", x, hue)
    parts: list[Table | Text | Picture] = [*main, *pivots]
    parts += [Text(MEANING)] if has_any_bold else []
    parts.append(
        Text(
            f"Mean over pairs of networks, and its interval ({kinds_of(shown)}). On the log scale an interval reaches as many times "
            "above the mean as below it, and never below 0; where a value is exactly 0, or of two pairs, it is Student's t cut at 0. "
            "error at ends: the networks' own mean test error."
        )
    )
    return Section("results", "Results", parts, folded=False)


def tables(frames: Mapping[str, pd.DataFrame], x: str, hue: str) -> Section:
    """Return the pivots of the other measures and of the training split."""
    kinds = [(metric, split) for split in ("test", "train") for metric in METRICS][1:]
    return Section("tables", "Error, and the training split", [table for kind in kinds for table in _pivots(frames, *kind, x, hue)[0]])


def _pivots(frames: Mapping[str, pd.DataFrame], metric: str, split: str, x: str, hue: str) -> tuple[list[Table], bool]:
    """Return the pivots of a measure, which readers filter by all their keys, and whether any of their values is in bold."""
    blocks, made = pivot(frames["barrier_vs_width"], frames["runs"], metric, split, x=x, hue=hue, differences=frames), []
    for block in blocks:
        rows = []
        for key, pairs, end, values in block.rows:
            named = zip(values, block.header[3:], strict=True)
            cells = [Cell(v.text("±"), "" if pd.isna(v.mean) else repr(v.mean), v.best, [f"{hue}={name}"]) for v, name in named]
            rows.append([Cell(key), Cell(pairs, pairs.partition("/")[0]), Cell(end, end.replace("-", "")), *cells])
        by_row = [[f"{x}={key}"] for key, *_ in block.rows]
        by = [f"{key}={value}" for key, value in {**block.values, "split": split}.items()]
        made.append(
            Table(
                axis_label(metric, split).capitalize(),
                block.title,
                block.header,
                rows,
                stacked=True,
                filtered_by=by,
                rows_filtered_by=by_row,
            )
        )
    return made, has_bold(blocks)


def conclusions(frames: Mapping[str, pd.DataFrame]) -> Section:
    """Return the tables that answer questions: which method is better, how wide is wide enough, how fast does the barrier fall."""
    parts = []
    for name, (title, caption, dropped) in CONCLUSIONS.items():
        rows = _tested(frames[name], *dropped)
        if len(rows):
            keys = {key: key for key in (*_cell_keys(frames["barrier_vs_width"]), "matching", "repair")}
            keys |= {"method": "matching", "other": "matching" if "method" in rows else "repair"}
            by = ["split=test"] if "split" in frames[name] else []
            parts.append(frame_table(title, caption, rows, folded=name != "width_needed", keys=keys, filtered_by=by))
    return Section("conclusions", "Conclusions", parts)


def _tested(frame: pd.DataFrame, *drop: str) -> pd.DataFrame:
    """Return the rows of the test split, without some columns, and without the repair where there is none."""
    if "split" in frame:
        frame = frame[frame["split"] == "test"].drop(columns="split")
    unrepaired = "repair" in frame and set(frame["repair"]) <= {WITHOUT_REPAIR["repair"]}
    return frame.drop(columns=[*drop, *(["repair"] if unrepaired else [])])


def run(facts: Mapping[str, Any], commands: Sequence[str], following: Mapping[str, str]) -> Section:
    """Return what was run: commands, settings, versions, machines, seconds."""
    typed = [Text(command, "code") for command in commands]
    typed = typed or [Text("The commands were not recorded: the sweep was made by an earlier version, or is known from its tables alone.")]
    varying = [[Cell(key), Cell(", ".join(map(_value, values)))] for key, values in facts["varying"].items()]
    shared = [[Cell(key), Cell(_value(value))] for key, value in facts["settings"].items()]
    parts: list[Table | Text | Lines] = [Text("To repeat this:"), *typed]
    parts.append(Table("Keys that vary", "", ("key", "values"), varying, sortable=False))
    if following:
        parts.append(Lines([f"{key} differs too, and has no column: here it follows from {source}." for key, source in following.items()]))
    parts.append(Table("Settings that all jobs share", "", ("key", "value"), shared, folded=True, sortable=False))
    for name in ("versions", "machines"):
        parts += [Text(f"{name[:-1].capitalize()}: {_mapping(entry)}") for entry in facts[name]]
    spent = ", ".join(f"{name} {seconds:,} s" for name, seconds in facts["seconds"].items())
    parts.append(Text(f"Time spent, according to the records: {spent}."))
    return Section("run", "What was run", parts)


def problems(sweep: Sweep, more: Sequence[str]) -> Section:
    """Return what failed, diverged or is missing, and what readers of the numbers must know."""
    parts: list[Table | Lines] = []
    if len(sweep.failures):
        parts.append(frame_table("", "Each row says what to do about it.", sweep.failures, folded=False))
    if sweep.notes or more:
        parts.append(Lines([*sweep.notes, *more]))
    return Section("problems", "Failures and notes", parts)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else text(value) if isinstance(value, float) else json.dumps(value)


def _mapping(entry: str) -> str:
    mapping = json.loads(entry)
    return ", ".join(f"{key} {value}" for key, value in mapping.items()) if isinstance(mapping, dict) else "not recorded"
