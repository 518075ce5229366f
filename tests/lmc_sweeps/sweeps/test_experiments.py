"""Experiments of a user's own: sweeps in themselves, launchers of their own, and sweeps over several of them."""

import os
import sys

import pytest
from typed import refusal

from lmc_sweeps.cli import main


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (["experiment=width_digits,mean_field_smoke"], ["experiment=width_digits", "experiment=mean_field_smoke"]),
        (["experiment=glob(*_smoke,exclude=[low*,paper*,gauss*,depth*,methods*,width*,figure*,transformers*])"], ["experiment=mean_field_smoke"]),
        (["experiment=plain,mine"], ["experiment=mine"]),
        (["experiment=plain,sub/deep", "seed=0,1"], ["seed=0 experiment=sub/deep", "seed=1 experiment=sub/deep"]),
    ],
)  # fmt: skip
def test_swept_experiments_that_are_sweeps_themselves_are_refused_not_dropped(own, capsys, words, refused):
    message = refusal(capsys, *own, *sorted(words, reverse=True), "-m")
    assert f"{len(refused)} of " in message
    for job in refused:
        assert (
            f"  {job}: sets hydra.sweeper.params, which cannot change within a sweep; run an experiment that is itself a sweep in a command of its own."
            in message
        )
    assert os.listdir() == []


def test_swept_experiments_that_choose_a_folder_are_refused_not_dropped(own, capsys):
    assert "experiment=elsewhere: sets hydra.sweep.dir" in refusal(capsys, *own, "experiment=plain,elsewhere", "-m")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "slurm: 1 tasks of up to 1 jobs"),
        (["hydra.launcher.timeout_min=7"], "at most 7 min at a time"),
        (["hydra/launcher=batched"], None),
    ],
    ids=["alone", "a setting of it", "another typed"],
)
def test_an_experiment_chooses_its_launcher_and_the_command_line_another(own, monkeypatch, capsys, words, line):
    monkeypatch.setattr(sys, "argv", ["lmc-sweeps", *own, "experiment=cluster", "training.epochs=0", "plan=true", *words])
    main()
    plan = capsys.readouterr().out
    assert "1 job, 0 of them finished" in plan
    if line is None:
        assert "slurm" not in plan
    else:
        assert line in plan
    assert os.listdir() == []


def test_swept_experiments_that_choose_a_launcher_are_refused_not_dropped(own, capsys):
    assert "experiment=cluster: sets hydra.launcher._target_" in refusal(capsys, *own, "experiment=plain,cluster", "-m")


def test_swept_experiments_that_only_set_keys_are_a_sweep_as_any_other(own, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lmc-sweeps", *own, "experiment=plain,other", "training.epochs=0", "plan=true", "-m"])
    main()
    assert "2 jobs, 0 of them finished" in capsys.readouterr().out
