"""The loop of every iterative method: its limit, and the trace of what it improves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True)
class Iteration(Generic[State]):
    """Where an iteration ended: its last state, after how many steps, the objective after each, and whether it was done or at its limit."""

    state: State
    steps: int
    objective: tuple[float, ...]
    is_done: bool


def iterate(
    start: State,
    step: Callable[[State], State],
    is_done: Callable[[State, State], bool],
    most: int,
    objective: Callable[[State], float] | None = None,
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
        Of a state; without one none is noted.
    """
    state, trace = start, []
    for number in range(1, most + 1):
        before, state = state, step(state)
        if objective is not None:
            trace.append(objective(state))
        if is_done(before, state):
            return Iteration(state, number, tuple(trace), True)
    return Iteration(state, most, tuple(trace), False)
