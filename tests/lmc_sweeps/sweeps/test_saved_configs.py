"""Configs as Hydra saves them: the same text with libyaml and without, secrets never on the disk, Hydra's own way back in the end."""

import pytest
import yaml
from hydra.core import utils as hydra_utils
from hydra_parts import composer
from omegaconf import OmegaConf
from omegaconf._utils import get_omega_conf_dumper

from lmc_sweeps.sweeps import saved_configs
from lmc_sweeps.sweeps.saved_configs import config_text, save_config, saved_by_us

WORDS = [
    "yes", "1e3", "0x1F", "null", "", " a ", "a: b", "#", "'", '"', "é – 漢字", "😀", "two\nlines", "${oc.env:HOME}", "x" * 300, "~", "-", "? q",
    "\t", "%", "\udce9", "\x85",
]  # fmt: skip
LONG = ["a b " * 60, "😀 " * 60, "a: " + "b " * 60 + "\n c", "\udce9 " * 60]
NUMBERS = [1, 1.0, 1e-8, True, None, float("inf")]
VALUES = {"words": WORDS, "numbers": NUMBERS, "nested": {"empty": {}, "list": [], "deep": [{"a": [1]}]}}


@pytest.fixture(params=[True, False])
def libyaml(request, monkeypatch):
    monkeypatch.setattr(yaml, "__with_libyaml__", request.param and yaml.__with_libyaml__)
    saved_configs._quick_dumper.cache_clear()
    yield
    saved_configs._quick_dumper.cache_clear()


@pytest.mark.usefixtures("libyaml")
def test_the_text_is_that_of_omegaconf():
    whole = composer().full(["width=4", "optimizer=adam"])
    each = [OmegaConf.create({"value": value}) for value in [*WORDS, *NUMBERS]]
    for config in (whole.optimizer, whole.hydra.overrides.task, whole.hydra.job_logging, *each):
        assert config_text(config) == OmegaConf.to_yaml(config)
    for config in (whole, whole.hydra, OmegaConf.create(VALUES)):  # with values of more letters than a line of OmegaConf's
        plain = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
        style = {"default_flow_style": False, "allow_unicode": True, "sort_keys": False, "width": 2**30}
        assert config_text(config) == yaml.dump(plain, Dumper=get_omega_conf_dumper(), **style)


@pytest.mark.parametrize("value", LONG)
@pytest.mark.usefixtures("libyaml")
def test_no_value_is_broken_into_lines(value):
    text = config_text(OmegaConf.create({"value": value, "other": 1}))
    assert yaml.load(text, Loader=type("Loader", (yaml.SafeLoader,), {})) == {"value": value, "other": 1} or "\\udce9" in text
    assert len(text.splitlines()) <= 2 + 2 * value.count("\n")


@pytest.mark.parametrize("word", ["word ", "😀 "])
@pytest.mark.parametrize("secret", ["token=hunter2abc", "Authorization: Bearer hunter2abc"])
@pytest.mark.usefixtures("libyaml")
def test_no_secret_hides_at_the_end_of_a_long_value(word, secret, tmp_path):
    for length in range(40, 120):
        note = f"{(word * 60)[:length]} {secret} tail"
        save_config(OmegaConf.create({"note": note, "list": [note], "lines": f"{note}\n\n{note}"}), "config.yaml", tmp_path)
        assert "hunter2" not in (tmp_path / "config.yaml").read_text(encoding="utf-8")


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
