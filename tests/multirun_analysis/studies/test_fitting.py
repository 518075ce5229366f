"""A study that does not fit the sweep: one true sentence."""

import re
from itertools import product

import pytest
from analysis_sweeps import make_record

from multirun_analysis.checks import InputError
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.studies import choices
from multirun_analysis.studies.fitting import check_keys
from multirun_analysis.studies.writing import write_study


@pytest.mark.parametrize(
    ("study", "scopes", "message"),
    [
        (
            "paper_figure2",
            [{}],
            "the study paper_figure2 needs several values of optimizer.lr, depth 3, "
            "optimizer.lr 0.0001 or 0.000398107 or 0.00158489 or 0.00630957 or 0.0251189 or 0.1, "
            "the methods identity, weights, covariance, activations; "
            "these sweeps have optimizer.lr 0.05, depth 1, the methods identity, weights.",
        ),
        ("width_mnist", [{}], "the study width_mnist needs several values of width; these sweeps have width 8."),
        ("depth_mnist", [{}], "the study depth_mnist needs several values of depth; these sweeps have depth 1."),
        (
            "mean_field",
            [{"width": 8}, {"width": 16}],
            "the study mean_field needs model mean_field; these sweeps have model mlp.",
        ),
        (
            "gaussian_init",
            [{"width": 8}, {"width": 16}],
            "the study gaussian_init needs several values of dataset.ambient_dimension, several values of model.initialisation, "
            "model.initialisation gaussian or uniform; "
            "these sweeps have no dataset.ambient_dimension, no model.initialisation.",
        ),
        (
            "gaussian_init_depth",
            [{"depth": 1}, {"depth": 2}],
            "the study gaussian_init_depth needs several values of width; these sweeps have width 8.",
        ),
        (
            "low_dimension",
            [{"model.intrinsic_dimension": k, "width": w, "model.noise": 0.1} for k in (1, 2) for w in (8, 16)],
            "the study low_dimension needs several values of model.noise, dataset.ambient_dimension 50; "
            "these sweeps have model.noise 0.1, no dataset.ambient_dimension.",
        ),
        (
            "low_dimension_trained",
            [{"dataset.intrinsic_dimension": k, "width": w} for k in (1, 2) for w in (8, 16)],
            "the study low_dimension_trained needs the methods identity, covariance; these sweeps have the methods identity, weights.",
        ),
        (
            "depth_mnist",
            [{"depth": d, "optimizer.lr": lr} for d in (1, 2) for lr in (0.1, 0.2)],
            "the study depth_mnist would take means over different values of optimizer.lr; name sweeps in which it has one.",
        ),
    ],
)
def test_a_study_that_does_not_fit_says_what_it_needs_and_what_there_is_and_writes_nothing(write_sweep, tmp_path, study, scopes, message):
    folder = write_sweep([make_record(f"r{k}{seed}", seed=seed, **scope) for k, scope in enumerate(scopes) for seed in (0, 1)])
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        write_study(study, [folder], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_diverged_is_not_what_a_sweep_has(write_sweep, tmp_path):
    records = [make_record(f"r{w}", width=w, status="ok" if w == 8 else "diverged") for w in (8, 16)]
    with pytest.raises(InputError, match=r"needs several values of width; these sweeps have width 8\.$"):
        write_study("width_mnist", [write_sweep(records)], tmp_path / "out")


def sweep_of(write_sweep, name="sweep", **scopes):
    """Return the folder of a sweep of two widths and two seeds, over one list of values of each further key."""
    keys, values = list(scopes), list(scopes.values())
    records = [
        make_record(
            f"r{width}{seed}{combination}", width=width, seed=seed, barrier=0.1 / width, **dict(zip(keys, combination, strict=True))
        )
        for width in (8, 16)
        for seed in (0, 1)
        for combination in product(*values)
    ]
    return write_sweep(records, name=name)


@pytest.mark.parametrize(
    ("study", "scopes", "message"),
    [
        ("depth_mnist", {"optimizer.lr": [0.1, 0.01]}, "the study depth_mnist would take means over different values of optimizer.lr"),
        (
            "gaussian_init",
            {"model.initialisation": ["gaussian", "uniform"]},
            "the study gaussian_init needs several values of dataset.ambient_dimension; these sweeps have no",
        ),
        (
            "depth_mnist",
            {"dataset.fingerprint": ["aa", "bb"]},
            "the study depth_mnist would take means over different values of dataset.fingerprint",
        ),
        ("mean_field", {"depth": [1, 2]}, "the study mean_field would take means over different values of depth"),
        ("paper_figure2", {"optimizer.lr": [0.1, 0.01]}, "the study paper_figure2 would take means over different values of width"),
    ],
)
def test_a_study_takes_no_mean_over_keys_that_it_knows_nothing_of(write_sweep, tmp_path, study, scopes, message):
    with pytest.raises(InputError, match=f"^{message}"):
        write_study(study, [sweep_of(write_sweep, **scopes)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


RATES = {"vit": 0.001, "gpt": 0.0003}


@pytest.mark.parametrize("key", ["optimizer.lr", "width", "dataset"])
def test_other_keys_may_follow_those_that_a_study_keeps_apart(write_sweep, key):
    values = dict(zip(("vit", "gpt"), {"width": (8, 16), "dataset": ("mnist", "python_text")}.get(key, RATES.values()), strict=True))
    records = [make_record(f"{model}{seed}", model=model, seed=seed, **{key: values[model]}) for model in values for seed in (0, 1)]
    check_keys("transformers", choices()["transformers"], find_sweep([write_sweep(records)]))


@pytest.mark.parametrize("key", ["optimizer.lr", "width", "dataset"])
def test_keys_that_vary_within_what_a_study_keeps_apart_are_refused(write_sweep, key):
    values = {"width": (8, 16), "dataset": ("mnist", "digits")}.get(key, tuple(RATES.values()))
    records = [make_record(f"{model}{k}", model=model, seed=k, **{key: value}) for model in RATES for k, value in enumerate(values)]
    message = f"the study transformers would take means over different values of {key}; name sweeps in which it has one of model each."
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        check_keys("transformers", choices()["transformers"], find_sweep([write_sweep(records)]))


def test_a_study_of_diverged_jobs_has_nothing_to_show(write_sweep, tmp_path):
    records = [make_record(f"r{width}", width=width, status="diverged") for width in (8, 16)]
    with pytest.raises(InputError, match="nothing to show"):
        write_study("depth_mnist", [write_sweep(records)], tmp_path / "out")
