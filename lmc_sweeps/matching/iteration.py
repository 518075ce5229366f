"""The loop of every iterative method: its limits, and the trace of what it improves."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")
RESOLUTION = 1e-9  # of the objective: less is no improvement, so that rounding decides nothing


@dataclass(frozen=True)
class Iteration(Generic[State]):
    """Where an iteration ended.

    Parameters
    ----------
    state : State
        The last one.
    least : State
        That of the least objective.
    best : int
        The step which led to it.
    steps : int
    objective : tuple of float
        After every step; empty without an objective.
    is_done : bool
        Whether more steps would have changed nothing.
    """

    state: State
    least: State
    best: int
    steps: int
    objective: tuple[float, ...]
    is_done: bool


@dataclass(frozen=True)
class Best(Generic[State]):
    """What had the lowest score so far, its score, and the step which led to it; of equal ones the first."""

    state: State
    score: float
    step: int = 0

    def or_better(self, state: State, score: float, step: int = 0) -> "Best[State]":
        """Return what has the lower score; this one where the other's is not lower."""
        return Best(state, score, step) if score < self.score else self


def iterate(
    start: State,
    step: Callable[[State], State],
    is_done: Callable[[State, State], bool],
    most: int,
    objective: Callable[[State], float] | None = None,
    patience: int | None = None,
) -> Iteration[State]:
    """Return where an iteration ends.

    Parameters
    ----------
    start : State
    step : callable
        From one state to the next.
    is_done : callable
        Of the states before and after a step: whether more steps would change nothing.
    most : int
        The largest number of steps.
    objective : callable, optional
        Of a state, to be made small; not negative.
    patience : int, optional
        It stops after so many steps without a new least objective.
    """
    state, trace = start, []
    lowest, best, least = math.inf, 0, start
    for number in range(1, most + 1):
        before, state = state, step(state)
        if objective is not None:
            trace.append(objective(state))
        if objective is None or trace[-1] < lowest * (1 - RESOLUTION):
            lowest, best, least = trace[-1] if trace else math.inf, number, state
        if is_done(before, state):
            return Iteration(state, least, best, number, tuple(trace), True)
        if patience is not None and number - best >= patience:
            break
    return Iteration(state, least, best, number if most else 0, tuple(trace), False)
