"""Which interval for a mean: its kind, its level, and for bootstraps the number of resamples and their seed."""

from dataclasses import dataclass

from multirun_analysis.checks import InputError, nearest
from multirun_analysis.stats.intervals import LEVEL

KINDS = ("t", "bootstrap", "bca")
FEWEST_TO_RESAMPLE = 20  # pairs; with fewer, bootstraps cover far less than they say (measured in tests/multirun_analysis/test_stats.py)


@dataclass(frozen=True)
class IntervalChoice:
    """The interval that is asked for.

    Parameters
    ----------
    kind : str
        ``t`` (Student's), or for cells of 20 and more independent pairs ``bootstrap`` (percentiles) or ``bca`` (bias-corrected and
        accelerated, Efron 1987); smaller cells have Student's. Where pairs share networks the kind is what `summarise` says.
    level : float
        Between 0 and 1.
    resamples : int
    seed : int
        Of the resampling: equal tables come out of equal records.

    Raises
    ------
    InputError
    """

    kind: str = "t"
    level: float = LEVEL
    resamples: int = 9999
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"`--interval` must be one of {', '.join(KINDS)}, got {self.kind!r}.{nearest(self.kind, KINDS)}")
        if not 0 < self.level < 1:
            raise InputError(f"`--level` must lie between 0 and 1, got {self.level!r}.")
        if self.resamples < 100:
            raise InputError(f"`--resamples` must be an integer of at least 100, got {self.resamples!r}.")
        if self.seed < 0:
            raise InputError(f"`--resampling-seed` must be an integer of at least 0, got {self.seed!r}.")

    def resampled(self, n: int) -> bool:
        """Return whether a cell of n independent pairs is resampled."""
        return self.kind != "t" and n >= FEWEST_TO_RESAMPLE

    def named(self, kind: str) -> str:
        """Return a kind of interval with the level."""
        return f"{kind}, {100 * self.level:g}%"


DEFAULT = IntervalChoice()
