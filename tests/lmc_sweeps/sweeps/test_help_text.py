"""``--help``: every key and group of the configs is there, nothing that is for tests only, and it fits on a terminal."""

import pytest
from hydra_parts import composer
from omegaconf import OmegaConf

from lmc_sweeps import datasets, matching, models, repair
from lmc_sweeps.cli import main
from lmc_sweeps.jobs.settings import MEASURED
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.help_text import USAGE, help_text
from lmc_sweeps.training.optimizers import OPTIMIZERS


def entries():
    """Return the texts beside the names of the help, by name."""
    texts, name = {}, ""
    for line in help_text().splitlines():
        if line.startswith("  ") and line[2] != " " and not line.startswith("  python"):
            name, _, text = line[2:].partition(" ")
            texts[name] = text.strip()
        elif line.startswith(" " * 20):
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts


def test_it_fits_on_a_terminal():
    assert max(map(len, help_text().splitlines())) <= 80


def test_every_key_has_its_default_and_a_line_of_its_own():
    config = OmegaConf.to_container(composer().without_hydra([]), resolve=False)
    scalars = {key: value for key, value in config.items() if not isinstance(value, dict) and key not in ("experiment", *MEASURED)}
    shown = {name.partition("=")[0]: name.partition("=")[2] for name, text in entries().items() if text and "=" in name}
    assert {key: OmegaConf.to_yaml({"x": value}).split()[1] for key, value in scalars.items()}.items() <= shown.items()
    comment = next(line for line in (conf_dir() / "config.yaml").read_text().splitlines() if line.startswith("seed: ")).partition(" # ")[2]
    assert entries()["seed=0"] == comment


def test_every_group_has_its_options():
    texts = {name.partition("=")[0]: set(text.split(", ")) for name, text in entries().items()}
    assert texts["dataset"] == set(datasets.choices())
    assert texts["matching"] == set(matching.choices())
    assert texts["repair"] == set(repair.choices())
    assert texts["optimizer"] == set(OPTIMIZERS)
    assert set(models.choices()) & texts["model"]  # of some there are several variants
    assert {"batched", "slurm", "basic"} <= texts["hydra/launcher"]


def test_studies_are_there_and_not_their_twins_for_tests():
    names = set(entries()["experiment="].split(", "))
    files = {path.stem for path in (conf_dir() / "experiment").glob("*.yaml")}
    assert names == {name for name in files if not name.endswith("_smoke")}
    assert "width_mnist" in names < files


def test_its_examples_compose():
    examples = [line.split("lmc_sweeps ")[1].split() for line in USAGE.splitlines() if line.startswith("  python")]
    for words in examples:
        one_of_each = [word.partition(",")[0] for word in words if word != "-m" and not word.startswith("hydra.")]
        assert composer().without_hydra(one_of_each).width > 0
    assert len(examples) == 3


def test_configs_of_a_users_own_are_there_too(tmp_path, monkeypatch):
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").touch()
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("LMC_SWEEPS_PARTS", str(tmp_path))
    assert "mine" in entries()["experiment="].split(", ")


@pytest.mark.parametrize("words", [["--help"], ["width=8", "--help"]])
def test_the_command_shows_it(words, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["lmc_sweeps", *words])
    main()
    assert capsys.readouterr().out == help_text()
