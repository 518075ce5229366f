"""Which interval for a mean: its kind, its level, and for bootstraps the number of resamples and their seed."""

import math
from dataclasses import dataclass

from multirun_analysis.checks import InputError, nearest

LEVEL = 0.95
KINDS = ("log", "t", "bootstrap", "bca")
FEWEST_TO_RESAMPLE = (
    20  # pairs; with fewer, bootstraps cover far less than they say (measured in tests/multirun_analysis/stats/test_intervals.py)
)

LEAST_LEVEL, MOST_LEVEL = 0.01, 0.999999  # beyond them an interval is a point, or everything
FEWEST_RESAMPLES, MOST_RESAMPLES = 100, 1_000_000
ROUNDING = 1e-6  # of the number of resamples that a level needs


@dataclass(frozen=True)
class IntervalChoice:
    """The interval that is asked for.

    Parameters
    ----------
    kind : str
        ``log``: on the log scale for measures that cannot be negative (`multirun_analysis.stats.positive`), Student's for signed ones.
        ``t``: Student's for all. For cells of 20 and more independent pairs ``bootstrap`` (percentiles) or ``bca`` (bias-corrected and
        accelerated, Efron 1987); smaller cells have what ``log`` gives, which says so. Where pairs share networks the kind is what
        `summarise` says.
    level : float
        From 0.01 to 0.999999.
    resamples : int
        From 100 to 1,000,000, and so many that one lies beyond each end of the interval.
    seed : int
        Of the resampling: equal tables come out of equal records.

    Raises
    ------
    InputError
    """

    kind: str = "log"
    level: float = LEVEL
    resamples: int = 9999
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"`--interval` must be one of {', '.join(KINDS)}, got {self.kind!r}.{nearest(self.kind, KINDS)}")
        if not LEAST_LEVEL <= self.level <= MOST_LEVEL:
            raise InputError(f"`--level` must lie between {LEAST_LEVEL:g} and {MOST_LEVEL:.6f}, got {self.level!r}.")
        if not FEWEST_RESAMPLES <= self.resamples <= MOST_RESAMPLES:
            raise InputError(f"`--resamples` must be an integer from {FEWEST_RESAMPLES} to {MOST_RESAMPLES:,}, got {self.resamples!r}.")
        if self.is_bootstrap and self.resamples * (1 - self.level) < 2 - ROUNDING:
            least = math.ceil(2 / (1 - self.level) - ROUNDING)
            raise InputError(
                f"`--resamples` must be at least {least:,} for `--level` {self.level:.12g}, one beyond each end, got {self.resamples!r}."
            )
        if self.seed < 0:
            raise InputError(f"`--resampling-seed` must be an integer of at least 0, got {self.seed!r}.")

    @property
    def is_bootstrap(self) -> bool:
        """Whether a bootstrap is asked for."""
        return self.kind in ("bootstrap", "bca")

    def resampled(self, n: int) -> bool:
        """Return whether a cell of n independent pairs is resampled."""
        return self.is_bootstrap and n >= FEWEST_TO_RESAMPLE

    def shortage(self, n: int, unit: str = "pairs") -> str:
        """Return what the name of an interval says where a bootstrap was asked for and n are too few for it; else nothing."""
        return "" if not self.is_bootstrap or self.resampled(n) else f" (fewer than {FEWEST_TO_RESAMPLE} {unit}: no {self.kind})"

    def named(self, kind: str) -> str:
        """Return a kind of interval with the level."""
        return f"{kind}, {100 * self.level:.12g}%"


DEFAULT = IntervalChoice()
