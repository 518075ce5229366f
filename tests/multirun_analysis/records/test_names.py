"""Names and words in tables: what stands in a column as text comes back from a CSV as text."""

import io
import json

import pandas as pd
import pytest
from analysis_sweeps import expect, make_record
from hypothesis import given, settings
from hypothesis import strategies as st

from multirun_analysis import load_curves, load_layers, load_runs
from multirun_analysis.frames.sorting import sortable
from multirun_analysis.records.names import table_name, unmistakable
from multirun_analysis.report.report import write_report

LIKE_OTHERS = [
    "1e5", "1E5", "inf", "-inf", "Infinity", "nan", "NaN", "None", "NA", "N/A", "n/a", "null", "NULL", "<NA>", "#N/A", "true", "True", "FALSE", "007",
    "0x10", "1_000", "1,000", "", " ", " 1", "1 ", "+1", "-1", ".5", "5.", "1.5", "8250e2414376239c", "12345678", "=1+1", "@sum", "-", '"', '"1"', "[1]", "{}",
    "'1", "1e400", "1d5", "1j", "0b1", "٣", "１２",
]  # fmt: skip


PLAIN = ["relu", "a", "warmup_cosine", "4fedc7b057c85e79", "x8250e2414376239c", "Ω", "a b", "d'Alembert", "2024-01-01"]


def read_back(values, engine):
    text = pd.DataFrame({"key": pd.Series(values, dtype=object), "other": 0}).to_csv(index=False)
    return pd.read_csv(io.StringIO(text), engine=engine)["key"].tolist()


@pytest.mark.parametrize("engine", ["c", "python"])
@pytest.mark.parametrize("text", LIKE_OTHERS)
def test_text_that_looks_like_something_else_stands_in_quotation_marks(text, engine):
    assert json.loads(unmistakable(text)) == text
    (value,) = read_back([unmistakable(text)], engine)  # alone in its column, where pandas guesses most
    assert value == unmistakable(text)


@pytest.mark.parametrize("text", PLAIN)
def test_all_other_text_stays_as_it_is(text):
    assert unmistakable(text) == text == table_name(text)
    assert read_back([text], "c") == [text]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12) | st.text(
    "0123456789+-.eEx_naif", min_size=1, max_size=8
)


@given(st.lists(TEXTS, min_size=1, max_size=20))
@settings(max_examples=30)
def test_any_text_comes_back_and_no_two_are_one(texts):
    shown = [unmistakable(text) for text in texts]
    line = pd.DataFrame([shown]).to_csv(index=False)  # each alone in its column
    assert pd.read_csv(io.StringIO(line)).iloc[0].tolist() == shown
    assert all(one == text or json.loads(one) == text for one, text in zip(shown, texts, strict=True))
    order = sortable(pd.Series([*shown, 1], dtype=object)).tolist()
    assert order[-1] == 0  # text stands behind every number


NAMES = ["8250e2414376239c", "1234567890123456", "4fedc7b057c85e79", "NA", "inf", "1e5"]


def named(name, **scope):
    """Return a record whose job, networks and settings have a name that looks like something else."""
    record = make_record("job", **scope)
    record["run_id"] = name
    for entry in (*record["matching"], *record["runs"], *record["curves"], *record["layers"]):
        entry["settings_hash"] = {"i0": "12345678", "w0": "99e99999"}[entry["settings_hash"]]
        if "network_a" in entry:
            entry["network_a"], entry["network_b"] = name, f"{name[:-1]}0"
    return record


def test_names_in_records_of_earlier_versions_are_text_in_every_table(write_sweep):
    records = [named(name, seed=k, **{"dataset.fingerprint": name}) for k, name in enumerate(NAMES)]
    folder = write_sweep(records, [expect(record, f"seed={k}") for k, record in enumerate([*records, named("77e7777777777777", seed=9)])])
    report = write_report([folder], only=["runs", "curves", "layers", "barrier_vs_width", "failures"])
    for name, frame in (("runs", load_runs(folder)), ("curves", load_curves(folder)), ("layers", load_layers(folder))):
        back = pd.read_csv(report.folder / f"{name}.csv")
        for column in ("run_id", "network_a", "network_b", "dataset.fingerprint"):
            assert back[column].tolist() == frame[column].tolist()
            assert all(isinstance(value, str) for value in back[column])
        assert set(back["run_id"]) == {"x8250e2414376239c", "x1234567890123456", "4fedc7b057c85e79", '"NA"', '"inf"', "x1e5"}
    assert pd.read_csv(report.folder / "failures.csv")["run_id"].tolist() == ["x77e7777777777777"]


def test_settings_that_look_like_something_else_are_text_in_every_table(write_sweep):
    records = [make_record(f"r{k}", seed=k, **{"model.name_of_it": text}) for k, text in enumerate(LIKE_OTHERS)]
    folder = write_sweep(records, [expect(record) for record in records])
    report = write_report([folder], only=["runs", "barrier_vs_width", "slopes", "connected_share", "matching_costs", "method_differences"])
    for name in ("runs", "barrier_vs_width", "connected_share", "matching_costs", "method_differences"):
        back = pd.read_csv(report.folder / f"{name}.csv")["model.name_of_it"]
        assert {json.loads(value) for value in back} == set(LIKE_OTHERS)
