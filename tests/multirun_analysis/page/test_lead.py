"""The sentence of the result: the numbers of the tables, and what the paired differences decide."""

import pandas as pd
import pytest
from analysis_sweeps import REPAIRS, make_record

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.page.lead import NONE, result_sentence
from multirun_analysis.tables.sweep import sweep_frames


@pytest.fixture
def sentence(write_sweep):
    def write(records, x="width"):
        frames = sweep_frames(find_sweep(write_sweep(records)))
        return result_sentence(frames["barrier_vs_width"], frames["method_differences"], x)

    return write


def test_it_says_the_means_at_the_largest_width_and_how_many_comparisons_decide(sentence):
    records = [make_record(f"r{width}{seed}", width=width, seed=seed, barrier=0.1 + seed / 100) for width in (8, 16) for seed in range(4)]
    text = sentence(records)
    assert text.startswith("At width=16 the mean test loss barrier is 1.1500 [")
    assert "] nats without matching and 0.1150 [" in text
    assert text.endswith("] nats with weights. On the same pairs, matching is better in 2 of 2 comparisons and worse in 0.")


def test_two_pairs_decide_nothing_and_it_says_so(sentence):
    text = sentence([make_record(f"r{seed}", seed=seed, barrier=0.1 + seed / 10) for seed in (0, 1)])
    assert text.endswith("matching is better in 0 of 1 comparisons and worse in 0; undecided: 1.")


def test_of_several_repairs_it_names_the_one_of_the_lowest_mean_and_of_how_many(sentence):
    text = sentence([make_record("r", barrier=0.1, repairs=REPAIRS)])
    assert text.startswith("At width=8, repair=reset the mean test loss barrier is ")
    assert " nats without matching and 0.0500 nats with weights, the lowest of 2." in text


def test_it_counts_what_matching_wins_loses_and_leaves_undecided_of_comparisons_with_the_control(write_sweep):
    frames = sweep_frames(find_sweep(write_sweep([make_record("r", barrier=0.1)])))
    outcomes = [("identity", "weights", "weights"), ("identity", "covariance", "identity"), ("activations", "identity", "undecided")]
    rows = [*outcomes, ("activations", "weights", "weights")]  # no comparison with the control
    differences = pd.DataFrame(rows, columns=["method", "other", "better_holm"]).assign(
        split="test", metric="loss_barrier", n_comparisons=4
    )
    text = result_sentence(frames["barrier_vs_width"], differences, "width")
    assert text.endswith(
        " On the same pairs, with Holm's correction over the methods of each setting, matching is better in 1 of 3 comparisons and worse in 1; undecided: 1."
    )


def test_of_another_key_it_says_its_last_value_and_the_keys_that_differ(sentence):
    records = [
        make_record(f"r{width}{rate}", width=width, barrier=rate, **{"optimizer.lr": rate}) for width in (8, 16) for rate in (0.1, 0.5)
    ]
    assert sentence(records, "optimizer.lr").startswith(
        "At optimizer.lr=0.5, width=16 the mean test loss barrier is 5.0000 nats without matching"
    )


def test_nothing_measured_is_said(sentence):
    assert sentence([make_record("r", status="diverged") | {"sentence": "no"}]) == NONE
