"""What a TAB completes, asked as a shell asks."""

import os
import subprocess
import sys

import pytest

from multirun_analysis import completion, plots, studies
from multirun_analysis.stats.interval_choice import KINDS
from multirun_analysis.tables.names import TABLES


def completions(tmp_path, typed, **others):
    """Return what the command completes of a line, as a shell gets it."""
    answer = tmp_path / "answer"
    environment = os.environ | {"_ARGCOMPLETE": "3", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SUPPRESS_SPACE": "1", "COMP_TYPE": "9"}
    line = f"python -m multirun_analysis {typed}"
    variables = environment | {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME": str(answer)} | others
    subprocess.run([sys.executable, "-m", "multirun_analysis"], env=variables, cwd=tmp_path, check=True, timeout=60)
    return sorted(filter(None, answer.read_text().split("\n")))


@pytest.mark.parametrize(
    ("option", "choices"), [("figure", plots.choices), ("study", studies.choices), ("interval", lambda: KINDS), ("only", lambda: TABLES)]
)
def test_names_that_are_admitted_are_completed_and_no_others(tmp_path, option, choices):
    assert completions(tmp_path, f"sweep --{option} ") == sorted(choices())


def test_a_list_of_tables_goes_on_with_those_that_it_has_not(tmp_path):
    others = [name for name in TABLES if name.startswith("c") and name != "curves"]
    assert completions(tmp_path, "sweep --only curves,c") == sorted(f"curves,{name}" for name in others)


def test_sweeps_are_folders_and_options_are_all_there(tmp_path):
    (tmp_path / "my_sweep").mkdir()
    (tmp_path / "my_table.csv").touch()
    assert completions(tmp_path, "my_") == ["my_sweep/"]
    assert completions(tmp_path, "my_sweep --resampl") == ["--resamples", "--resampling-seed"]


def test_parts_of_a_users_own_are_completed(tmp_path):
    folder = tmp_path / "parts" / "plots"
    folder.mkdir(parents=True)
    (folder / "own_figure.py").write_text("import no_such_module\nFIGURE = no_such_module.figure()\n")  # is not imported for this
    (folder / "helpers.py").write_text("x = 1\n")
    assert completions(tmp_path, "sweep --figure own", LMC_SWEEPS_PARTS=str(tmp_path / "parts")) == ["own_figure"]


def test_every_completer_is_of_an_option():
    from multirun_analysis.__main__ import _parser

    assert set(completion.COMPLETERS) <= {action.dest for action in _parser()._actions}
