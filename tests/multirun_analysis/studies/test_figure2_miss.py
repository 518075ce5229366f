"""The study of the miss: differences on the same seeds, the gap with both spreads, and the chance of four pairs."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from multirun_analysis.studies.figure2_miss import compared, differences, from_paper, luck, miss
from multirun_analysis.studies.paper_values import LEARNING_RATES, MIDPOINTS, Value

SEEDS = range(4, 12)
PAPER = {method: by_rate[LEARNING_RATES[-1]] for method, by_rate in MIDPOINTS.items()}
LABELS = {
    "weights[biases=false, outgoing=false]": "weights", "weights[biases=true, outgoing=false]": "weights",
    "covariance[biases=false, centred=false]": "covariance", "activations": "activations", "rebasin": "weights",
}  # fmt: skip
NOISE = dict(zip(SEEDS, np.random.default_rng(0).normal(0, 0.005, len(SEEDS)), strict=True))


def rows(seeds, shift: float, **recipe: object) -> list[dict[str, object]]:
    """Return rows that lie 0.02 above the paper by every method, and `shift` more, with noise of the seeds."""
    recipe = {"training.data_order": "own", "precision": "float32", "training.warmup_steps": 10} | recipe
    return [
        {
            "status": "ok", "seed": seed, "split": split, "matching": label,
            "loss_midpoint": PAPER[method].mean + 0.02 + shift + NOISE[seed] - 0.05 * (split == "train") + 0.01 * ("biases=true" in label),
        } | recipe
        for seed in seeds for split in ("train", "test") for label, method in LABELS.items()
    ]  # fmt: skip


def every_row() -> list[dict[str, object]]:
    runs = [*rows(SEEDS, 0.0), *rows(SEEDS, -0.01, **{"training.data_order": "shared"}), *rows((4, 5), 0.005, precision="bfloat16_factors")]
    diverged = [row | {"status": "diverged", "loss_midpoint": np.nan} for row in rows((6,), 0.0, precision="bfloat16_factors")]
    return [*runs, *diverged]


def table() -> pd.DataFrame:
    return miss({"runs": pd.DataFrame(every_row())})


def test_every_candidate_has_a_row_per_method_and_the_base_comes_first():
    entry = table()
    assert entry["candidate"].iloc[0] == "base"
    assert not entry.duplicated(["candidate", "matching"]).any()
    # One kind of change at a time: no networks of another recipe matched in another way, say.
    candidates = {"base", "training.data_order=shared", "precision=bfloat16_factors", "split=train", "biases=true", "rebasin"}
    assert set(entry["candidate"]) == candidates
    assert set(entry.loc[entry["candidate"] == "rebasin", "matching"]) == {"weights"}
    assert set(entry.loc[entry["candidate"] == "base", "matching"]) == set(PAPER)


@pytest.mark.parametrize(
    ("candidate", "shift", "n"),
    [
        ("training.data_order=shared", -0.01, 8),
        ("precision=bfloat16_factors", 0.005, 2),
        ("biases=true", 0.01, 8),
        ("split=train", -0.05, 8),
        ("rebasin", 0.0, 8),
    ],
)
def test_a_shift_is_found_whatever_the_seeds_noise_and_closes_its_share_of_the_gap(candidate, shift, n):
    entry = table().set_index(["candidate", "matching"]).loc[(candidate, "weights")]
    assert (entry["n_pairs"], entry["n_shared"]) == (n, n)
    assert entry[["difference", "ci_low", "ci_high"]].tolist() == pytest.approx([shift] * 3)
    gap = 0.02 + np.mean([NOISE[seed] for seed in list(SEEDS)[:n]])
    assert entry[["closes", "closes_low", "closes_high"]].tolist() == pytest.approx([-shift / gap] * 3)


def test_the_base_closes_nothing_of_its_own_gap():
    entry = table().query("candidate == 'base'")
    assert (entry[["difference", "ci_low", "ci_high", "closes"]] == 0).all(axis=None)
    assert entry["gap"].to_numpy() == pytest.approx(0.02 + np.mean(list(NOISE.values())))


def test_differences_are_paired_and_their_interval_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(1)
    base, new = (pd.Series(rng.normal(0.1, 0.01, 6), index=seeds) for seeds in (range(6), range(2, 8)))
    entry = compared(new, base, Value(0.08))
    expected = stats.ttest_rel(new.loc[2:5], base.loc[2:5])
    assert entry["n_shared"] == 4
    assert (entry["ci_low"], entry["ci_high"]) == pytest.approx(tuple(expected.confidence_interval()))
    assert entry["difference"] == pytest.approx(new.loc[2:5].mean() - base.loc[2:5].mean())


def test_the_gap_is_welchs_of_our_pairs_and_four_with_the_papers_mean_and_spread():
    losses, paper = pd.Series(np.random.default_rng(2).normal(0.1, 0.01, 7)), Value(0.08, 0.006)
    of_paper = paper.mean + paper.std * np.array([1, -1, 1, -1])  # of that mean, and of that population deviation
    interval = stats.ttest_ind(losses, of_paper, equal_var=False).confidence_interval()
    entry = from_paper(losses, paper)
    assert (entry["gap_low"], entry["gap_high"]) == pytest.approx(tuple(interval))


def test_luck_counts_subsets_and_is_the_chance_of_a_normal_mean_of_four():
    values, paper = pd.Series([0.07, 0.08, 0.09, 0.1, 0.11]), Value(0.085)
    entry = luck(values, paper)
    assert entry["luck_subsets"] == sum(sum(some) <= 4 * 0.085 + 1e-12 for some in combinations(values, 4)) / 5
    # With the paper's mean at the quantile that a fraction q of new means lies below, it is q: by simulation.
    rng = np.random.default_rng(3)
    drawn = rng.normal(0.0, 1.0, (20_000, 9))
    chances = np.array([luck(pd.Series(row[:5]), Value(float(row[5:].mean())))["luck_t"] for row in drawn[:4000]])
    assert np.mean(chances < 0.2) == pytest.approx(0.2, abs=0.02)
    assert luck(values.iloc[:3], paper).keys() == entry.keys()
    assert np.isnan(list(luck(values.iloc[:3], paper).values())).all()


def test_two_pairs_of_a_seed_in_a_cell_are_not_told_apart_and_refused():
    runs = pd.DataFrame([*rows((4, 5), 0.0), *rows((4, 5), 0.1)])
    with pytest.raises(ValueError, match=r"^several pairs of one seed are split=train, weights"):
        miss({"runs": runs})


def test_the_figure_has_each_candidates_difference_at_its_name_and_the_papers_mean_where_the_base_would_reach_it():
    figure, entries = differences({"runs": pd.DataFrame(every_row())}), table()
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == list(dict.fromkeys(entries["candidate"]))
    for ax in figure.axes:
        own = entries[entries["matching"] == ax.get_title("left")]
        points, zero, paper = ax.get_lines()
        np.testing.assert_allclose(points.get_xdata(), own["difference"])
        assert [names[int(at)] for at in points.get_ydata()] == own["candidate"].tolist()
        assert zero.get_xdata()[0] == 0
        assert paper.get_xdata()[0] + own["mean"].iloc[0] == pytest.approx(PAPER[ax.get_title("left")].mean)
