"""The settings of the cluster launcher: what each task may use, and how jobs are divided into tasks."""

import importlib.util
import shutil
from dataclasses import dataclass, field, fields
from typing import Any

from lmc_sweeps.common import checks
from lmc_sweeps.common.checks import InputError

KEY = "hydra.launcher"
CLUSTERS = ("slurm", "local")
PROGRAMS = ("sbatch", "srun", "squeue")


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """The settings of ``conf/hydra/launcher/slurm.yaml``, checked."""

    cluster: str = "slurm"
    networks_per_task: int | None = None
    least_minutes: float = 1.0
    array_parallelism: int | None = None
    timeout_min: int = 120
    signal_delay_s: int = 90
    max_num_timeout: int = 20
    cpus_per_task: int = 2
    mem_gb: float | None = 8.0
    gpus_per_node: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    setup: tuple[str, ...] = ()
    additional_parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.one_of(f"{KEY}.cluster", self.cluster, CLUSTERS)
        for key in ("networks_per_task", "array_parallelism", "gpus_per_node"):
            if getattr(self, key) is not None:
                checks.integer(f"{KEY}.{key}", getattr(self, key))
        for key, least in (("timeout_min", 1), ("signal_delay_s", 1), ("max_num_timeout", 0), ("cpus_per_task", 1)):
            checks.integer(f"{KEY}.{key}", getattr(self, key), least=least)
        checks.number(f"{KEY}.least_minutes", self.least_minutes, least=0.0)
        if self.mem_gb is not None:
            checks.number(f"{KEY}.mem_gb", self.mem_gb, above=0.0)
        for key in ("partition", "account", "qos"):
            if not (getattr(self, key) is None or isinstance(getattr(self, key), str)):
                raise InputError(f"`{KEY}.{key}` must be a name that your cluster knows, or null, got {getattr(self, key)!r}.")
        if not all(isinstance(line, str) for line in self.setup):
            raise InputError(f"`{KEY}.setup` must be a list of lines of shell, got {list(self.setup)!r}.")
        if 60 * self.timeout_min < 2 * self.signal_delay_s:
            raise InputError(
                f"`{KEY}.timeout_min` must leave a task time to work before its stop signal: at least twice `{KEY}.signal_delay_s` "
                f"({self.signal_delay_s} s), got {self.timeout_min} min. Raise the one or lower the other."
            )

    @classmethod
    def from_config(cls, values: dict[str, Any]) -> "ClusterSettings":
        """Return the settings that a config has.

        Raises
        ------
        InputError
            If a key is unknown, or a value breaks a rule.
        """
        checks.known_keys(KEY, values, [setting.name for setting in fields(cls)])
        setup, more = values.get("setup"), values.get("additional_parameters")
        if not (setup is None or isinstance(setup, list | tuple)):
            raise InputError(f"`{KEY}.setup` must be a list of lines of shell, got {setup!r}.")
        if not (more is None or isinstance(more, dict)):
            raise InputError(f"`{KEY}.additional_parameters` must be a mapping of sbatch's own parameters, got {more!r}.")
        return cls(**{**values, "setup": tuple(setup or ()), "additional_parameters": dict(more or {})})

    def check_programs(self) -> None:
        """Raise `InputError` if what is needed to submit tasks is not installed here."""
        if importlib.util.find_spec("submitit") is None:
            raise InputError("`hydra/launcher=slurm` needs submitit: pip install 'lmc-sweeps[slurm]'")
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if self.cluster == "slurm" and missing:
            raise InputError(
                f"`{KEY}.cluster` slurm needs Slurm's {', '.join(missing)} on this machine's PATH; run the command where you run sbatch, "
                f"or try it out on this machine with {KEY}.cluster=local."
            )
