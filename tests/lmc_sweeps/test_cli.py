"""The command line: how mistakes and interruptions end a command, and the name of a job behind output folders."""

import sys

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, open_dict

from lmc_sweeps import cli
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.interruption import Terminated
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.config import prepare


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (InputError("`width` is wrong\x1b[2J\nin a second line."), "`width` is wrong\\x1b[2J\nin a second line.", ""),
        (KeyboardInterrupt(), 130, "\nInterrupted. Finished work is kept, and the same command does the rest.\n"),
        (KeyboardInterrupt("Interrupted here."), 130, "\nInterrupted here.\n"),
        (Terminated("Interrupted here."), 143, "\nInterrupted here.\n"),
    ],
    ids=["a mistake", "Ctrl-C", "Ctrl-C with a message", "SIGTERM"],
)
def test_mistakes_and_interruptions_end_a_command_with_a_sentence(monkeypatch, capsys, error, code, printed):
    def fail():
        raise error

    monkeypatch.setattr(cli, "read_command", fail)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == code
    assert capsys.readouterr().err == printed


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", list(overrides))


def folder_of(config: DictConfig) -> str:
    """Return an output folder as Hydra reads its name out of a config."""
    with open_dict(config):
        config.hydra = {"folder": "jobs/${run_id:}"}
    return config.hydra.folder


def test_the_name_behind_output_folders_is_that_of_the_job():
    config = composed("width=4")
    assert folder_of(config) == f"jobs/{prepare(config).run_id}"


def test_a_mistake_ends_the_command_before_a_folder_is_named():
    with pytest.raises(SystemExit, match=r"^`width` must be a positive integer, got -3\.$"):
        folder_of(composed("width=-3"))


def test_our_plugins_are_on_the_path_behind_everything_else():
    assert str(cli.PLUGINS) in sys.path[1:]
    assert (cli.PLUGINS / "hydra_plugins").is_dir()


@pytest.mark.parametrize(("line", "is_answered"), [("lmc-sweeps ls my_sw", False), ("lmc-sweeps wid", True)])
def test_behind_ls_the_shell_completes_folders_by_itself(monkeypatch, capfd, line, is_answered):
    monkeypatch.setattr(sys, "argv", ["lmc-sweeps", "-sc", "query=bash"])
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    cli.main()
    printed = capfd.readouterr()
    assert ("width=" in printed.out, printed.err) == (is_answered, "")
