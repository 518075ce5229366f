"""Logging when the jobs of a command have ended: no part of them, refused before anything is computed, and never their failure."""

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from hydra_parts import TINY, loader, sweep_config
from logged_records import example, finished, prepared

from lmc_sweeps import loggers
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.records import write_failure, write_record
from lmc_sweeps.loggers.base import Logger
from lmc_sweeps.loggers.none import NoLogger
from lmc_sweeps.loggers.tensorboard import TensorBoard
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.expected import expected_entry, write_expected
from lmc_sweeps.sweeps.overrides import check_overrides, merge_measured
from lmc_sweeps.sweeps.result_logging import log_jobs, ready_loggers
from lmc_sweeps.sweeps.sweeper import SweepStopped


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Return a function that sweeps over what was typed, in an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        config = sweep_config("hydra.sweep.dir=sweep", "report=false")
        context = HydraContext(config_loader=loader(), callbacks=Callbacks())
        sweeper = Plugins.instance().instantiate_sweeper(hydra_context=context, task_function=lambda config: None, config=config)
        return sweeper.sweep([*TINY, "store.dir=null", *words])

    return run


class Recorder(Logger):
    """Keeps what it is given; a class of no file, so that it is no choice."""

    def __init__(self):
        self.jobs = []

    def target(self, folder):
        return str(folder)

    def log(self, jobs, folder):
        self.jobs += jobs
        return len(jobs)


def records(folder):
    """Return the bytes of all records of a sweep by the names of their folders."""
    return {path.parent.name: path.read_bytes() for path in folder.glob("*/record.json")}


@pytest.mark.needs("tensorboard")
def test_a_logger_changes_no_name_and_no_byte_of_a_record_and_logs_what_was_finished_before(sweep, tmp_path, capsys):
    sweep("width=4,8")
    before = records(tmp_path / "sweep")
    assert len(before) == 2
    assert "logger=" not in capsys.readouterr().err
    for line in ("2 jobs logged, 0 there already: sweep/tensorboard", "0 jobs logged, 2 there already: sweep/tensorboard"):
        sweep("width=4,8", "logger=tensorboard")
        assert f"logger=tensorboard: {line}\n" in capsys.readouterr().err
        assert records(tmp_path / "sweep") == before
    names = [path.name for path in (tmp_path / "sweep" / "tensorboard").iterdir()]
    assert sorted(name.rpartition("_")[2] for name in names) == sorted(before)
    assert {name.rpartition("_")[0] for name in names} == {"width=4", "width=8"}


@pytest.mark.needs("tensorboard")
@pytest.mark.parametrize("error", [OSError("no space left"), RuntimeError("server down\nand a trace")])
def test_a_logger_that_fails_is_one_warning_and_the_sweep_ends_as_without_it(sweep, tmp_path, capsys, monkeypatch, error):
    from torch.utils.tensorboard import SummaryWriter

    def fail(*arguments, **settings):
        raise error

    monkeypatch.setattr(SummaryWriter, "add_scalar", fail)  # when hyperparameters are written already
    results = sweep("width=4,8", "logger=tensorboard")
    assert [result.status.name for batch in results for result in batch] == ["COMPLETED", "COMPLETED"]
    assert len(records(tmp_path / "sweep")) == 2
    printed = capsys.readouterr().err
    sentence = f"{type(error).__name__}: {str(error).splitlines()[0]}."
    assert printed.count("warning: ") == 1
    assert f"warning: logger=tensorboard failed, which changes no result: {sentence} The same command tries again.\n" in printed
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    sweep("width=4,8", "logger=tensorboard")
    assert "logger=tensorboard: 2 jobs logged, 0 there already" in capsys.readouterr().err


def test_of_several_loggers_one_that_fails_leaves_the_others_alone(tmp_path, capsys, monkeypatch):
    write_record(tmp_path / finished()["run_id"], finished())
    first, second = Recorder(), Recorder()
    first.name, second.name = "first", "second"
    monkeypatch.setattr(first, "log", lambda jobs, folder: 1 / 0)
    log_jobs([first, second], {finished()["run_id"]: tmp_path / finished()["run_id"]}, tmp_path)
    assert second.jobs == [example(label="")]
    assert capsys.readouterr().err.count("\n") == 2


def test_what_has_failed_or_is_not_there_is_not_logged(tmp_path):
    write_failure(tmp_path / "failed", "failed", {}, "ValueError")
    write_record(tmp_path / "done", finished())
    write_expected(tmp_path, [expected_entry(prepared(), "width=6 logger=x logger.x.y=1 report=false seed=0")])
    logger = Recorder()
    logger.name = "recorder"
    log_jobs([logger], {name: tmp_path / name for name in ("failed", "absent", "done")}, tmp_path)
    assert logger.jobs == [example(label="width=6 seed=0")]


@pytest.mark.parametrize("words", [[], ["plan=true"]])
def test_a_package_that_is_lacking_is_said_before_anything_is_computed(sweep, tmp_path, monkeypatch, words):
    monkeypatch.setattr(TensorBoard, "packages", ("no_such_package",))
    with pytest.raises(SweepStopped) as stopped:
        sweep("width=4,8", "logger=tensorboard", *words)
    assert str(stopped.value) == "`logger=tensorboard` needs the package no_such_package: pip install 'lmc-sweeps[tensorboard]'."
    assert list(tmp_path.iterdir()) == []


def test_a_command_has_one_setting_of_a_logger_and_may_have_several_loggers(sweep, tmp_path):
    with pytest.raises(SweepStopped) as stopped:
        sweep("logger=wandb", "logger.wandb.project=a,b")
    assert str(stopped.value) == "`logger.wandb.project` must have one value in a sweep, got a,b."
    with pytest.raises(SweepStopped) as stopped:
        sweep("logger=wandb", "logger.wandb.mode=shared")
    assert "`logger.wandb.mode` must be one of offline, online, got 'shared'." in str(stopped.value)
    with pytest.raises(SweepStopped) as stopped:
        sweep("logger.wandb.mode=online")
    assert str(stopped.value) == "`logger.wandb.mode` is set, but wandb is not among the loggers chosen (logger=[none])."
    assert merge_measured(["logger=tensorboard,mlflow"]) == ["logger=[tensorboard,mlflow]"]
    assert list(tmp_path.iterdir()) == []


def test_an_option_or_a_key_that_is_none_is_refused_with_the_choices():
    with pytest.raises(InputError, match=r"`logger` must be one of mlflow, none, tensorboard, wandb, got 'tensorbord'\. Did you mean"):
        check_overrides(["logger=tensorbord"], [conf_dir()])
    with pytest.raises(InputError, match=r"`logger\.wandb\.team` is not a key; the keys at `logger\.wandb` are entity, group, mode, name"):
        check_overrides(["logger.wandb.team=x"], [conf_dir()])


def test_by_default_nothing_is_logged(capsys, tmp_path):
    assert ready_loggers(sweep_config()) == (NoLogger(),)
    log_jobs(ready_loggers(sweep_config()), {}, tmp_path)
    assert capsys.readouterr().err == ""
    assert set(loggers.choices()) == {"none", "tensorboard", "wandb", "mlflow"}
