"""What `provenance.json` says is read as it was written, and refused where it is something else."""

import json

import pytest
from analysis_sweeps import make_record

from multirun_analysis import load_runs
from multirun_analysis.checks import InputError
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.origin import PROVENANCE, read_facts
from multirun_analysis.frames.provenance import provenance, provenance_text


def test_what_was_written_is_read(write_sweep, tmp_path):
    folder = write_sweep([make_record("a") | {"machine": {"device": "cpu"}, "notes": ["a note."]}, make_record("b", width=16)])
    facts = provenance(find_sweep(folder), load_runs(folder))
    assert read_facts(tmp_path) is None
    (tmp_path / PROVENANCE).write_text(provenance_text(facts))
    assert read_facts(tmp_path) == facts
    assert provenance_text(facts) == provenance_text(json.loads(provenance_text(facts)))


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("jobs", "two", "a count"),
        ("networks", -1, "a count"),
        ("settings", [], "a mapping"),
        ("varying", {"width": 8}, "a mapping of lists"),
        ("seconds", {"training": "long"}, "a mapping of numbers"),
        ("machines", ["no JSON"], "a list of mappings as JSON"),
        ("versions", "3.11", "a list of mappings as JSON"),
        ("notes", [1], "a list of sentences"),
        ("notes", None, "a list of sentences"),
    ],
)
def test_a_fact_of_another_kind_is_said(write_sweep, tmp_path, key, value, rule):
    folder = write_sweep([make_record("a")])
    (tmp_path / PROVENANCE).write_text(provenance_text(provenance(find_sweep(folder), load_runs(folder)) | {key: value}))
    with pytest.raises(InputError, match=f"^`{key}` in '.*provenance.json' must be {rule}, and is not"):
        read_facts(tmp_path)


@pytest.mark.parametrize(("text", "sentence"), [("{", "must be JSON, and cannot be read"), ("[]", "must hold a mapping, and does not")])
def test_what_is_no_mapping_is_said(tmp_path, text, sentence):
    (tmp_path / PROVENANCE).write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_facts(tmp_path)
