"""The seal of a record, and of a line: whatever changes in what they say is noticed, however the file was written again."""

import hashlib
import json
import random
import re

import pytest
from analysis_sweeps import expect, make_record

from multirun_analysis.frames.discovery import find_sweep, load_runs
from multirun_analysis.records.reading import open_record, read_expected
from multirun_analysis.schema import NO_REPAIR, SEAL_KEY, canonical, open_line, sealed, sealed_line
from multirun_analysis.schema import open_record as opened

CHANGED = "it was changed after it was written: its sha256 is not that of its text"
UNSEALED = "it has no seal (`sha256`), so that nothing shows whether it was changed"


def contents_of(record):
    return sealed(canonical(record))


@pytest.mark.parametrize("record", [{"schema_version": 1}, {"a": {"b": []}, "é": "\n}", "schema_version": 1}, make_record("r")])
def test_a_sealed_text_is_the_same_object_with_the_digest_of_its_text(record):
    contents = contents_of(record)
    assert opened(contents) == record
    assert json.loads(contents) == {**record, SEAL_KEY: hashlib.sha256(canonical(record).encode()).hexdigest()}


def moved(contents: bytes) -> bytes:
    record = json.loads(contents)
    return json.dumps({SEAL_KEY: record.pop(SEAL_KEY), **record}, indent=1).encode()


def reversed_keys(contents: bytes) -> bytes:
    return json.dumps(dict(reversed(json.loads(contents).items())), indent=4).encode()


def upper_case(contents: bytes) -> bytes:
    record = json.loads(contents)
    return json.dumps(record | {SEAL_KEY: record[SEAL_KEY].upper()}).encode()


# What editors and tools do to a file without changing what it says.
REWRITTEN = {
    "as it was": lambda contents: contents,
    "a newline at the end": lambda contents: contents + b"\n",
    "a space before": lambda contents: b" " + contents,
    "lines of Windows": lambda contents: contents.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda contents: b"\xef\xbb\xbf" + contents,
    "indented by tabs": lambda contents: json.dumps(json.loads(contents), indent="\t").encode(),
    "one line": lambda contents: json.dumps(json.loads(contents), separators=(",", ":")).encode(),
    "letters as they are": lambda contents: json.dumps(json.loads(contents), ensure_ascii=False).encode(),
    "keys in another order": reversed_keys,
    "the seal first": moved,
    "the seal in capitals": upper_case,
    "numbers written otherwise": lambda contents: contents.replace(b"0.125", b"1.25e-1"),
}


@pytest.mark.parametrize("rewrite", REWRITTEN.values(), ids=REWRITTEN)
def test_a_changed_number_is_noticed_however_the_file_was_rewritten_and_equal_contents_are_read(write_sweep, rewrite):
    record = make_record("a", barrier=0.125)
    folder = write_sweep([record])
    path, whole = folder / "a" / "record.json", load_runs(folder)
    path.write_bytes(rewrite(contents_of(record)))
    assert find_sweep(folder).failures.empty
    assert load_runs(folder).equals(whole)
    for old, new in ((b"0.125", b"0.0125"), (b'"seed": 0', b'"seed": 1'), (b"null", b"1")):
        changed = contents_of({**record, "nothing": None}).replace(old, new, 1)
        path.write_bytes(rewrite(changed))
        (failure,) = find_sweep(folder).failures.to_dict("records")
        assert (failure["status"], failure["sentence"]) == (
            "unreadable",
            f"{path}: {CHANGED}; run the sweep again with the same hydra.sweep.dir",
        )


def without_seal(contents: bytes, **changes) -> dict:
    record = json.loads(contents) | changes
    del record[SEAL_KEY]
    return record


@pytest.mark.parametrize(
    ("rewrite", "message"),
    [
        (lambda contents: canonical(without_seal(contents)).encode(), UNSEALED),
        (lambda contents: json.dumps(without_seal(contents, schema_version=0)).encode(), UNSEALED),
        (lambda contents: json.dumps(without_seal(contents) | {"SHA256": json.loads(contents)[SEAL_KEY]}).encode(), UNSEALED),
        (lambda contents: json.dumps(without_seal(contents) | {"scope": {SEAL_KEY: json.loads(contents)[SEAL_KEY]}}).encode(), UNSEALED),
        (lambda contents: contents.replace(b'"sha256": "', b'"sha256": null, "was": "'), UNSEALED),
        (lambda contents: contents.replace(b'"sha256": "', b'"sha256": "0'), CHANGED),
        (lambda contents: contents.replace(b'"sha256": "', b'"sha256": ["').replace(b'"\n}', b'"]\n}'), CHANGED),
        (lambda contents: contents.replace(b'"seed": 0', b'"seed": 0, "seed": 0', 1), "a key stands in it twice"),
        (lambda contents: b'{"runs": [],' + contents[1:], "a key stands in it twice"),
        (lambda contents: b"[" + contents + b"]", "it is no JSON object"),
        (lambda contents: contents.replace(b'"schema_version": 1', b'"schema_version": "1"'), CHANGED),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_record_without_its_seal_or_with_a_key_twice_is_refused(write_sweep, rewrite, message):
    folder = write_sweep([make_record("a")])
    path = folder / "a" / "record.json"
    path.write_bytes(rewrite(path.read_bytes()))
    (failure,) = find_sweep(folder).failures.to_dict("records")
    assert (failure["status"], failure["sentence"].partition(": ")[2].partition("; ")[0]) == ("unreadable", message)


def test_every_flipped_bit_is_said_or_without_effect(write_sweep):
    short = make_record("a")
    short |= {kind: short[kind][:1] for kind in ("runs", "curves", "layers")}  # a row of every kind
    folder, rng = write_sweep([short, make_record("b", seed=1)]), random.Random(0)
    path = folder / "a" / "record.json"
    whole = path.read_bytes()
    all_runs, others = load_runs(folder), load_runs(folder).query("run_id == 'b'").reset_index(drop=True)
    changed = 0
    for k in range(0, len(whole), 2):
        data = bytearray(whole)
        data[k] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        sweep = find_sweep(folder)
        if len(sweep.packed) == 2:
            assert open_record(path) == opened(whole)
            assert load_runs(folder).equals(all_runs)
        else:
            ((status, sentence),) = sweep.failures[["status", "sentence"]].to_numpy().tolist()
            assert (status, "run the sweep again" in sentence) == ("unreadable", True)
            changed += CHANGED in sentence
    assert load_runs(folder).query("run_id == 'b'").reset_index(drop=True).equals(others)
    assert changed > len(whole) / 2 / 5  # the rest is no longer JSON, or no longer text


def test_every_flipped_bit_of_a_line_is_noticed_or_without_effect():
    entry = expect(make_record("a"), "width=8")
    whole = sealed_line(entry).encode()
    for bit in range(8 * (len(whole) - 1)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        try:
            read = read_expected(data.decode())
        except (ValueError, TypeError, KeyError):
            continue
        assert read == entry | {"repair": [NO_REPAIR]}  # a letter of the seal is a capital now


def test_a_line_is_read_with_its_seal_only(write_sweep):
    record = make_record("a")
    entry = expect(record, "width=8")
    assert open_line(sealed_line(entry)) == entry
    for line in (json.dumps(entry), json.dumps({**entry, SEAL_KEY: None})):
        with pytest.raises(ValueError, match=re.escape(UNSEALED)):
            open_line(line)
    folder = write_sweep([record], [entry])
    with (folder / "expected.jsonl").open("a") as stream:
        stream.write(json.dumps({**entry, "run_id": "b"}) + "\n")
    sweep = find_sweep(folder)
    assert [job["run_id"] for job in sweep.expected] == ["a"]
    assert sweep.failures["sentence"].tolist() == [
        f"{folder / 'expected.jsonl'}, line 2: {UNSEALED}; run the sweep again with the same hydra.sweep.dir"
    ]
    with pytest.raises(ValueError, match="a key stands in it twice"):
        open_line('{"n_pairs": 1, "n_pairs": 2}')
    with pytest.raises(TypeError, match="it is no JSON object"):
        open_line("[]")
