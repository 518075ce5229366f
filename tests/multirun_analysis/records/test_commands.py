"""The commands of a sweep: each once, in their order, without secrets; lines that nobody wrote are left out."""

import json

from multirun_analysis.records.commands import LONGEST, load_commands
from multirun_analysis.schema import sealed_line


def write_commands(folder, *commands, **entries):
    folder.mkdir()
    lines = [sealed_line({"command": command}) for command in commands]
    (folder / "commands.jsonl").write_text("".join([*lines, *entries.values()]))
    return folder


def test_each_stands_once_in_the_order_of_the_folders(tmp_path):
    first = write_commands(tmp_path / "first", "python -m lmc_sweeps width=8", "python -m lmc_sweeps width=16")
    second = write_commands(tmp_path / "second", "python -m lmc_sweeps width=8", "python -m lmc_sweeps seed=1")
    commands = [f"python -m lmc_sweeps {override}" for override in ("width=8", "width=16", "seed=1")]
    assert load_commands([first, tmp_path / "nowhere", second]) == commands


def test_a_secret_in_one_is_masked(tmp_path):
    folder = write_commands(tmp_path / "sweep", "python -m lmc_sweeps +dataset.token=s3cr3t")
    assert load_commands([folder]) == ["python -m lmc_sweeps '+dataset.token=***'"]


def test_lines_that_cannot_be_read_were_changed_or_are_no_commands_are_left_out(tmp_path):
    changed = sealed_line({"command": "a command"}).replace("a command", "another one")
    folder = write_commands(
        tmp_path / "sweep", "python -m lmc_sweeps", 3, ["x"], "x" * (LONGEST + 1), unsealed=json.dumps({"command": "x"}) + "\n", changed=changed,
        half_a_letter=sealed_line({"command": "\ud800"}), deep="[" * 100_000 + "\n", other=sealed_line({"x": 1}), text="nonsense\n",
    )  # fmt: skip
    assert load_commands([folder]) == ["python -m lmc_sweeps"]
