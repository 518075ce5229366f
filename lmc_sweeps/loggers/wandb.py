"""`wandb`: a run of Weights & Biases for each job, written to disk; ``wandb sync`` sends it, ``mode: online`` at once."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lmc_sweeps.common import checks
from lmc_sweeps.loggers.base import Logger
from lmc_sweeps.loggers.logged_job import LoggedJob

DIGEST = "lmc_sweeps_digest"  # the file, in the folder of a run, that says that it is whole


@dataclass(frozen=True, kw_only=True)
class WeightsAndBiases(Logger):
    """Log training curves over ``epoch``, results as the summary of a run, and settings as its config; its id is the job's name.

    Parameters
    ----------
    project : str
    entity : str or None
        User or team; None: the account's own.
    group : str or None
        Of the runs; None: the name of the sweep's folder.
    mode : str
        ``offline`` or ``online``.
    """

    name: ClassVar[str] = "wandb"
    packages: ClassVar[tuple[str, ...]] = ("wandb",)
    project: str = "lmc_sweeps"
    entity: str | None = None
    group: str | None = None
    mode: str = "offline"

    def __post_init__(self) -> None:
        checks.text("logger.wandb.project", self.project)
        for key in ("entity", "group"):
            if getattr(self, key) is not None:
                checks.text(f"logger.wandb.{key}", getattr(self, key))
        checks.one_of("logger.wandb.mode", self.mode, ("offline", "online"))

    def target(self, folder: Path) -> str:
        return str(folder / "wandb")

    def log(self, jobs: Sequence[LoggedJob], folder: Path) -> int:
        earlier = {job.run_id: [path for path in (folder / "wandb").glob(f"*run-*-{job.run_id}") if path.is_dir()] for job in jobs}
        new = [job for job in jobs if not any(_digest(path) == job.digest for path in earlier[job.run_id])]
        if not new:
            return 0
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when it is imported, and by its process
        import wandb

        for path in [path for job in new for path in earlier[job.run_id]]:
            shutil.rmtree(path)  # all that is in it will be in the new one, of the same id
        try:
            folders = [self._write(job, folder.absolute()) for job in new]
        finally:
            wandb.teardown()  # only when its process has ended are the files whole
        for job, path in zip(new, folders, strict=True):
            (path / DIGEST).write_text(job.digest)
        return len(new)

    def _write(self, job: LoggedJob, folder: Path) -> Path:
        """Write a run, and return its folder."""
        import wandb

        settings = wandb.Settings(
            mode=self.mode,
            root_dir=str(folder),
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            save_code=False,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_disable_meta=True,
        )
        config: dict[str, Any] = {**job.settings, "run_id": job.run_id, "status": job.status}
        with wandb.init(
            project=self.project,
            entity=self.entity,
            group=self.group or folder.name,
            id=job.run_id,
            name=job.title,
            resume="allow" if self.mode == "online" else None,
            config=config,
            settings=settings,
        ) as run:
            run.define_metric("epoch", hidden=True)
            run.define_metric("training/*", step_metric="epoch")
            for epoch, values in job.curves_by_epoch().items():
                run.log({"epoch": epoch, **values})
            run.summary.update(dict(job.results))
            return Path(run.dir).parent


def _digest(folder: Path) -> str | None:
    path = folder / DIGEST
    return path.read_text() if path.is_file() else None
