"""The contract of `conf/`: every option is one YAML and one Python variant, every field written out with its default."""

import re
from dataclasses import MISSING, fields
from functools import cache

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from lmc_sweeps import datasets, loggers, matching, models, repair
from lmc_sweeps.cluster.task_settings import ClusterSettings
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.config import SEVERAL, chosen_loggers, job_settings
from lmc_sweeps.training.optimizers import OPTIMIZERS
from lmc_sweeps.training.recipe import Training

CLASSES = {
    "dataset": datasets.choices(),
    "model": models.choices(),
    "optimizer": OPTIMIZERS,
    "matching": matching.choices(),
    "repair": repair.choices(),
    "logger": loggers.choices(),
}
OPTIONS = sorted(path for path in conf_dir().glob("*/*.yaml"))
# Options that are not called after their variant: its name, and the settings that are not at their defaults.
NAMED = {"vgg11": ("vgg", {}), "vgg16": ("vgg", {"variant": 16}), "resnet20": ("resnet", {})}
EXPERIMENTS = sorted(path.stem for path in conf_dir().glob("experiment/*.yaml"))
SMOKES = [name for name in EXPERIMENTS if name.endswith("_smoke")]


@cache
def composed(*overrides):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


@pytest.mark.parametrize("group", CLASSES)
def test_every_variant_has_a_yaml_and_every_yaml_a_variant(group):
    options = [path.stem for path in (conf_dir() / group).glob("*.yaml")]
    assert sorted({NAMED.get(option, (option, {}))[0] for option in options}) == sorted(CLASSES[group])


@pytest.mark.parametrize("path", [p for p in OPTIONS if p.parent.name in CLASSES], ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_yaml_writes_out_every_field_with_its_default(path):
    written = OmegaConf.to_container(OmegaConf.load(path))
    name, changed = NAMED.get(path.stem, (path.stem, {}))
    kind = CLASSES[path.parent.name][name]
    unused = kind.unused() if issubclass(kind, Matching) else ()
    defaults = {field.name: field.default for field in fields(kind) if field.name not in unused}
    assert MISSING not in defaults.values()
    assert written == {"name": name, **defaults, **changed}


@pytest.mark.parametrize("path", sorted(conf_dir().glob("training/*.yaml")), ids=lambda p: p.stem)
def test_a_training_recipe_writes_out_every_field(path):
    assert list(OmegaConf.load(path)) == [field.name for field in fields(Training)]


def test_the_cluster_launcher_writes_out_every_setting_with_its_default():
    written = OmegaConf.to_container(OmegaConf.load(conf_dir() / "hydra" / "launcher" / "slurm.yaml"))
    assert written.pop("_target_") == "hydra_plugins.lmc_sweeps_plugin.launcher.LmcClusterLauncher"
    assert list(written) == [field.name for field in fields(ClusterSettings)]
    assert ClusterSettings.from_config(written) == ClusterSettings()


@pytest.mark.parametrize("path", OPTIONS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_an_option_begins_with_what_it_is_and_its_source(path):
    lines = path.read_text().splitlines()
    group = path.parent.name
    several = {key: [f"# @package {key}.{path.stem}"] for key in SEVERAL}
    packages = (several | {"experiment": ["# @package _global_"]}).get(group, [])
    assert lines[: len(packages)] == packages
    assert re.match(r"# [A-Z0-9].*\.$", lines[len(packages)])
    assert re.match(r"# Source: ", lines[len(packages) + 1])


@pytest.mark.parametrize("path", [p for p in OPTIONS if p.parent.name in (*CLASSES, "training")], ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_option_composes_to_settings(path):
    group = path.parent.name
    settings = job_settings(composed(f"{group}={path.stem}"))
    if group in ("matching", "repair"):
        assert getattr(settings, group) == (CLASSES[group][path.stem](),)
    elif group == "logger":
        chosen = OmegaConf.to_container(composed(f"{group}={path.stem}").logger)
        assert chosen_loggers(chosen) == (CLASSES[group][path.stem](),)
        assert settings == job_settings(composed())  # it is no part of a job
    elif group == "training":
        assert settings.training == Training(**OmegaConf.to_container(OmegaConf.load(path)))
    else:
        name, changed = NAMED.get(path.stem, (path.stem, {}))
        assert getattr(settings, group) == CLASSES[group][name](**changed)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_sweeps_and_each_of_its_jobs_is_legal(name):
    config = composed(f"experiment={name}")
    assert config.hydra.mode.name == "MULTIRUN"
    assert len(config.hydra.sweeper.params) >= 1
    job_settings(config)


def leaves(tree, path=()):
    """Yield the path and the value of every leaf of a mapping of mappings."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


@pytest.mark.parametrize("name", SMOKES)
def test_a_smoke_study_inherits_from_its_study_and_states_only_what_is_smaller(name):
    study = name.removesuffix("_smoke")
    settings = OmegaConf.to_container(OmegaConf.load(conf_dir() / "experiment" / f"{name}.yaml"))
    defaults = settings.pop("defaults")
    assert defaults[:2] == [study, "_self_"]
    whole = dict(leaves(OmegaConf.to_container(composed(f"experiment={study}"), resolve=False)))
    for path, value in leaves(settings):
        assert value != whole.get(path), path


def test_the_defaults_are_the_documented_recipe():
    settings = job_settings(composed())
    assert (settings.depth, settings.networks, settings.points, settings.precision) == (1, 2, 25, "float32")
    assert settings.plane is False
    assert (settings.dataset.name, settings.model.name, settings.optimizer.name) == ("digits", "mlp", "sgd")
    assert (settings.optimizer.lr, settings.optimizer.momentum) == (0.05, 0.9)
    assert (settings.training.epochs, settings.training.batch_size, settings.training.schedule) == (20, 64, "constant")
    assert [method.name for method in settings.matching] == ["weights", "covariance", "activations"]
