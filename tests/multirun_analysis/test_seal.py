"""The seal of a record: whatever changes in its text is noticed, or changes nothing that is read."""

import hashlib
import json
import random

import pytest
from analysis_sweeps import make_record

from multirun_analysis.discovery import find_sweep, load_runs
from multirun_analysis.schema import SEAL_KEY, check_seal, sealed


def text_of(record):
    return json.dumps(record, indent=1, sort_keys=True)


@pytest.mark.parametrize("record", [{"a": 1}, {"a": {"b": []}, "é": "\n}"}, make_record("r")])
def test_a_sealed_text_is_the_same_object_with_the_digest_of_its_text(record):
    contents = sealed(text_of(record))
    check_seal(contents)
    assert json.loads(contents) == {**record, SEAL_KEY: hashlib.sha256(text_of(record).encode()).hexdigest()}


def test_any_other_text_has_no_seal_to_break():
    for contents in (b"", b"{}", b"[1]", text_of(make_record("r")).encode(), json.dumps({"a": 1, SEAL_KEY: "0" * 64}).encode()):
        check_seal(contents)


def test_every_flipped_bit_is_said_or_without_effect(write_sweep):
    folder, rng = write_sweep([make_record("a"), make_record("b", seed=1)]), random.Random(0)
    path, whole = folder / "a" / "record.json", sealed(text_of(make_record("a")))
    path.write_bytes(whole)
    kept, others = load_runs(folder), load_runs(folder).query("run_id == 'b'").reset_index(drop=True)
    changed = 0
    for place in range(0, len(whole), 3):
        data = bytearray(whole)
        data[place] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        sweep = find_sweep(folder)
        if len(sweep.packed) == 2:
            assert place >= len(whole) - 90  # in the seal itself
            assert load_runs(folder).equals(kept)
        else:
            ((status, sentence),) = sweep.failures[["status", "sentence"]].to_numpy().tolist()
            assert (status, "run the sweep again" in sentence) == ("unreadable", True)
            changed += "it was changed after it was written" in sentence
    assert load_runs(folder).query("run_id == 'b'").reset_index(drop=True).equals(others)
    assert changed > len(whole) / 3 / 5  # the rest is no longer JSON, or no longer text


def test_another_number_is_noticed(write_sweep):
    folder = write_sweep([make_record("a", barrier=0.125)])
    path = folder / "a" / "record.json"
    path.write_bytes(sealed(text_of(make_record("a", barrier=0.125))).replace(b"0.125", b"0.025"))
    (row,) = find_sweep(folder).failures.to_dict("records")
    assert row["status"] == "unreadable"
    assert row["sentence"].startswith(
        f"{path}: it was changed after it was written: its sha256 is not that of its text; run the sweep again"
    )
