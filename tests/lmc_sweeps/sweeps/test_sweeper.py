"""The sweeper, set up as Hydra does it: every refusal before a folder is made, and a plan that makes nothing."""

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from hydra_parts import loader, sweep_config

from lmc_sweeps.sweeps.sweeper import SweepStopped, ValidatingSweeper

TINY = ["dataset=gaussian_mixture", "dataset.train_size=64", "training.epochs=0", "points=3", "store.dir=null"]


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Return a function that sweeps over what was typed, in an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def run(*words, settings=()):
        config = sweep_config("hydra.sweep.dir=sweep", *settings)
        context = HydraContext(config_loader=loader(), callbacks=Callbacks())
        sweeper = Plugins.instance().instantiate_sweeper(hydra_context=context, task_function=lambda config: None, config=config)
        assert type(sweeper).__name__ == "LmcSweeper"  # under the name by which Hydra finds it
        return sweeper.sweep([*TINY, *words])

    return run


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (["width=0,4"], [], "1 of 2 jobs cannot run; nothing was trained.\n  width=0: `width` must be a positive integer, got 0."),
        (["plan=true,false"], [], "`plan` must be true or false, not both."),
        (["report=true,false"], [], "`report` must be true or false, not both."),
        (["width=4"], ["hydra.sweep.subdir=x"], "`hydra.sweep.subdir` must stay ${run_id:}: jobs are found again by that name."),
        (["width=4"], ["hydra.sweep.dir=/dev/null/x"], "`hydra.sweep.dir` must be a folder that can be written, got '/dev/null/x': "),
    ],
)
def test_a_sweep_is_refused_before_anything_is_written(sweep, tmp_path, words, settings, message):
    with pytest.raises(SweepStopped) as stopped:
        sweep(*words, settings=settings)
    assert str(stopped.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_says_what_would_be_done_and_does_nothing(sweep, tmp_path, capsys):
    assert sweep("width=4,8", settings=["plan=true"]) == []
    assert capsys.readouterr().out.startswith("2 jobs, 0 of them finished, in sweep\n")
    assert list(tmp_path.iterdir()) == []


def test_without_a_report_a_sweep_leaves_its_records_and_says_how_tables_are_made(sweep, tmp_path, capsys):
    sweep("width=4,8", settings=["report=false", "training.epochs=0", "matching=[]"])
    assert capsys.readouterr().out.endswith("No tables were made (report=false): python -m multirun_analysis sweep makes them.\n")
    assert len(list((tmp_path / "sweep").glob("*/record.json"))) == 2
    assert not (tmp_path / "sweep" / "analysis").exists()


def test_a_sweep_that_is_stopped_is_an_exit_whose_message_no_terminal_obeys():
    assert str(SweepStopped("one\x1b[2J\ntwo")) == "one\\x1b[2J\ntwo"
    assert issubclass(SweepStopped, SystemExit)


def test_a_sweeper_that_was_not_set_up_says_so():
    with pytest.raises(RuntimeError, match="the sweeper was not set up"):
        ValidatingSweeper(None).sweep(["width=4"])
