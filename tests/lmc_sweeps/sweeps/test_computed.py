"""What a config computes from other keys, and what it only seems to."""

import pytest

from lmc_sweeps.sweeps.computed import computed_keys


def config(**changes):
    parts = {
        "seed": 0,
        "width": 8,
        "points": 25,
        "dataset": {"name": "d", "seed": 1, "root": "/"},
        "training": {"epochs": 2, "steps": 3, "sizes": [1]},
    }
    return {**parts, **{key: {**parts[key], **value} if isinstance(value, dict) else value for key, value in changes.items()}}


@pytest.mark.parametrize(
    ("value", "expression", "keys"),
    [
        ("${seed}", "${seed}", ["seed"]),
        ("${ seed }", "${seed}", ["seed"]),
        ("${dataset.seed}", "${dataset.seed}", ["dataset.seed"]),
        ("${dataset[seed]}", "${dataset.seed}", ["dataset.seed"]),
        ("${.steps}", "${training.steps}", ["training.steps"]),
        ("${..seed}", "${seed}", ["seed"]),
        ("${times:${seed},2}", "${times:${seed},2}", ["seed"]),
        ("${times:${seed},${width}}", "${times:${seed},${width}}", ["seed", "width"]),
        ("a${seed}b", "a${seed}b", ["seed"]),
        ("${oc.decode:${seed}}", "${oc.decode:${seed}}", ["seed"]),
    ],
)
def test_a_key_that_is_computed_is_known_with_what_it_is_computed_from(value, expression, keys):
    assert computed_keys(config(training={"epochs": value})) == {"training.epochs": {"expression": expression, "keys": keys}}


def test_a_chain_is_followed_to_the_keys_that_were_set():
    computed = computed_keys(config(dataset={"seed": "${training.steps}"}, training={"steps": "${plus:${seed},${.epochs}}"}))
    how = {"expression": "${plus:${seed},${training.epochs}}", "keys": ["seed", "training.epochs"]}
    assert computed == {"dataset.seed": how, "training.steps": how}


@pytest.mark.parametrize(
    "value",
    [
        1, "seed", "$seed", ["${seed}"], None,  # no interpolation of its own
        "${oc.env:LR}", "${oc.env:LR,${seed}}", "${now:%S}", "${hydra:job.num}", "${oc.select:seed}", "${times:${oc.env:LR},${seed}}",
        "${times:2,3}", "${nowhere}", "${dataset}", "${training.sizes}", "${${seed}}", "${dataset.${seed}}", r"\${seed}", "${seed", "${.epochs}",
        "${....seed}", "${}", "${:}", "\0${seed}",
    ],
)  # fmt: skip
def test_what_depends_on_anything_else_or_cannot_be_told_is_set_by_hand(value):
    assert computed_keys(config(training={"epochs": value})) == {}


def test_a_circle_ends():
    assert computed_keys(config(training={"epochs": "${training.steps}", "steps": "${training.epochs}"})) == {}
