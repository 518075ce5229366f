"""What the command line prints of results: a line per job, and why there is no table where there is none."""

import pytest

from lmc_sweeps.sweeps.summary import job_line, print_summary
from multirun_analysis.report import report


def row(pair: str, matching: str, error_a: float, error_b: float, barrier: float, split: str = "test") -> dict:
    return {
        "network_a": pair[0], "network_b": pair[1], "matching": matching, "split": split, "error_a": error_a, "error_b": error_b,
        "loss_barrier": barrier,
    }  # fmt: skip


def test_the_line_of_a_job_has_means_over_its_networks_and_over_its_pairs():
    rows = [
        row("ab", "identity", 0.1, 0.2, 3.0),
        row("ab", "weights", 0.1, 0.2, 1.0),
        row("ac", "identity", 0.1, 0.6, 5.0),
        row("ac", "weights", 0.1, 0.6, 1.5),
        row("ab", "weights", 0.0, 0.0, 99.0, split="train"),
    ]
    line = job_line({"status": "ok", "seconds": 1.26, "runs": rows})
    assert line == "1.3 s; test error 0.3; test loss barrier: identity 4, weights 1.25"


def test_a_job_that_diverged_says_why():
    assert job_line({"status": "diverged", "sentence": "network 0 had a loss."}) == "diverged: network 0 had a loss."


def test_where_there_is_no_sweep_there_is_a_sentence_and_no_table(tmp_path, capsys):
    assert not print_summary(tmp_path / "nowhere\x1b[2J")
    printed = capsys.readouterr().out
    assert "nowhere" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("x")], ids=str)
def test_tables_that_cannot_be_written_hide_nothing_of_how_the_sweep_ended(tmp_path, monkeypatch, capsys, error):
    def fail(*arguments, **settings):
        raise error

    monkeypatch.setattr(report, "write_report", fail)
    assert not print_summary(tmp_path)
    sentence = f"the tables could not be written ({type(error).__name__}: {error}); python -m multirun_analysis {tmp_path} tries again."
    assert capsys.readouterr().out == f"\n{sentence}\n"
