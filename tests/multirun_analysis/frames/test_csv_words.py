"""CSVs of an analysis read back: what was written comes out again, and what is no such CSV is said with its place."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_files import KINDS, put

from multirun_analysis.checks import InputError
from multirun_analysis.frames import csv_words
from multirun_analysis.frames.csv_words import number_of, read_words, table_file
from multirun_analysis.output.csv_text import write_frame

WORDS = ["relu", '"1e5"', "=1+1", "'=1", "-", "a,b", 'say "no"', "two\nlines", "weights[biases=true, outgoing=true]", ""]


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_words_and_numbers_come_back_as_they_were_written(tmp_path, ending):
    values = [0.1, 1e-300, -np.inf, np.inf, np.nan, 0.0, -2.5, 1e16, 123456789.0, 1e-7]
    frame = pd.DataFrame({"word": WORDS, "number": values})
    write_frame(frame, tmp_path / "a.csv")
    if ending == "csv.gz":
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    back = read_words(tmp_path / f"a.{ending}", ["number"])
    assert back["word"].tolist() == WORDS
    np.testing.assert_array_equal(back["number"], values)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
def test_a_number_that_was_written_is_read_to_the_last_bit_of_what_was_written(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("numbers") / "a.csv"
    write_frame(pd.DataFrame({"number": values}), path)
    once = read_words(path, ["number"])["number"]
    assert once.tolist() == [float(f"{value:.10g}") for value in values]
    write_frame(pd.DataFrame({"number": once}), path)
    assert read_words(path, ["number"])["number"].tolist() == once.tolist()


def test_rows_are_the_same_in_one_part_and_in_many(tmp_path, monkeypatch):
    write_frame(pd.DataFrame({"word": list("abcdefg"), "number": np.arange(7.0)}), tmp_path / "a.csv")
    whole = read_words(tmp_path / "a.csv", ["number"])
    monkeypatch.setattr(csv_words, "CHUNK", 2)
    pd.testing.assert_frame_equal(read_words(tmp_path / "a.csv", ["number"]), whole)
    with pytest.raises(InputError, match="in row 1 'a' stands where a number should"):
        read_words(tmp_path / "a.csv", ["word"])


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (b"a,a\n1,2\n", "must name each column once, and has `a` several times"),
        (b"a,b\n1,2\n3\n", r"must have the 2 fields of its header; row 2 has 1\."),
        (b"a,b\n1,2,3\n", r"must have the 2 fields of its header; row 1 has 3\."),
        (b"a,b\n1,2\n\n", r"must have the 2 fields of its header; row 2 has 0\."),
        (b"a,b\n1,2\n1,8250e2414376239c\n", r"`b` in .* must hold numbers, or nothing; in row 2 '8250e2414376239c' stands where"),
        (b"a,b\n1,nan\n", "in row 1 'nan' stands where a number should"),
        (b"a,b\n1,\xff\n", "must be a CSV of an analysis, in UTF-8, and cannot be read"),
        (b'a,b\n1,"2\n', "must be a CSV of an analysis, in UTF-8, and cannot be read"),
    ],
)
def test_what_is_no_table_is_said_with_its_place(tmp_path, contents, sentence):
    (tmp_path / "a.csv").write_bytes(contents)
    with pytest.raises(InputError, match=sentence):
        read_words(tmp_path / "a.csv", ["b"])


@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:20], lambda packed: b"no gzip", lambda packed: packed[:12] + b"\0\0" + packed[14:]]
)
def test_a_damaged_gzip_is_said(tmp_path, damage):
    (tmp_path / "a.csv.gz").write_bytes(damage(gzip.compress(b"a,b\n" + b"1,2\n" * 50)))
    with pytest.raises(InputError, match="cannot be read: "):
        read_words(tmp_path / "a.csv.gz")


def test_a_gzip_that_unpacks_to_more_than_a_file_may_have_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n" + b"1\n" * 1000))
    monkeypatch.setattr(csv_words, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="it unpacks to more than 1,000 bytes"):
        read_words(tmp_path / "a.csv.gz")


def test_the_file_of_a_table_is_the_one_form_that_is_there(tmp_path):
    assert table_file(tmp_path, "runs") is None
    (tmp_path / "runs.csv.gz").touch()
    assert table_file(tmp_path, "runs") == tmp_path / "runs.csv.gz"
    (tmp_path / "runs.csv").touch()
    with pytest.raises(InputError, match=r"holds both runs.csv and runs.csv.gz; remove the one that does not count\."):
        table_file(tmp_path, "runs")


@pytest.mark.usefixtures("a_hang_is_a_failure")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_no_table(tmp_path, kind):
    put(kind, tmp_path / "runs.csv")
    assert table_file(tmp_path, "runs") is None


def test_a_word_that_is_no_number_of_ours_is_refused():
    assert [number_of("1e-05"), number_of("-inf")] == [1e-5, -np.inf]
    assert np.isnan(number_of(""))
    for word in ("nan", "1_000", " 1", "0x10", "1e99999", "١"):
        with pytest.raises(ValueError, match="stands where a number should"):
            number_of(word)
