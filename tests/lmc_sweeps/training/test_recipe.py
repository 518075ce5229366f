"""Recipes of training: schedules of the learning rate, names that new fields leave alone, and settings that make no sense."""

import math

import numpy as np
import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.identity import identity_settings
from lmc_sweeps.training.recipe import Training


def test_what_recipes_have_grown_is_in_no_name_at_its_default():
    assert identity_settings(Training()) == identity_settings(Training(label_smoothing=0, augmentation="none", crop_padding=4))
    changed = identity_settings(Training(label_smoothing=0.1, augmentation="crop"))
    assert (changed["label_smoothing"], changed["augmentation"]) == (0.1, "crop")
    assert not changed.keys() - {"label_smoothing", "augmentation"} - identity_settings(Training()).keys()


def test_training_curves_are_in_no_name():
    assert identity_settings(Training(curve_epochs=2)) == identity_settings(Training())


@pytest.mark.parametrize(("epochs", "every"), [(0, 1), (1, 1), (5, 1), (5, 2), (6, 2), (5, 5), (5, 9), (5, None)])
def test_a_curve_has_the_first_and_the_last_epoch_and_every_nth_and_their_number_is_counted(epochs, every):
    training = Training(epochs=epochs, curve_epochs=every)
    expected = () if every is None else tuple(epoch for epoch in range(epochs + 1) if epoch % every == 0 or epoch == epochs)
    assert training.epochs_of_curve() == expected
    assert training.points_of_curve() == len(expected)


def test_a_constant_schedule_is_the_peak_at_every_step():
    np.testing.assert_array_equal(Training(schedule="constant").learning_rates(0.3, 5), [0.3] * 5)


def test_the_schedule_warms_up_linearly_to_the_peak_and_falls_by_a_cosine_to_zero():
    training = Training(schedule="warmup_cosine", warmup_steps=4, warmup_lr=0.1)
    # w = 4, S = 12: a line from 0.1 to 0.9, then 0.45 (1 + cos(pi k / 8)) for k = 0, ..., 7; at k = 8, after the last step, it is 0.
    angles = [1.0, math.cos(math.pi / 8), math.sqrt(0.5), math.sin(math.pi / 8)]
    cosines = [*angles, 0.0, *(-angle for angle in angles[:0:-1])]
    expected = [0.1, 0.3, 0.5, 0.7, *(0.45 * (1 + value) for value in cosines)]
    np.testing.assert_allclose(training.learning_rates(0.9, 12), expected, rtol=1e-12, atol=1e-15)


def test_the_last_rate_of_a_long_schedule_is_zero_up_to_its_second_order_in_one_step():
    rates = Training(schedule="warmup_cosine", warmup_steps=10, warmup_lr=1e-6).learning_rates(0.1, 6000)
    assert rates[0] == 1e-6
    assert rates[10] == rates.max() == 0.1
    np.testing.assert_allclose(rates[-1], 0.1 * (math.pi / (2 * 5990)) ** 2, rtol=1e-6)  # 1 + cos(pi - x) = x^2 / 2


@pytest.mark.parametrize(
    ("warmup_steps", "steps", "expected"),
    [(0, 2, [0.8, 0.4]), (3, 3, [0.2, 0.4, 0.6]), (6, 3, [0.2, 0.3, 0.4]), (2, 3, [0.2, 0.5, 0.8]), (0, 0, [])],
    ids=["no warm-up", "all warm-up", "cut short", "one step at the peak", "no steps"],
)
def test_schedules_at_their_limits(warmup_steps, steps, expected):
    training = Training(schedule="warmup_cosine", warmup_steps=warmup_steps, warmup_lr=0.2)
    np.testing.assert_allclose(training.learning_rates(0.8, steps), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, r"`training\.epochs` must be a non-negative integer, got -1\."),
        ({"epochs": 2.0}, r"`training\.epochs` must be a non-negative integer, got 2\.0\."),
        ({"epochs": True}, r"`training\.epochs` must be a non-negative integer, got True\."),
        ({"batch_size": 0}, r"`training\.batch_size` must be a positive integer, got 0\."),
        ({"batch_size": "all"}, r"`training\.batch_size` must be a positive integer, got 'all'\."),
        (
            {"schedule": "cosine"},
            r"`training\.schedule` must be one of constant, warmup_cosine, got 'cosine'\. Did you mean 'warmup_cosine'\?",
        ),
        ({"schedule": None}, r"`training\.schedule` must be one of constant, warmup_cosine, got None\."),
        ({"warmup_steps": -1}, r"`training\.warmup_steps` must be a non-negative integer, got -1\."),
        ({"warmup_lr": -1e-9}, r"`training\.warmup_lr` must be a finite number at least 0, got -1e-09\."),
        ({"label_smoothing": 1.0}, r"`training\.label_smoothing` must be a finite number at least 0 and below 1, got 1\.0\."),
        (
            {"augmentation": "crops"},
            r"`training\.augmentation` must be one of crop, crop_flip, flip, none, got 'crops'\. Did you mean 'crop'\?",
        ),
        ({"crop_padding": 0}, r"`training\.crop_padding` must be a positive integer, got 0\."),
        ({"curve_epochs": 0}, r"`training\.curve_epochs` must be a positive integer, got 0\."),
        ({"curve_epochs": "all"}, r"`training\.curve_epochs` must be a positive integer, got 'all'\."),
        ({"warmup_lr": float("nan")}, r"`training\.warmup_lr` must be a finite number at least 0, got nan\."),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Training(**changes)
