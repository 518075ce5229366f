"""The loop of every iterative method: its limit, and the trace of what it improves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True)
class Iteration(Generic[State]):
    """Where an iteration ended: its last state, the objective after every step, and whether it was done or had reached its limit."""

    state: State
    objective: tuple[float, ...]
    is_done: bool

    @property
    def steps(self) -> int:
        return len(self.objective)


def iterate(
    start: State, step: Callable[[State], State], is_done: Callable[[State, State], bool], objective: Callable[[State], float], most: int
) -> Iteration[State]:
    """Return where an iteration ends.

    Parameters
    ----------
    start : State
    step : callable
        From one state to the next.
    is_done : callable
        Of the states before and after a step: whether more steps would change nothing.
    objective : callable
        Of a state.
    most : int
        The largest number of steps.
    """
    state, trace = start, []
    for _ in range(most):
        before, state = state, step(state)
        trace.append(objective(state))
        if is_done(before, state):
            return Iteration(state, tuple(trace), True)
    return Iteration(state, tuple(trace), False)
