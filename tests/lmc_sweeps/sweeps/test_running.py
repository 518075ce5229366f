"""Running one job: its result in one line; a failure is written, recorded and raised again."""

import pytest
from small_tasks import task

from lmc_sweeps.jobs.records import read_record
from lmc_sweeps.sweeps import running
from lmc_sweeps.sweeps.expected import expected_entry, write_expected
from lmc_sweeps.sweeps.running import report_failure, run_alone, run_reported
from lmc_sweeps.sweeps.summary import job_line

JOB = task().job


def test_a_job_is_written_in_one_line_under_its_label(tmp_path):
    lines: list[str] = []
    record = run_reported(JOB, tmp_path, "[1/2] seed=0", lines.append)
    assert lines == [f"[1/2] seed=0 {job_line(record)}"]
    assert read_record(tmp_path)["status"] == "ok"


def test_a_job_alone_has_the_label_that_its_sweep_expects(tmp_path, capsys):
    write_expected(tmp_path, [expected_entry(JOB, "seed=0")])
    record = run_alone(JOB, tmp_path / JOB.run_id, tmp_path)
    assert f"[1/1] seed=0 {job_line(record)}" in capsys.readouterr().err.replace("\r", "\n").splitlines()


def test_a_failure_is_written_recorded_without_secrets_and_raised_again(tmp_path, monkeypatch):
    def fail(*arguments):
        raise MemoryError("no room for hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789")

    monkeypatch.setattr(running, "run_job", fail)
    lines: list[str] = []
    with pytest.raises(MemoryError):
        run_reported(JOB, tmp_path, "[1/2] seed=0", lines.append)
    (line,) = lines
    assert line.startswith("[1/2] seed=0 failed: MemoryError: no room for ")
    assert line.endswith(f"(see {tmp_path})")
    record = read_record(tmp_path)
    assert (record["status"], record["run_id"]) == ("failed", JOB.run_id)
    assert record["sentence"].startswith("MemoryError: no room for ")
    assert "hf_" not in record["sentence"]


def test_a_failure_that_cannot_be_recorded_hides_not_the_first_one(tmp_path):
    lines: list[str] = []
    (tmp_path / "file").touch()
    report_failure(JOB, tmp_path / "file", "[1/2]", ValueError("the first"), lines.append)
    assert lines == [f"[1/2] failed: ValueError: the first (see {tmp_path / 'file'})"]


def test_the_masking_of_what_hydra_wrote_comes_with_success_and_with_failure(tmp_path):
    for folder, run in (
        (tmp_path / "ok", lambda folder: run_reported(JOB, folder, "", lambda line: None)),
        (tmp_path / "failed", lambda folder: report_failure(JOB, folder, "", ValueError("x"), lambda line: None)),
    ):
        (folder / ".hydra").mkdir(parents=True)
        (folder / ".hydra" / "overrides.yaml").write_text("- dataset.token=s3cr3t\n")
        run(folder)
        assert "s3cr3t" not in (folder / ".hydra" / "overrides.yaml").read_text()
