"""`sinkhorn`: planted permutations, scores that are those of the permutations, and a best one that is never worse than the start."""

import numpy as np
import pytest
from loss_problems import chains
from small_chains import apart, chain, moved, problem_of

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.base import LOCAL, NOT_CONVERGED, MatchingResult
from lmc_sweeps.matching.sinkhorn import Sinkhorn


def same(one: MatchingResult, other: MatchingResult) -> bool:
    orders = one.permutations
    return one.objective == other.objective and all(np.array_equal(orders[group], other.permutations[group]) for group in orders)


@pytest.mark.parametrize("sizes", [(20, 32, 10), (12, 12, 12, 10)])
@pytest.mark.parametrize("seed", range(2))
def test_planted_permutations_of_plain_networks_are_recovered(sizes: tuple[int, ...], seed: int) -> None:
    axes, a = chain(sizes, seed)
    rng = np.random.default_rng(seed)
    planted = {f"h{k}": rng.permutation(sizes[k]) for k in range(1, len(sizes) - 1)}
    result = Sinkhorn(loss="weights", patience=3)(problem_of(axes, a, moved(axes, a, planted)))
    for group, order in planted.items():
        np.testing.assert_array_equal(order[result.permutations[group]], np.arange(len(order)))
    assert (min(result.objective), result.status) == (0, LOCAL)
    assert result.statistics["soft_loss"][-1] < 1e-2 * result.statistics["soft_loss"][0]


@pytest.mark.parametrize("seed", range(2))
def test_the_best_permutations_are_never_worse_than_the_start_and_their_score_is_the_squared_distance(seed: int) -> None:
    axes, a = chain((4, 9, 9, 3), seed)
    _, b = chain((4, 9, 9, 3), 100 + seed)
    result = Sinkhorn(loss="weights", epochs=10)(problem_of(axes, a, b))
    best = apart(a, moved(axes, b, result.permutations))
    np.testing.assert_allclose([result.objective[0], result.statistics["best_score"]], [apart(a, b), best], rtol=1e-12)
    assert result.statistics["best_score"] == min(result.objective) == result.objective[result.statistics["best_epoch"]]
    assert best <= result.objective[0]
    assert len(result.statistics["soft_loss"]) == len(result.objective) - 1


def test_of_two_equal_networks_it_moves_nothing() -> None:
    axes, a = chain((4, 9, 9, 3), 0)
    result = Sinkhorn(loss="weights", patience=2)(problem_of(axes, a, a))
    assert set(result.objective) == {0}
    for order in result.permutations.values():
        np.testing.assert_array_equal(order, np.arange(9))


@pytest.mark.parametrize("loss", ["weights", "midpoint"])
def test_the_same_generator_gives_the_same_search(loss: str) -> None:
    pair, method = chains(8), Sinkhorn(loss=loss, epochs=4, batch_size=20)
    assert same(method(pair.problem(5)), method(pair.problem(5)))


def test_it_has_converged_where_permutations_no_longer_change_and_has_not_where_they_do() -> None:
    axes, a = chain((4, 9, 3), 0)
    _, b = chain((4, 9, 3), 1)
    search = Sinkhorn(loss="weights", patience=3)(problem_of(axes, a, b))
    assert search.status == LOCAL
    assert len(set(search.objective[-4:])) == 1
    short = Sinkhorn(loss="weights", epochs=1)(problem_of(axes, a, b))
    assert (short.status, len(short.objective)) == (NOT_CONVERGED, 2)
    assert short.sentence == "the best of epoch 1 of 1; permutations still change"


@pytest.mark.parametrize("seed", range(2))
def test_the_score_of_the_midpoint_is_its_training_loss_and_falls(seed: int) -> None:
    pair = chains(8, seed=seed)
    result = Sinkhorn(epochs=8, batch_size=60)(pair.problem())
    np.testing.assert_allclose(result.objective[0], pair.midpoint_loss({}), rtol=1e-9)
    np.testing.assert_allclose(result.statistics["best_score"], pair.midpoint_loss(result.permutations), rtol=1e-9)
    assert result.statistics["best_score"] < result.objective[0]


def test_a_group_on_both_axes_of_one_tensor_is_scored_by_all_of_it() -> None:
    rng = np.random.default_rng(0)
    axes: dict[str, tuple[str | None, ...]] = {"u": ("h", None), "square": ("h", "h"), "v": (None, "h")}
    a, b = ({"u": rng.standard_normal((6, 1)), "square": rng.standard_normal((6, 6)), "v": rng.standard_normal((1, 6))} for _ in range(2))
    result = Sinkhorn(loss="weights", epochs=5)(problem_of(axes, a, b))
    np.testing.assert_allclose(result.statistics["best_score"], apart(a, moved(axes, b, result.permutations)), rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "weight"}, "`matching.sinkhorn.loss` must be one of midpoint, weights, got 'weight'. Did you mean 'weights'?"),
        ({"epochs": 0}, "`matching.sinkhorn.epochs` must be a positive integer, got 0."),
        ({"steps": 1.5}, "`matching.sinkhorn.steps` must be a positive integer, got 1.5."),
        ({"patience": True}, "`matching.sinkhorn.patience` must be a positive integer, got True."),
        ({"batch_size": -1}, "`matching.sinkhorn.batch_size` must be a positive integer, got -1."),
        ({"temperature": 0.0}, "`matching.sinkhorn.temperature` must be a finite number above 0, got 0.0."),
        ({"learning_rate": float("inf")}, "`matching.sinkhorn.learning_rate` must be a finite number above 0, got inf."),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        Sinkhorn(**settings)  # type: ignore[arg-type]
    assert str(error.value) == message
