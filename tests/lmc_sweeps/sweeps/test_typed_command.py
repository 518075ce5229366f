"""A command line as it was typed: its options wherever they stand, and which of them are for Hydra alone."""

import importlib.metadata

import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.typed_command import is_special, makes_report, read_command


@pytest.mark.parametrize("word", ["--width", "-width=8", "--lr=0.1"])
def test_an_unknown_option_is_a_sentence_that_says_how_keys_are_set(word):
    with pytest.raises(InputError, match=f"^unrecognized arguments: {word}; keys are set without dashes, as KEY=VALUE, e.g. width=64"):
        read_command([word, "seed=1"])


@pytest.mark.parametrize("position", [0, 1, 2])
def test_options_stand_anywhere(position):
    words = ["width=4,8", "seed=0"]
    command = read_command([*words[:position], "-m", *words[position:]])
    assert (command.multirun, command.overrides) == (True, words)


@pytest.mark.parametrize(
    ("words", "special"),
    [
        (["--help"], True),
        (["--hydra-help"], True),
        (["--cfg", "job"], True),
        (["-sc", "install=bash"], True),
        (["--info"], True),
        (["width=8"], False),
        (["width=8,16", "-m"], False),
        (["--config-dir", "own"], False),
        ([], False),
    ],
)
def test_help_completion_and_showing_are_for_hydra_alone(words, special):
    assert is_special(read_command(words)) == special


def test_the_version_is_ours_and_of_what_the_numbers_depend_on(capsys):
    with pytest.raises(SystemExit) as end:
        read_command(["--version"])
    assert not end.value.code
    shown = dict(text.rsplit(" ", 1) for text in " ".join(capsys.readouterr().out.split()).split(", "))
    assert shown["lmc-sweeps"] == importlib.metadata.version("lmc-sweeps")
    assert shown.keys() == {"lmc-sweeps", "torch", "numpy", "pot", "hydra-core", "Python"}


@pytest.mark.parametrize(
    ("words", "makes"),
    [([], True), (["width=8"], True), (["plan=true"], False), (["plan=True"], False), (["width=8", "report=false", "-m"], False)],
)
def test_plans_and_sweeps_without_a_report_have_nobody_wait_to_make_one(words, makes):
    assert makes_report(read_command(words)) == makes
