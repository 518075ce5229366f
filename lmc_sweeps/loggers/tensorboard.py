"""`tensorboard`: a folder of events for each job, which ``tensorboard --logdir DIR`` shows."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lmc_sweeps.loggers.base import Logger
from lmc_sweeps.loggers.logged_job import LoggedJob

LONGEST = 100  # letters of a label in the name of a folder


@dataclass(frozen=True, kw_only=True)
class TensorBoard(Logger):
    """Write training curves by epoch, results at step 0, and results beside settings under HPARAMS; numbers are rounded to float32."""

    name: ClassVar[str] = "tensorboard"
    packages: ClassVar[tuple[str, ...]] = ("tensorboard",)

    def target(self, folder: Path) -> str:
        return str(folder / "tensorboard")

    def log(self, jobs: Sequence[LoggedJob], folder: Path) -> int:
        target, count = folder / "tensorboard", 0
        for job in jobs:
            earlier = [path for path in target.glob(f"*{job.run_id}") if path.is_dir()]
            if not any(event.name.endswith(job.digest) for path in earlier for event in path.iterdir()):
                unfinished = target / f"{job.run_id}.part"  # a folder that was left half written
                shutil.rmtree(unfinished, ignore_errors=True)
                _write(job, unfinished)
                for path in earlier:
                    shutil.rmtree(path)
                unfinished.rename(target / _folder_name(job))
                count += 1
        return count


def _folder_name(job: LoggedJob) -> str:
    """Return the name that TensorBoard shows of a job."""
    label = re.sub(r"[^\w.=,+-]+", "_", job.label, flags=re.ASCII)[:LONGEST]
    return f"{label}_{job.run_id}" if label else job.run_id


def _write(job: LoggedJob, folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    with SummaryWriter(str(folder), filename_suffix=f".{job.digest}") as writer:
        # `add_hparams` would write the same into a folder of its own, and show it as another run.
        for summary in hparams(_plain({**job.settings, "status": job.status}), dict(job.results)):
            writer.file_writer.add_summary(summary)
        for name, points in job.curves.items():
            for epoch, value in points:
                writer.add_scalar(name, value, epoch)
        for name, value in job.results.items():
            writer.add_scalar(name, value, 0)


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of the types that TensorBoard has."""
    return {key: value if isinstance(value, bool | int | float | str) else str(value) for key, value in settings.items()}
