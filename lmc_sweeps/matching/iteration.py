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
        The last one if the iteration was done, and otherwise that of the least objective.
    best : int
        The step which led to it.
    steps : int
    objective : tuple of float
        After every step; empty without an objective.
    is_done : bool
        Whether more steps would have changed nothing.
    """

    state: State
    best: int
    steps: int
    objective: tuple[float, ...]
    is_done: bool


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
    least, best, best_state = math.inf, 0, start
    for number in range(1, most + 1):
        before, state = state, step(state)
        if objective is not None:
            trace.append(objective(state))
        if objective is None or trace[-1] < least * (1 - RESOLUTION):
            least, best, best_state = trace[-1] if trace else math.inf, number, state
        if is_done(before, state):
            return Iteration(state, number, number, tuple(trace), True)
        if patience is not None and number - best >= patience:
            break
    return Iteration(best_state, best, number if most else 0, tuple(trace), False)
