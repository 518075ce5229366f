"""`json_lines`: a line for each job in one file, with its settings and its results."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lmc_sweeps.common import checks
from lmc_sweeps.loggers.base import Logger
from lmc_sweeps.loggers.logged_job import LoggedJob


@dataclass(frozen=True, kw_only=True)
class JsonLines(Logger):
    """Add lines to a file in the sweep's folder."""

    name: ClassVar[str] = "json_lines"
    file: str = "results.jsonl"

    def __post_init__(self) -> None:
        checks.text("logger.json_lines.file", self.file)

    def target(self, folder: Path) -> str:
        return str(folder / self.file)

    def log(self, jobs: Sequence[LoggedJob], folder: Path) -> int:
        path = folder / self.file
        present = {json.loads(line)["digest"] for line in path.read_text().splitlines()} if path.is_file() else set()
        new = [job for job in jobs if job.digest not in present]
        with path.open("a") as lines:
            for job in new:
                lines.write(json.dumps({"digest": job.digest, "run_id": job.run_id, **job.settings, **job.results}) + "\n")
        return len(new)
