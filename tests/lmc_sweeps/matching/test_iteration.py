"""The loop of iterative methods: it ends when a step changes nothing, or at its limit."""

from lmc_sweeps.matching.iteration import Best, iterate


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
    assert (iteration.state, iteration.least, iteration.best, iteration.steps) == (4, 1, 2, 5)
    assert iteration.objective == tuple(values[:5])
    assert not iteration.is_done


def test_without_an_objective_none_is_noted() -> None:
    iteration = iterate(20, lambda n: n // 2, lambda before, after: before == after, 100)
    assert (iteration.state, iteration.steps, iteration.objective, iteration.is_done) == (0, 6, (), True)


def test_the_best_is_the_first_of_the_lowest_scores_and_no_number_that_is_none() -> None:
    best = Best("start", 2.0)
    for step, (state, score) in enumerate(
        [("worse", 3.0), ("a", 1.0), ("b", 1.0), ("none", float("nan")), ("endless", float("inf"))], start=1
    ):
        best = best.or_better(state, score, step)
    assert best == Best("a", 1.0, 2)
    assert Best("start", float("inf")).or_better("first", 5.0) == Best("first", 5.0)
