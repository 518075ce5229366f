"""`learned_maps`: no worse than its start by its own score, maps of their kinds, and a gradient that leads down."""

import numpy as np
import pytest
import torch
from linear_pairs import examples, pair_of, problem_of

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.base import MatchingResult
from lmc_sweeps.matching.learned_maps import LearnedMaps
from lmc_sweeps.matching.procrustes import Procrustes
from lmc_sweeps.measuring.evaluation import evaluate, outputs_gap
from lmc_sweeps.measuring.lines import Pair
from lmc_sweeps.models.base import stacked
from lmc_sweeps.symmetry.head_maps import InHeads
from lmc_sweeps.symmetry.maps import Orthogonal, Permutation

KINDS = ["vit", "gpt", "mlp"]


def midpoint_loss(pair: Pair, result: MatchingResult, name: str) -> float:
    ends = pair.folded
    moved = ends.graph.apply(ends.b, result.maps)
    middle = {key: (ends.a[key] + tensor) / 2 for key, tensor in moved.items()}
    return float(evaluate(pair.architecture, stacked([middle]), examples(name), 24).loss[0])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("settings", [{"steps": 0}, {"steps": 5, "learning_rate": 0.0}], ids=str)
def test_without_steps_or_a_learning_rate_it_is_procrustes(name: str, settings: dict[str, float]) -> None:
    pair = pair_of(name)
    result, start = LearnedMaps(**settings)(problem_of(pair, name)), Procrustes()(problem_of(pair, name))
    one, other = (pair.folded.graph.apply(pair.folded.b, each.maps) for each in (result, start))
    for key, tensor in one.items():
        torch.testing.assert_close(tensor, other[key], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", KINDS)
def test_its_score_is_the_midpoints_training_loss_and_is_never_above_that_of_its_start(name: str) -> None:
    pair = pair_of(name)
    result = LearnedMaps(steps=40, batch_size=12, learning_rate=0.02)(problem_of(pair, name))
    assert result.statistics["loss"] == min(result.objective)
    assert result.statistics["loss"] == pytest.approx(midpoint_loss(pair, result, name), rel=1e-9)
    assert result.objective[0] == pytest.approx(midpoint_loss(pair, Procrustes()(problem_of(pair, name)), name), rel=1e-9)
    assert len(result.objective) == 11
    moved = pair.folded.graph.apply(pair.folded.b, result.maps)
    assert outputs_gap(pair.architecture, pair.b, moved, examples(name).inputs) < 1e-9


@pytest.mark.parametrize("name", ["vit", "gpt"])
def test_steps_along_the_gradient_lower_the_loss_of_rotations(name: str) -> None:
    result = LearnedMaps(steps=40, batch_size=24, learning_rate=0.02)(problem_of(pair_of(name), name))
    assert min(result.objective) < 0.99 * result.objective[0]


def test_maps_are_of_the_kind_of_their_group_and_streams_keep_the_vector_of_ones() -> None:
    pair = pair_of("vit")
    maps = LearnedMaps(steps=10, batch_size=12, learning_rate=0.05)(problem_of(pair, "vit")).maps
    for group, mapping in maps.items():
        linear = pair.folded.form.groups.get(group)
        assert isinstance(mapping, Permutation if linear is None else Orthogonal if linear.heads is None else InHeads)
    np.testing.assert_allclose(maps["patches"].matrix.sum(1), 1, atol=1e-9)


def test_it_is_the_same_whenever_it_is_run() -> None:
    first, again = (LearnedMaps(steps=10, batch_size=12)(problem_of(pair_of("gpt"), "gpt", seed=3)) for _ in range(2))
    assert first.objective == again.objective
    other = LearnedMaps(steps=10, batch_size=12)(problem_of(pair_of("gpt"), "gpt", seed=4))
    assert other.objective != first.objective


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "`matching.learned_maps.steps` must be a non-negative integer, got -1"),
        ({"batch_size": 0}, "`matching.learned_maps.batch_size` must be a positive integer, got 0"),
        ({"learning_rate": float("nan")}, "`matching.learned_maps.learning_rate` must be"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LearnedMaps(**settings)
