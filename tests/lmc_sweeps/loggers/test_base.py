"""The rules of a logger's settings, and the package that is lacking: said before anything is computed."""

import importlib.util

import pytest

from lmc_sweeps import loggers
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.loggers.mlflow import MLflow
from lmc_sweeps.loggers.none import NoLogger
from lmc_sweeps.loggers.wandb import WeightsAndBiases


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_package_that_is_lacking_is_named_with_how_it_is_installed(name, monkeypatch):
    logger = loggers.choices()[name]()
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None if package == name else object())
    with pytest.raises(InputError) as refused:
        logger.check()
    assert str(refused.value) == f"`logger={name}` needs the package {name}: pip install 'lmc-sweeps[{name}]'."
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: object())
    logger.check()


def test_of_a_users_own_logger_the_package_itself_is_named():
    class Own(NoLogger):
        name = "own"
        packages = ("no_such_package.part",)

    with pytest.raises(InputError, match=r"^`logger=own` needs the package no_such_package.part: pip install no_such_package\.$"):
        Own().check()


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (WeightsAndBiases, {"mode": "shared"}, "`logger.wandb.mode` must be one of offline, online, got 'shared'."),
        (WeightsAndBiases, {"project": ""}, "`logger.wandb.project` must be a text, got ''."),
        (WeightsAndBiases, {"entity": 3}, "`logger.wandb.entity` must be a text, got 3."),
        (WeightsAndBiases, {"group": ""}, "`logger.wandb.group` must be a text, got ''."),
        (MLflow, {"tracking_uri": 5000}, "`logger.mlflow.tracking_uri` must be a text, got 5000."),
        (MLflow, {"experiment": None}, "`logger.mlflow.experiment` must be a text, got None."),
    ],
)
def test_a_setting_that_breaks_a_rule_is_named(kind, settings, message):
    with pytest.raises(InputError) as refused:
        kind(**settings)
    assert str(refused.value) == message
