"""`expected.jsonl` and `commands.jsonl`: what others may have put into them stops no sweep."""

import json
import os

import pytest

from lmc_sweeps.sweeps.expected import conceal, labels, read_expected, write_command, write_expected
from multirun_analysis.schema import NO_REPAIR, sealed_line

GOOD = {
    "run_id": "r0",
    "job": "width=8",
    "n_pairs": 1,
    "matching": [{"matching": "weights", "settings_hash": "w0"}],
    "scope": {},
    "repair": [NO_REPAIR],
}


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe", b"[" * 100_000, b"[]", b"null", b"{}", sealed_line({}).encode(), sealed_line({"run_id": "r1", "matching": 1}).encode(),
        *(sealed_line({"run_id": "r1", "matching": [method]}).encode() for method in (None, {"settings_hash": {}})),
    ],
)  # fmt: skip
def test_a_line_that_is_no_job_is_left_out_and_jobs_can_be_added(tmp_path, line):
    (tmp_path / "expected.jsonl").write_bytes(line + b"\n" + sealed_line(GOOD).encode())
    assert read_expected(tmp_path) == [GOOD]
    assert labels(tmp_path) == {"r0": "[1/1] width=8"}
    write_expected(tmp_path, [{**GOOD, "run_id": "r2"}, {**GOOD, "matching": [{"matching": "identity", "settings_hash": "i1"}]}])
    assert [(job["run_id"], len(job["matching"])) for job in read_expected(tmp_path)] == [("r0", 2), ("r2", 1)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace('"n_pairs": 1', '"n_pairs": 3'),
        lambda line: json.dumps({key: value for key, value in json.loads(line).items() if key != "sha256"}),
        lambda line: json.dumps(json.loads(line) | {"sha256": None}),
        lambda line: line.replace('"sha256"', '"SHA256"'),
    ],
    ids=["changed", "without a seal", "with no seal in its place", "with a seal of another name"],
)
def test_a_line_without_a_seal_that_fits_is_said_and_never_sealed_anew(tmp_path, caplog, spoil):
    write_expected(tmp_path, [{**GOOD, "run_id": "r1"}, GOOD])
    path = tmp_path / "expected.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(f"{spoil(first)}\n{second}\n")
    assert read_expected(tmp_path) == [GOOD]
    write_expected(tmp_path, [{**GOOD, "run_id": "r2"}])
    assert f"{path} has 1 lines that cannot be read, have no seal or were changed; they are left out." in caplog.messages
    assert read_expected(tmp_path) == [GOOD, {**GOOD, "run_id": "r2"}]
    assert len(path.read_text().splitlines()) == 2
    write_expected(tmp_path, [{**GOOD, "run_id": "r1"}])  # asked for again
    assert [job["run_id"] for job in read_expected(tmp_path)] == ["r0", "r2", "r1"]


def test_names_of_earlier_versions_are_those_of_now(tmp_path):
    (tmp_path / "expected.jsonl").write_text(sealed_line({**GOOD, "run_id": "8250e2414376239c"}))
    write_expected(tmp_path, [{**GOOD, "run_id": "x8250e2414376239c"}])
    assert [entry["run_id"] for entry in read_expected(tmp_path)] == ["x8250e2414376239c"]


@pytest.mark.parametrize("key", ["+hydra.job.env_set.X", "++hydra.job.env_set.X", "+dataset.token", "--password"])
def test_a_secret_that_was_typed_is_not_written_down(tmp_path, monkeypatch, key):
    monkeypatch.setattr("sys.argv", ["lmc_sweeps/__main__.py", "width=8", f"{key}=s3cr3t", "-m"])
    write_command(tmp_path)
    text = (tmp_path / "commands.jsonl").read_text()
    assert json.loads(text)["command"] == f"python -m lmc_sweeps width=8 '{key}=***' -m"
    assert "s3cr3t" not in text


def test_secrets_in_what_hydra_writes_are_masked_and_the_rest_stays(tmp_path):
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "hydra.yaml").write_text("hydra:\n  job:\n    env_set:\n      X: s3cr3t\n    num: 1\n")
    (tmp_path / ".hydra" / "overrides.yaml").write_text("- width=8\n")
    before = (tmp_path / ".hydra" / "overrides.yaml").stat().st_mtime_ns
    conceal(tmp_path)
    assert (tmp_path / ".hydra" / "hydra.yaml").read_text() == "hydra:\n  job:\n    env_set:\n      X: '***'\n    num: 1\n"
    assert (tmp_path / ".hydra" / "overrides.yaml").stat().st_mtime_ns == before


def test_commands_that_are_no_text_are_kept_as_they_are(tmp_path):
    (tmp_path / "commands.jsonl").write_bytes(b"\xff\xfe\n")
    write_command(tmp_path)
    first, second = (tmp_path / "commands.jsonl").read_bytes().splitlines()
    assert first == b"\xff\xfe"
    assert json.loads(second)["command"].startswith("python -m lmc_sweeps")


def a_pipe(path):
    os.mkfifo(path)


def a_device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [a_pipe, a_device])
def test_what_is_no_file_in_their_place_is_said_and_replaced(tmp_path, caplog, make):
    for name in ("expected.jsonl", ".expected.jsonl.lock", "commands.jsonl", ".commands.jsonl.lock"):
        make(tmp_path / name)
    assert (read_expected(tmp_path), labels(tmp_path)) == ([], {})
    assert "expected.jsonl cannot be read (" in caplog.text
    write_expected(tmp_path, [GOOD])
    write_command(tmp_path)
    assert read_expected(tmp_path) == [GOOD]
    assert (tmp_path / "commands.jsonl").read_text().startswith('{"command": "python -m lmc_sweeps')
    assert "commands.jsonl cannot be read (" in caplog.text
