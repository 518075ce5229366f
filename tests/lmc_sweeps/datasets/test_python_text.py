"""`python_text`: windows put together again are the text, and what is read is what `help()` shows."""

import hashlib
import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets import python_text
from lmc_sweeps.datasets.base import Data, fingerprint
from lmc_sweeps.datasets.checking import check_data
from lmc_sweeps.datasets.python_text import KNOWN, PythonText, read_topics

TEXT = "".join(chr(ord("a") + k % 7) for k in range(90)) + "abc\u00e9abczab"  # nine tenths of seven letters; then two others


def letters(rows: torch.Tensor, text: str = TEXT) -> list[str]:
    """Return the texts of rows of numbers, "?" for what is not in the vocabulary."""
    vocabulary = [*sorted(set(text[: len(text) * 9 // 10])), "?"]
    return ["".join(vocabulary[k] for k in row) for row in rows.tolist()]


def test_windows_in_their_order_are_the_text_and_labels_are_one_character_further():
    data = PythonText(context=6).of_text(TEXT)
    assert "".join(letters(data.train.inputs)) == TEXT[:84]
    assert "".join(letters(data.train.labels)) == TEXT[1:85]
    assert (letters(data.test.inputs), letters(data.test.labels)) == (["abc?ab"], ["bc?abc"])


def test_characters_that_training_has_not_seen_have_the_last_number():
    data = PythonText(context=9).of_text(TEXT)
    assert data.n_classes == 7 + 1
    assert (data.test.labels == 7).tolist() == [[False, False, True, False, False, False, True, False, False]]
    assert int(data.train.labels.max()) == 6


@pytest.mark.parametrize(("stride", "starts"), [(1, [*range(84)]), (20, [0, 20, 40, 60, 80]), (None, [*range(0, 84, 6)])])
def test_windows_begin_a_stride_apart_and_end_before_the_part_does(stride, starts):
    train = PythonText(context=6, stride=stride).of_text(TEXT).train
    assert letters(train.inputs) == [TEXT[start : start + 6] for start in starts]


def test_some_windows_are_spread_evenly_over_their_part():
    data = PythonText(context=6, stride=1, train_size=4, test_size=2).of_text(TEXT)
    assert letters(data.train.inputs) == [TEXT[start : start + 6] for start in (0, 21, 42, 63)]
    assert letters(data.test.inputs) == ["abc?ab", "c?abc?"]


@pytest.fixture(scope="module")
def data() -> Data:
    return PythonText().load()


def test_the_text_is_that_of_help_topic_after_topic(data):
    topics = importlib.import_module("pydoc_data.topics").topics
    text = "\n".join(topics.values())
    vocabulary = sorted(set(text[: len(text) * 9 // 10]))
    whole = "".join(vocabulary[k] for k in data.train.inputs.flatten().tolist())
    assert text.startswith(whole)
    assert len(text) * 9 // 10 - len(whole) <= 64
    assert hashlib.sha256(text.encode()).hexdigest()[:16] in data.note


def test_it_passes_the_checks_before_the_first_job(data, caplog):
    assert check_data("python_text", data) is data
    assert (data.kind, data.inputs, caplog.messages) == ("tokens", (64,), [])


def test_the_data_of_the_known_texts_are_frozen(data):
    frozen = {
        "the text is that of Python 3.11.7, 465,048 characters, SHA-256 2a95af4ac93f5b71": (6539, 726, 104, "898a6ec51acd01ce"),
        "the text is that of Python 3.11.2, 466,097 characters, SHA-256 b0796031be1d1b35": (6554, 728, 104, "67f3330d566847bf"),
    }
    assert {note.split()[6].strip(",") for note in frozen} == {version for version, _ in KNOWN.values()}
    loaded = (len(data.train), len(data.test), data.n_classes, fingerprint(data))  # the fingerprint stands in every run_id on the text
    assert frozen.get(data.note, loaded) == loaded


def test_another_text_is_taken_with_a_note_and_a_fingerprint_of_its_own(caplog):
    one, other = (PythonText(context=6).of_text(text) for text in (TEXT, TEXT[::-1]))
    assert one.note.endswith(": none of the known ones (3.11.2, 3.11.7)")
    assert caplog.messages[0] == f"dataset=python_text: {one.note}."
    assert fingerprint(one) != fingerprint(other)


def test_a_known_text_is_known_by_its_contents(monkeypatch, caplog):
    monkeypatch.setitem(KNOWN, hashlib.sha256(TEXT.encode()).hexdigest(), ("0.1", len(TEXT)))
    assert PythonText(context=6).of_text(TEXT).note.startswith("the text is that of Python 0.1, 100 characters, SHA-256 ")
    assert caplog.messages == []


def test_topics_are_read_in_the_order_of_the_file_and_nothing_of_it_is_run(tmp_path):
    path = tmp_path / "topics.py"
    path.write_text(f"open({str(tmp_path / 'was run')!r}, 'w')\ntopics = {{'b': 'one\\n' 'two', 'a': r'''\\three'''}}\n")
    assert read_topics(path) == "one\ntwo\n\\three"
    assert not (tmp_path / "was run").exists()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (None, "dataset=python_text needs .*topics.py, which this Python lacks: No such file or directory"),
        ("topics = {", "cannot be read as Python"),
        ("other = {'a': 'b'}", "assigns no dict of strings, written out, to `topics`"),
        ("topics = dict(a='b')", "assigns no dict of strings"),
        ("topics = {'a': 3}", "assigns no dict of strings"),
        ("topics = {}", "assigns no dict of strings"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, contents, message):
    if contents is not None:
        (tmp_path / "topics.py").write_text(contents)
    with pytest.raises(InputError, match=message):
        read_topics(tmp_path / "topics.py")


def test_a_python_without_the_topics_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(python_text.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(InputError, match=r"^dataset=python_text needs .*pydoc_data/topics\.py, which this Python lacks"):
        PythonText().load()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": 0}, r"^`dataset\.context` must be a positive integer, got 0\.$"),
        ({"stride": -1}, r"^`dataset\.stride` must be a positive integer, got -1\.$"),
        ({"train_size": 1.5}, r"^`dataset\.train_size` must be a positive integer, got 1\.5\.$"),
        ({"test_size": "all"}, r"^`dataset\.test_size` must be a positive integer, got 'all'\.$"),
        (
            {"context": 10},
            r"^`dataset\.context` must be below the 10 characters of the test part, for each of a window has one that follows, got 10\.$",
        ),
        (
            {"context": 6, "train_size": 15},
            r"^`dataset\.train_size` must be at most 14, the windows of 6 characters that begin 6 apart in 90, got 15\.$",
        ),
        ({"context": 6, "stride": 2, "test_size": 3}, r"`dataset\.test_size` must be at most 2, .* begin 2 apart in 10, got 3\.$"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        PythonText(**changes).of_text(TEXT)


@pytest.mark.parametrize("text", ["", "a", "ab"])
def test_a_text_without_a_window_is_refused(text):
    with pytest.raises(InputError, match="`dataset.context` must be below the [01] characters of the training part"):
        PythonText(context=1).of_text(text)


def test_every_character_of_any_text_is_told_from_the_others():
    text = "\U0001f40d\ud800\u00df\x00 " * 30
    train = PythonText(context=10).of_text(text).train
    assert len(set(train.inputs.flatten().tolist())) == 5
    np.testing.assert_array_equal(train.inputs[0], [4, 3, 2, 0, 1, 4, 3, 2, 0, 1])
