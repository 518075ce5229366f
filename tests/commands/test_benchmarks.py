"""Benchmarks: candidates take turns, the first turn does not count, and what is compared computes the same."""

import numpy as np
import pytest

from benchmarks import measuring
from benchmarks.fault_tally import Tally
from benchmarks.timing import interleaved
from lmc_sweeps.measuring.evaluation import evaluate_line


def test_candidates_take_turns_and_the_first_turn_does_not_count():
    order = []

    def candidate(name, times):
        left = iter(times)

        def run():
            order.append(name)
            return next(left)

        return run

    timings = interleaved({"a": candidate("a", [9.0, 1.0, 3.0, 2.0]), "b": candidate("b", [0.0, 5.0, 5.0, 8.0])}, repeats=3)
    assert order == ["a", "b"] * 4
    assert (timings["a"].turns, timings["a"].median) == ((1.0, 3.0, 2.0), 2.0)
    assert (timings["b"].turns, timings["b"].median) == ((5.0, 5.0, 8.0), 5.0)
    assert timings["a"].speed(timings["b"]) == 4.0  # of 5, 5/3 and 4 turn by turn
    assert str(timings["a"]) == "2000.000 ms (1000.000 to 3000.000)"


def test_the_plain_line_that_ours_is_timed_against_computes_the_same():
    architecture, a, b = measuring.pair(20, 2)
    split = measuring.examples(50)
    permutations = {group: np.random.default_rng(0).permutation(20) for group in architecture.spec.groups}
    loss = evaluate_line(architecture, a, b, [permutations], np.array([0.25]), split).loss[0, 0]
    assert loss == pytest.approx(measuring._plain_line(architecture, a, b, permutations, 0.25, split), rel=1e-5)


def test_a_fault_counts_against_the_program_unless_it_is_said_in_a_sentence_without_a_traceback(capsys):
    tally = Tally("a fault", "run the sweep again")
    for sentence in ("one line\ndamaged; run the sweep again", None, "", "Traceback (most recent call last): run the sweep again"):
        tally.note(sentence)
    tally.note(None, lost=True)
    tally.note(None, wrong=True)
    row = tally.row()
    counts = [row[key] for key in ("injected", "finished_work_lost", "wrong_numbers", "unclear_messages")]
    assert counts == [6, 1, 1, 2]
    assert row["what the program said"] == "damaged; run the sweep again"
    assert "a fault" in capsys.readouterr().err
