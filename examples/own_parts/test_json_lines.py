"""`json_lines`: a line for each job, once, with all that is logged of it."""

import json
from dataclasses import replace
from pathlib import Path

from lmc_sweeps import loggers
from lmc_sweeps.loggers.logged_job import LoggedJob

JOB = LoggedJob("a", "width=8", "ok", {"width": 8}, {"test/loss_barrier/weights/none/pair_0_1": 0.25}, {})


def test_a_job_has_one_line_until_it_is_added_to(tmp_path: Path) -> None:
    logger, other = loggers.choices()["json_lines"](), replace(JOB, run_id="b")
    assert [logger.log(jobs, tmp_path) for jobs in ([JOB], [JOB, other], [JOB, other])] == [1, 1, 0]
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert lines == [
        {"digest": job.digest, "run_id": job.run_id, "width": 8, "test/loss_barrier/weights/none/pair_0_1": 0.25} for job in (JOB, other)
    ]
    assert logger.log([replace(JOB, results={})], tmp_path) == 1
