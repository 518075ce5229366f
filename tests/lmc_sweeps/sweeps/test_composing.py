"""Composing the jobs of a sweep: choices first and plain values on copies of them, each job once, late settings named."""

import copy

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import setup_globals
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from hydra_parts import composer
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.composing import JobComposer, composed, copied_node, parsed_once
from lmc_sweeps.sweeps.conf_folder import conf_dir


def test_what_a_job_chooses_is_composed_before_its_plain_values_are_set():
    job = ["optimizer=adam", "width=4"]
    chosen, whole = composer().chosen(job), composer().without_hydra(job)
    assert (chosen.optimizer.name, whole.optimizer.name) == ("adam", "adam")
    assert (chosen.width, whole.width) == (composer().master.width, 4)
    whole.depth = 99
    assert composer().without_hydra(job).depth == composer().master.depth  # a copy of its own


def test_a_job_is_prepared_once_for_all_that_ask_for_it():
    assert composer().prepare(["width=4"]) is composer().prepare(("width=4",))
    assert composer().prepare(["width=4"]).settings.width == 4
    with pytest.raises(InputError, match="`width` must be a positive integer"):
        composer().prepare(["width=0"])


def test_the_whole_config_of_a_job_knows_what_was_typed():
    config = composer().full(["width=4", "seed=1", "hydra.verbose=true"])
    assert config.hydra.overrides.task == ["width=4", "seed=1"]
    assert config.hydra.job.override_dirname == "seed=1,width=4"


def test_what_a_sweep_has_begun_with_is_named_where_a_job_would_change_it():
    assert composer().too_late(["width=4", "optimizer=adam", "hydra.job.name=other"]) == []
    assert composer().too_late(["hydra.sweep.dir=elsewhere"]) == ["hydra.sweep.dir"]


def test_errors_of_hydra_go_up_and_those_of_files_become_sentences():
    def fail(error):
        raise error

    with pytest.raises(ConfigCompositionException, match="no such option"):
        composed(lambda: fail(ConfigCompositionException("no such option")))
    with pytest.raises(InputError, match=r"^the configs cannot be composed: ValueError: not YAML\.$"):
        composed(lambda: fail(ValueError("not YAML")))


def test_an_override_is_parsed_once():
    assert parsed_once("width=8") is parsed_once("width=8")
    assert parsed_once("width=8").value() == 8


def test_composing_on_copies_gives_what_hydra_composes():
    jobs = [
        ["width=16", "seed=1"],
        ["width=16", "dataset=gaussian_mixture", "dataset.classes=3"],
        ["optimizer=adam", "optimizer.lr=0.1", "matching=[weights]", "+matching.more={name: weights, biases: true}"],
        ["store.dir=null", "matching.weights.biases=true", "~matching.covariance"],
        ["experiment=width_digits", "depth=2"],
    ]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", ["width=8,16"], RunMode.MULTIRUN)
        own = JobComposer(loader, master)
        for job in [*jobs, *jobs]:  # the second time from copies
            expected = loader.load_sweep_config(master, job)
            assert OmegaConf.to_yaml(own.full(job)) == OmegaConf.to_yaml(expected)
            plain = OmegaConf.to_container(expected, resolve=False)
            del plain["hydra"]
            assert OmegaConf.to_container(own.without_hydra(job), resolve=False) == plain


@pytest.mark.parametrize(
    "job",
    [
        ["width=16", "seed=1", "points=5"],
        ["dataset=gaussian_mixture", "optimizer=adam", "matching=[weights]", "+matching.more={name: weights, biases: true}", "depth=2"],
        ["store.dir=null", "~matching.covariance", "training.epochs=${depth}"],
        ["experiment=width_digits", "depth=2", "width=4", "depth=3"],
    ],
)
def test_a_job_alone_is_what_it_is_in_a_sweep_without_being_composed_again(job, monkeypatch):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        in_sweep = JobComposer(loader, loader.load_configuration("config", [], RunMode.MULTIRUN))
        expected = in_sweep.without_hydra(job), in_sweep.prepare(job)
        alone = JobComposer.of_one(loader, loader.load_configuration("config", [*job, "hydra.job.name=mine"], RunMode.MULTIRUN), job)
        monkeypatch.setattr(loader, "load_sweep_config", None)
        assert OmegaConf.to_yaml(alone.without_hydra(job)) == OmegaConf.to_yaml(expected[0])
        prepared = alone.prepare(job)
        assert (prepared.run_id, prepared.settings, prepared.computed) == (expected[1].run_id, expected[1].settings, expected[1].computed)


def test_a_deep_copy_of_a_jobs_config_is_that_of_omegaconf():
    config = composer().full(["width=4", "hydra.job.name=mine"])
    plain = DictConfig(config)  # with all that OmegaConf says of its parts, but copied by OmegaConf
    assert OmegaConf.to_container(copy.deepcopy(config)) == OmegaConf.to_container(copy.deepcopy(plain))
    for part in (config, config.hydra):
        copied = copy.deepcopy(part)
        assert copied._get_parent() is part._get_parent()
        assert (OmegaConf.is_struct(copied), OmegaConf.is_readonly(copied)) == (OmegaConf.is_struct(part), OmegaConf.is_readonly(part))
        assert OmegaConf.get_type(copied) is OmegaConf.get_type(part)
    other = copy.deepcopy(config)
    other.width, other.hydra.job.name = 99, "other"
    assert (config.width, config.hydra.job.name, other.hydra._get_parent()) == (4, "mine", other)
    with pytest.raises(ConfigAttributeError):
        other.no_such_key = 1


def test_what_a_copy_has_resolved_is_known_to_no_other():
    setup_globals()  # Hydra's resolvers, which nothing may have registered yet
    config = OmegaConf.create({"a": "${now:%f}"})
    first, second = copied_node(config, None), copied_node(config, None)
    assert first.a.isdecimal()
    assert not any(each._metadata.resolver_cache["now"] for each in (second, config))
