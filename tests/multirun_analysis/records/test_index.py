"""The index of a sweep's records: what it saves, and that it is never believed where the records say otherwise."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import time

import pandas as pd
import pytest
from analysis_sweeps import expect, make_record, resealed, with_blocks

from multirun_analysis import load_blocks, load_curves, load_layers, load_runs
from multirun_analysis.frames import discovery
from multirun_analysis.frames.discovery import INDEX, find_sweep
from multirun_analysis.records import index
from multirun_analysis.records.index import MAGIC, load_index, save_index
from multirun_analysis.records.names import table_name

HOSTILE = ["\u2028", "a\x00b", 'quote " comma , line \n end \r', "__import__('os').system('true')", "Ω\u202e\U0001f600", "nan", "-1", ""]


@pytest.fixture(autouse=True)
def _small_sweeps_have_an_index(monkeypatch):
    monkeypatch.setattr(discovery, "MANY", 2)
    monkeypatch.setattr(index, "SETTLED", -(10**18))  # records need not be two seconds old


@pytest.fixture
def n_read(monkeypatch):
    """Return a function that tells how many records were read since it was last asked."""
    paths, read = [], discovery.read_record
    monkeypatch.setattr(discovery, "read_record", lambda path: paths.append(path) or read(path))

    def count():
        n = len(paths)
        paths.clear()
        return n

    return count


def records(n=4):
    return [make_record(f"r{k}", seed=k, barrier=0.1 * (k + 1), width=8 * (k + 1)) for k in range(n)]


def frames(folder):
    return load_runs(folder), load_curves(folder), load_layers(folder), find_sweep(folder).failures


def assert_same(tables, expected):
    for one, other in zip(tables, expected, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def without_index(folder):
    (folder / INDEX).unlink(missing_ok=True)
    tables = frames(folder)
    (folder / INDEX).unlink(missing_ok=True)
    return tables


def change(path, contents):
    """Write other bytes into a file and put its time of modification back, as long as it takes for the clock of its system to move on."""
    before = path.stat()
    while True:
        path.write_bytes(contents)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        if path.stat().st_ctime_ns != before.st_ctime_ns:
            return
        time.sleep(0.005)


def test_a_second_look_reads_no_record_and_finds_the_same(write_sweep, n_read):
    sweep = [*records(), make_record("bad", status="diverged"), make_record("later") | {"failure": "MemoryError"}]
    folder = write_sweep(sweep, [expect(record, "job") for record in [*sweep, make_record("gone", seed=9)]])
    expected = without_index(folder)
    load_runs(folder)
    n_read()
    assert_same(frames(folder), expected)
    assert n_read() == 0


def test_few_records_have_no_index(write_sweep):
    folder = write_sweep(records(1))
    load_runs(folder)
    assert not (folder / INDEX).exists()


def test_records_of_the_last_two_seconds_are_not_indexed(write_sweep, n_read, monkeypatch):
    monkeypatch.setattr(index, "SETTLED", 2 * 10**9)
    folder = write_sweep(records())
    load_runs(folder)
    n_read()
    load_runs(folder)
    assert n_read() == 4


def test_a_record_with_other_bytes_of_the_same_size_and_time_is_read_again(write_sweep, n_read):
    folder = write_sweep(records())
    load_runs(folder)
    n_read()
    path = folder / "r1" / "record.json"
    before = path.stat().st_size
    change(path, resealed(path.read_text().replace('"loss_barrier": 0.2,', '"loss_barrier": 0.7,')))
    assert path.stat().st_size == before
    tables = frames(folder)
    assert n_read() == 4  # one, by each of the four
    assert 0.7 in set(tables[0]["loss_barrier"])
    assert_same(tables, without_index(folder))


def test_records_that_come_and_go(write_sweep, n_read):
    folder = write_sweep(records())
    load_runs(folder)
    shutil.rmtree(folder / "r0")
    write_sweep([make_record("new", seed=7)])
    n_read()
    runs = load_runs(folder)
    assert n_read() == 1
    assert set(runs["run_id"]) == {"new", "r1", "r2", "r3"}
    assert_same(frames(folder), without_index(folder))


def test_a_record_in_the_place_of_another_is_read(write_sweep, n_read):
    folder = write_sweep(records())
    load_runs(folder)
    (folder / "r0").rename(folder / "aside")
    (folder / "r1").rename(folder / "r0")
    (folder / "aside").rename(folder / "r1")
    assert_same(frames(folder), without_index(folder))


def test_a_copied_folder_is_read_and_not_its_index_believed(write_sweep, tmp_path, n_read):
    folder, copy = write_sweep(records()), tmp_path / "copy"
    load_runs(folder)
    shutil.copytree(folder, copy)
    n_read()
    assert_same([load_runs(copy)], [load_runs(folder)])
    assert n_read() == 4


def test_a_damaged_index_is_no_index(write_sweep):
    folder = write_sweep(records())
    expected = frames(folder)
    whole = (folder / INDEX).read_bytes()
    assert len(load_index(folder / INDEX)) == 4
    cut = [whole[:length] for length in {0, 1, 31, 63, 64, 71, 72, *range(0, len(whole), 509), len(whole) - 1}]
    flipped = [whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :] for at in {*range(0, 90, 7), *range(0, len(whole), 311)}]
    for damaged in [*cut, *flipped, whole + b" ", whole * 2]:
        (folder / INDEX).write_bytes(damaged)
        assert load_index(folder / INDEX) == {}
    for damaged in (cut[3], flipped[20]):
        (folder / INDEX).write_bytes(damaged)
        assert_same(frames(folder), expected)
        assert (folder / INDEX).read_bytes() == whole  # built anew


def forged(header, parts, arrays=b""):
    text = json.dumps([header, parts]).encode()
    body = len(text).to_bytes(8, "little") + text + b" " * (-len(text) % 8) + arrays
    return MAGIC + hashlib.sha256(body).digest() + body


def test_a_foreign_index_with_a_sound_digest_is_no_index(write_sweep):
    folder = write_sweep(records())
    expected = frames(folder)
    bomb = pickle.dumps(os.getcwd)
    huge = [["stamps", "<i8", 2**60], ["heads", "<i4", 1]]
    for foreign in (
        forged({}, []), forged([], {}), forged({"layout": index.LAYOUT}, []), forged({"layout": [99]}, []),
        forged({"layout": index.LAYOUT, "names": ["r0"], "words": {}, "arrays": huge}, []),
        forged({"layout": index.LAYOUT, "names": ["r0"], "words": {}, "arrays": [["stamps", "|O", 1]]}, [], bytes(8)),
        MAGIC + hashlib.sha256(bomb).digest() + bomb, bomb, b"SQLite format 3\x00", b"[" * 100_000,
    ):  # fmt: skip
        (folder / INDEX).write_bytes(foreign)
        assert load_index(folder / INDEX) == {}
        assert_same(frames(folder), expected)


def test_an_index_whose_parts_do_not_fit_is_no_index(write_sweep):
    folder = write_sweep(records(2))
    load_runs(folder)
    whole = (folder / INDEX).read_bytes()[len(MAGIC) + 32 :]
    size = int.from_bytes(whole[:8], "little")
    (header, parts), arrays = json.loads(whole[8 : 8 + size]), whole[8 + size + -size % 8 :]
    assert len(parts) > 3
    path = folder / INDEX
    path.write_bytes(forged(header, parts, arrays))
    assert len(load_index(path)) == 2  # untouched, it is sound
    for wrong in (
        forged(header, parts[:-1], arrays), forged(header | {"names": ["r0"]}, parts, arrays), forged(header, parts, arrays[:-8]),
        forged(header | {"words": {name: words[:-1] for name, words in header["words"].items()}}, parts, arrays),
        forged(header | {"words": {name: [1] * len(words) for name, words in header["words"].items()}}, parts, arrays),
        forged(header, [{}] * len(parts), arrays), forged(header, parts, b"\xff" * len(arrays)), forged(header, parts, b"\x01" * len(arrays)),
    ):  # fmt: skip
        path.write_bytes(wrong)
        assert load_index(path) == {}


def test_text_of_any_kind_comes_back_from_the_index(write_sweep, n_read):
    sweep = records(len(HOSTILE))
    for record, text in zip(sweep, HOSTILE, strict=True):
        record["sentence"], record["notes"], record["scope"]["dataset.root_name"] = text, [text], text
        record["status"] = "diverged"
        record["runs"][0]["certificate_status"] = text
        record["runs"][1]["certificate_status"] = None
        for row in (*record["runs"], *record["curves"], *record["layers"]):
            row["network_a"], row["layer_name"] = text, text
    folder = write_sweep(sweep)
    expected = without_index(folder)
    load_runs(folder)
    n_read()
    assert_same(frames(folder), expected)
    assert n_read() == 0
    assert set(expected[0]["network_a"]) == set(map(table_name, HOSTILE))
    assert set(find_sweep(folder).notes) == {f"{text} (1 of 8 jobs)" for text in HOSTILE}


def test_where_no_index_can_be_kept_the_records_are_read_in_silence(write_sweep, n_read):
    folder = write_sweep(records())
    (folder / "analysis").write_text("a file, where a folder should be")
    expected = frames(folder)
    n_read()
    assert_same(frames(folder), expected)
    assert n_read() == 16
    assert {path.name for path in folder.iterdir()} == {"analysis", "r0", "r1", "r2", "r3"}


def test_a_sweep_without_rows_has_an_index_too(write_sweep, n_read):
    bare = [make_record(f"r{k}", seed=k) | {"runs": [], "curves": [], "layers": []} for k in range(3)]
    folder = write_sweep(bare)
    expected = without_index(folder)
    load_runs(folder)
    n_read()
    assert_same(frames(folder), expected)
    assert n_read() == 0


def test_an_empty_index_is_one(tmp_path):
    save_index(tmp_path / "index", {})
    assert load_index(tmp_path / "index") == {}


def test_two_processes_write_the_index_at_once(write_sweep):
    folder = write_sweep(records())
    expected = without_index(folder)
    code = f"""
import pathlib
from multirun_analysis.frames import discovery
from multirun_analysis.records import index
discovery.MANY, index.SETTLED = 2, -10**18
path = pathlib.Path({str(folder)!r})
for turn in range(40):
    assert len(discovery.find_sweep(path).records) == 4
    (path / discovery.INDEX).unlink(missing_ok=True)
discovery.find_sweep(path)
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in both] == ["", ""]
    assert [process.returncode for process in both] == [0, 0]
    assert len(load_index(folder / INDEX)) in (0, 4)  # 0: the other one took it away
    assert {path.name for path in (folder / "analysis").iterdir()} <= {INDEX.name}
    assert_same(frames(folder), expected)


def test_test_blocks_come_out_of_the_index_as_they_went_in(write_sweep, n_read):
    folder = write_sweep([with_blocks(record) if record["run_id"] != "r1" else record for record in records()])
    expected = load_blocks(folder)
    assert n_read() == 4
    pd.testing.assert_series_equal(load_blocks(folder), expected)
    assert n_read() == 0
    assert expected.notna().sum() == 3 * 2
