"""The folder of configs is that of the checkout, with the config that a command begins with."""

from pathlib import Path

from lmc_sweeps.sweeps import conf_folder
from lmc_sweeps.sweeps.conf_folder import conf_dir


def test_it_is_beside_the_package_in_a_checkout_and_inside_of_it_in_a_wheel(monkeypatch, tmp_path):
    assert conf_dir() == Path(conf_folder.__file__).parents[2] / "conf"
    package = tmp_path / "lmc_sweeps"
    (package / "conf").mkdir(parents=True)
    (package / "conf" / "config.yaml").touch()
    monkeypatch.setattr(conf_folder, "__file__", str(package / "sweeps" / "conf_folder.py"))
    assert conf_dir() == package / "conf"
