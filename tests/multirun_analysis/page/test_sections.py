"""The sections of the page: what was run, what is missing, what follows, and how to do it again."""

import re

import pytest
from analysis_sweeps import REPAIRS, expect, four_records, in_both_directions, make_record, repaired, write_record
from markupsafe import Markup

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.provenance import provenance
from multirun_analysis.page.page import Lines, Picture, Table, Text
from multirun_analysis.page.sections import CONCLUSIONS, conclusions, filters, problems, results, run, sweep_page, tables
from multirun_analysis.schema import sealed_line
from multirun_analysis.tables.not_worse import MEANING
from multirun_analysis.tables.sweep import sweep_frames


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Return a sweep of four jobs, and of one that is missing."""
    folder = tmp_path_factory.mktemp("sweep")
    records, lost = four_records(), make_record("lost", seed=2)
    records[0] |= {"versions": {"python": "3.11.7"}, "machine": {"device": "cpu"}, "notes": ["weights: a note."]}
    for record in records:
        write_record(folder / record["run_id"], record)
    lines = [sealed_line(expect(record, f"seed={record['scope']['seed']}")) for record in (*records, lost)]
    (folder / "expected.jsonl").write_text("".join(lines))
    return find_sweep(folder)


@pytest.fixture(scope="module")
def frames(sweep):
    return sweep_frames(sweep)


def test_the_page_says_what_was_run_what_is_missing_and_how_to_do_it_again(sweep, frames):
    html = sweep_page(
        "A title", sweep, frames, [], ["python -m lmc_sweeps width=8,16 seed=0,1,2 -m"], "width", "matching", ["a file was left out."]
    )
    for text in (
        "<title>A title</title>", "4 of 5", "jobs found", "python -m lmc_sweeps width=8,16 seed=0,1,2 -m", "missing",
        "was not started yet, or waits for its networks", "python 3.11.7", "device cpu", "optimizer.lr", "Student&#39;s t over pairs",
        "Test loss barrier [nats]", "How wide is wide enough?", "weights: a note. (1 of 4 jobs)", "a file was left out.",
    ):  # fmt: skip
        assert text in html, text


def test_results_are_a_table_of_each_metric(frames):
    main, text = results(frames, "width", "matching").parts
    assert "t cut at 0 over pairs" in text.text
    others = tables(frames, "width", "matching").parts
    assert [table.title for table in (main, *others)] == [
        "Test loss barrier [nats]", "Test error barrier [fraction]", "Train loss barrier [nats]", "Train error barrier [fraction]",
    ]  # fmt: skip
    for table in (main, others[0]):
        assert list(table.header) == ["width", "pairs", "error at ends", "identity", "weights"]
        assert [[cell.text for cell in row[:2]] for row in table.rows] == [["8", "2/3"], ["16", "2/2"]]
        assert not any(cell.best for row in table.rows for cell in row)  # two pairs decide nothing
        for row in table.rows:
            assert [float(cell.sort) for cell in row[3:]] == pytest.approx(
                [float(cell.text.partition(" ")[0]) for cell in row[3:]], rel=0.01
            )


def test_results_end_with_a_line_on_bold_where_there_is_any(write_sweep):
    frames = sweep_frames(find_sweep(write_sweep([make_record(f"r{k}", seed=k, barrier=0.1 + k / 100) for k in range(4)])))
    table, meaning, _ = results(frames, "width", "matching").parts
    assert meaning == Text(MEANING)
    assert [[cell.best for cell in row[3:]] for row in table.rows] == [[False, True]]


def test_a_page_begins_with_the_result_then_the_main_figure_then_the_table_and_folds_the_rest(sweep, frames):
    drawn = [Picture(name, f"The figure {name}", "", Markup("<svg></svg>")) for name in ("another", "barrier_vs_width")]
    html = sweep_page("A title", sweep, frames, drawn, [], "width", "matching", [])
    order = (
        "At width=16 the mean",
        'id="barrier_vs_width"',
        ">Test loss barrier [nats]<",
        'class="section"',
        ">Test error barrier [fraction]<",
        'id="another"',
    )
    places = [html.index(text) for text in order]
    assert places == sorted(places)
    assert len(re.findall("<section ", html)) == 1
    assert "<details open" not in html


def test_readers_filter_by_what_has_more_than_one_value(frames, write_sweep):
    assert filters(frames) == {"matching": ["identity", "weights"], "split": ["test", "train"], "width": ["8", "16"]}
    one = sweep_frames(find_sweep(write_sweep([make_record("a")])))
    assert filters(one) == {"matching": ["identity", "weights"], "split": ["test", "train"]}


def test_conclusions_are_of_the_test_split_and_only_those_that_have_rows(frames):
    parts = conclusions(frames).parts
    assert [table.title for table in parts] == [
        title for name, (title, _, _) in CONCLUSIONS.items() if name not in ("repair_differences", "direction_differences")
    ]
    assert [table.folded for table in parts] == [False, True, True, True, True]
    assert all("split" not in table.header for table in parts)
    assert all("repair" not in (*table.header, *table.caption.split()) for table in parts)  # there is none
    without = {name: frame.iloc[:0] if name == "slopes" else frame for name, frame in frames.items()}
    assert CONCLUSIONS["slopes"][0] not in {table.title for table in conclusions(without).parts}


def test_of_several_repairs_it_is_said_what_they_change(write_sweep):
    frames = sweep_frames(find_sweep(write_sweep([repaired(record, REPAIRS) for record in four_records()])))
    (table,) = [table for table in conclusions(frames).parts if table.title == CONCLUSIONS["repair_differences"][0]]
    assert all(f"{name} = {value}" in table.caption for name, value in (("repair", "reset"), ("other", "none")))  # in all rows
    assert {row[list(table.header).index("matching")].text for row in table.rows} == {"identity", "weights"}


def test_of_pairs_in_both_directions_it_is_said_whether_it_matters_which_network_is_mapped(write_sweep):
    frames = sweep_frames(find_sweep(write_sweep([in_both_directions(record) for record in four_records()])))
    (table,) = [table for table in conclusions(frames).parts if table.title == CONCLUSIONS["direction_differences"][0]]
    assert {"mean_lower", "mean_higher"} < set(table.header)
    assert "mean = 0" in table.caption  # in all rows


def test_what_was_run_names_every_key_once_and_says_where_no_command_was_recorded(sweep, frames):
    facts = provenance(sweep, frames["runs"])
    _, command, varying, *others = run(facts, ["python -m lmc_sweeps"], {}).parts
    assert command == Text("python -m lmc_sweeps", "code")
    assert [[cell.text for cell in row] for row in varying.rows] == [["width", "8, 16"], ["seed", "0, 1"]]
    (shared,) = [part for part in others if isinstance(part, Table)]
    assert {row[0].text for row in shared.rows} == {"dataset", "model", "depth", "optimizer.lr"}
    parts = run(facts, [], {"dataset.seed": "seed"}).parts
    assert parts[1].text == "The commands were not recorded: the sweep was made by an earlier version, or is known from its tables alone."
    assert Lines(["dataset.seed differs too, and has no column: here it follows from seed."]) in parts


def test_a_sweep_without_failures_or_notes_has_no_problems(write_sweep):
    assert problems(find_sweep(write_sweep([make_record("a")])), []).parts == []
