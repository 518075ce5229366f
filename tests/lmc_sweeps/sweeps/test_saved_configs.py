"""Configs as Hydra saves them: the same text with libyaml and without, secrets never on the disk, Hydra's own way back in the end."""

import pytest
import yaml
from hydra.core import utils as hydra_utils
from hydra_parts import composer
from omegaconf import OmegaConf

from lmc_sweeps.sweeps import saved_configs
from lmc_sweeps.sweeps.saved_configs import config_text, save_config, saved_by_us

WORDS = [
    "yes",
    "1e3",
    "0x1F",
    "null",
    "",
    " a ",
    "a: b",
    "#",
    "'",
    '"',
    "é – 漢字",
    "two\nlines",
    "${oc.env:HOME}",
    "x" * 300,
    "a b " * 60,
    "~",
    "-",
    "? q",
    "\t",
    "%",
]
VALUES = {"words": WORDS, "numbers": [1, 1.0, 1e-8, True, None, float("inf")], "nested": {"empty": {}, "list": [], "deep": [{"a": [1]}]}}


@pytest.mark.parametrize("has_libyaml", [True, False])
def test_the_text_is_that_of_omegaconf(has_libyaml, monkeypatch):
    monkeypatch.setattr(yaml, "__with_libyaml__", has_libyaml and yaml.__with_libyaml__)
    saved_configs._dumper.cache_clear()
    try:
        whole = composer().full(["width=4", "optimizer=adam"])
        for config in (whole, whole.hydra, whole.hydra.overrides.task, OmegaConf.create(VALUES)):
            assert config_text(config) == OmegaConf.to_yaml(config)
            assert yaml.safe_load(config_text(config)) == OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    finally:
        saved_configs._dumper.cache_clear()


def test_secrets_are_masked_before_they_are_on_the_disk(tmp_path):
    save_config(OmegaConf.create({"dataset": {"token": "hf_very_secret"}, "width": 8}), "config.yaml", tmp_path / "new")
    assert yaml.safe_load((tmp_path / "new" / "config.yaml").read_text()) == {"dataset": {"token": "***"}, "width": 8}


def test_hydra_has_its_own_way_back_even_after_an_error():
    own = hydra_utils._save_config
    with saved_by_us():
        assert hydra_utils._save_config is save_config
    with pytest.raises(ZeroDivisionError), saved_by_us():
        raise ZeroDivisionError
    assert hydra_utils._save_config is own
