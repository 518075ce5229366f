"""`expected.jsonl` and `commands.jsonl`: what others may have put into them stops no sweep."""

import json

import pytest

from lmc_sweeps.expected import labels, read_expected, write_command, write_expected

GOOD = {"run_id": "r0", "job": "width=8", "n_pairs": 1, "matching": [{"matching": "weights", "settings_hash": "w0"}], "scope": {}}


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe", b"[" * 100_000, b"[]", b"null", b"{}", b'{"run_id": "r1", "matching": [null]}', b'{"run_id": "r1", "matching": 1}',
        b'{"run_id": "r1", "matching": [{"settings_hash": {}}]}',
    ],
)  # fmt: skip
def test_a_line_that_is_no_job_is_left_out_and_jobs_can_be_added(tmp_path, line):
    (tmp_path / "expected.jsonl").write_bytes(line + b"\n" + json.dumps(GOOD).encode() + b"\n")
    assert read_expected(tmp_path) == [GOOD]
    assert labels(tmp_path) == {"r0": "[1/1] width=8"}
    write_expected(tmp_path, [{**GOOD, "run_id": "r2"}, {**GOOD, "matching": [{"matching": "identity", "settings_hash": "i1"}]}])
    assert [(job["run_id"], len(job["matching"])) for job in read_expected(tmp_path)] == [("r0", 2), ("r2", 1)]


def test_commands_that_are_no_text_are_kept_as_they_are(tmp_path):
    (tmp_path / "commands.jsonl").write_bytes(b"\xff\xfe\n")
    write_command(tmp_path)
    first, second = (tmp_path / "commands.jsonl").read_bytes().splitlines()
    assert first == b"\xff\xfe"
    assert json.loads(second)["command"].startswith("python -m lmc_sweeps")
