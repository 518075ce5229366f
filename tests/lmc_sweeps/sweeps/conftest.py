"""Configs of a user's own beside ours, and a launcher as Hydra sets it up."""

import logging

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from hydra_parts import loader, sweep_config

from lmc_sweeps.sweeps.launcher import BatchedLauncher

OWN = {
    "experiment/mine.yaml": "# @package _global_\nhydra:\n  sweeper:\n    params:\n      width: 4,8\n",
    "experiment/plain.yaml": "# @package _global_\nwidth: 4\n",
    "experiment/other.yaml": "# @package _global_\ndepth: 2\n",
    "experiment/broken.yaml": "# @package _global_\nwidth: [\n",
    "experiment/sub/deep.yaml": "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      width: 4,8\n",
    "experiment/home.yaml": '# @package _global_\nhydra:\n  run:\n    dir: "~/out/${now:%Y}"\n',
    "experiment/cluster.yaml": "# @package _global_\ndefaults:\n  - override /hydra/launcher: slurm\nwidth: 4\nhydra:\n  mode: MULTIRUN\n",
    "experiment/elsewhere.yaml": "# @package _global_\nhydra:\n  sweep:\n    dir: elsewhere\n",
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return the words for a folder of configs of the user's own, in an empty working directory."""
    for name, text in OWN.items():
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_text(text)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("LMC_SWEEPS_STORE", str(tmp_path / "store"))
    return ["--config-dir", str(tmp_path / "own")]


def nothing(config):
    """Be a task function, which the launcher does not call, but sends to its workers."""


@pytest.fixture
def set_up_launcher(monkeypatch):
    """Return what makes a launcher of so many workers, for a sweep in a folder with a store beside it."""
    before = logging.getLogger().handlers[:], logging.getLogger().level

    def make(folder, workers=1):
        monkeypatch.setenv("LMC_SWEEPS_STORE", str(folder / "store"))
        config = sweep_config(f"hydra.sweep.dir={folder / 'sweep'}")
        HydraConfig.instance().set_config(config)
        made = BatchedLauncher(workers)
        made.setup(hydra_context=HydraContext(config_loader=loader(), callbacks=Callbacks()), task_function=nothing, config=config)
        return made

    yield make
    logging.getLogger().handlers[:], logging.getLogger().level = before
