"""The loop of iterative methods: it ends when a step changes nothing, or at its limit."""

from lmc_sweeps.matching.iteration import iterate


def halved(most: int) -> tuple[int, tuple[float, ...], bool, int]:
    iteration = iterate(20, lambda n: n // 2, lambda before, after: before == after, most, float)
    return iteration.state, iteration.objective, iteration.is_done, iteration.steps


def test_it_ends_with_the_step_that_changes_nothing() -> None:
    assert halved(100) == (0, (10.0, 5.0, 2.0, 1.0, 0.0, 0.0), True, 6)


def test_at_its_limit_it_says_that_it_was_not_done() -> None:
    assert halved(5) == (0, (10.0, 5.0, 2.0, 1.0, 0.0), False, 5)
    assert halved(2) == (5, (10.0, 5.0), False, 2)


def test_without_an_end_it_stops_some_steps_after_the_least_objective_and_returns_that_state() -> None:
    values = [9.0, 4.0, 6.0, 4.0 * (1 - 1e-12), 5.0, 1.0]
    iteration = iterate(-1, lambda k: k + 1, lambda before, after: False, 6, values.__getitem__, patience=3)
    assert (iteration.state, iteration.best, iteration.steps, iteration.objective) == (1, 2, 5, tuple(values[:5]))
    assert not iteration.is_done


def test_without_an_objective_none_is_noted() -> None:
    iteration = iterate(20, lambda n: n // 2, lambda before, after: before == after, 100)
    assert (iteration.state, iteration.steps, iteration.objective, iteration.is_done) == (0, 6, (), True)
