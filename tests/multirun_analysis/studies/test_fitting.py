"""A study that does not fit the sweep, and an interval that its pairs do not allow: one true sentence each."""

import re

import numpy as np
import pytest
from analysis_sweeps import make_record

from multirun_analysis import barrier_vs_width, load_runs, studies
from multirun_analysis.__main__ import main
from multirun_analysis.checks import InputError
from multirun_analysis.report.report import write_report
from multirun_analysis.stats import resampling
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.studies.writing import write_study


def sweep(write_sweep, widths=(8, 16), **scope):
    return write_sweep([make_record(f"r{width}{seed}", width=width, seed=seed, **scope) for width in widths for seed in (0, 1)])


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
            "the study low_dimension needs several values of model.noise; these sweeps have model.noise 0.1.",
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


def test_a_table_that_cannot_be_made_is_said_before_anything_is_written(write_sweep, tmp_path, monkeypatch):
    study = studies.Study(tables={"fine": lambda frames: frames["runs"], "bad": lambda frames: frames["runs"][["nothing"]]})
    monkeypatch.setattr(studies, "choices", lambda: {"mine": study})
    with pytest.raises(InputError, match=r"^the study mine does not fit these sweeps: bad cannot be made of them \(KeyError: "):
        write_study("mine", [sweep(write_sweep)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_study_of_another_dataset_says_what_it_is_about(write_sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "choices", lambda: {"mine": studies.Study(dataset="mnist")})
    line = write_study("mine", [sweep(write_sweep)], tmp_path / "out")
    assert line.startswith("4 of 4 jobs; mine is about mnist, and says nothing of digits; tables")


@pytest.mark.parametrize(
    ("option", "value"), [("--interval", "bca"), ("--level", "0.9"), ("--resamples", "500"), ("--resampling-seed", "1"), ("--x", "depth"), ("--hue", "depth")]
)  # fmt: skip
def test_an_option_that_a_study_would_not_heed_is_refused(tmp_path, option, value):
    with pytest.raises(SystemExit, match=f"^`{option}` and `--study` exclude each other: a study has its own keys"):
        main([str(tmp_path), "--study", "width_mnist", option, value])


FEW = "Student's t over pairs (fewer than 20 pairs: no bootstrap), 95%"


def test_a_bootstrap_of_too_few_pairs_is_said_with_their_number_and_the_least_and_marked(write_sweep):
    report = write_report([sweep(write_sweep)], brief=True, choice=IntervalChoice("bootstrap"))
    assert (
        "note: `--interval bootstrap`: 64 of 64 rows of barrier_vs_width.csv have none: at least 20 pairs are needed, and they have 2. "
        "Their own kind of interval stands in the column interval."
    ) in report.notes
    assert FEW in report.heading
    assert FEW in (report.folder / "report.html").read_text().replace("&#39;", "'")


def test_the_interval_of_every_row_is_what_it_says(write_sweep):
    many = [make_record(f"m{seed}", seed=seed, barrier=0.1 + 0.01 * seed) for seed in range(20)]
    few = [make_record(f"f{seed}", seed=seed, width=16, barrier=0.1 + 0.01 * seed) for seed in range(19)]
    shared = [make_record("s", width=32, networks=4)]
    runs = load_runs(write_sweep([*many, *few, *shared]))
    table = barrier_vs_width(runs, choice=IntervalChoice("bca", resamples=200))
    rows = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["matching"] == "weights")].set_index("width")
    assert rows.loc[8, "interval"] == "BCa bootstrap over pairs, 95%"
    assert rows.loc[16, "interval"] == "Student's t over pairs (fewer than 20 pairs: no bca), 95%"
    assert rows.loc[32, "interval"] == "delete-one-network jackknife, 95%"
    assert rows["resamples"].notna().tolist() == [True, False, False]


def test_students_interval_needs_no_note(write_sweep):
    assert not any("--interval" in note for note in write_report([sweep(write_sweep)], only=("runs",)).notes)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"level": 0.0}, "`--level` must lie between 0.01 and 0.999999, got 0.0."),
        ({"level": 1.0}, "`--level` must lie between 0.01 and 0.999999, got 1.0."),
        ({"level": float("nan")}, "`--level` must lie between 0.01 and 0.999999, got nan."),
        ({"level": 1 - 1e-15}, "`--level` must lie between 0.01 and 0.999999, got 0.999999999999999."),
        ({"level": 95.0}, "`--level` must lie between 0.01 and 0.999999, got 95.0."),
        ({"resamples": 10**9}, "`--resamples` must be an integer from 100 to 1,000,000, got 1000000000."),
        ({"resamples": 99}, "`--resamples` must be an integer from 100 to 1,000,000, got 99."),
        (
            {"kind": "bootstrap", "level": 0.9999, "resamples": 9999},
            "`--resamples` must be at least 20,000 for `--level` 0.9999, one beyond each end, got 9999.",
        ),
        ({"kind": "jackknife"}, "`--interval` must be one of t, bootstrap, bca, got 'jackknife'."),
    ],
)
def test_extremes_of_an_interval_are_refused_with_the_rule_and_the_value(choice, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        IntervalChoice(**choice)


@pytest.mark.parametrize(
    ("choice", "name"),
    [({"level": 0.999999}, "x, 99.9999%"), ({"level": 0.9999}, "x, 99.99%"), ({"level": 0.01}, "x, 1%"), ({}, "x, 95%"), ({"level": 0.9}, "x, 90%")],
)  # fmt: skip
def test_a_level_is_named_as_it_is(choice, name):
    assert IntervalChoice(**choice).named("x") == name


def test_many_resamples_are_drawn_in_parts_and_are_the_same(monkeypatch):
    values = 0.1 * np.arange(25.0) ** 2
    whole = resampling.bootstrap_mean(values, "bootstrap", 0.95, 999, 0)
    monkeypatch.setattr(resampling, "MOST_DRAWN", 25 * 10)
    assert resampling.bootstrap_mean(values, "bootstrap", 0.95, 999, 0) == whole
