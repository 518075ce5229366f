"""What shared test examples add to a variance: mean squares of a two-way table, their limits, and the coverage of intervals over both."""

import numpy as np
import pytest
from scipy import stats

from multirun_analysis.stats.positive import CUT, LOGS, SIGNED, log_t_of_rows
from multirun_analysis.stats.shared_examples import SharedExamples, half_width, shared_examples

LEVEL = 0.95


def table_of(pairs: int, blocks: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(pairs, 1)) + 2 * rng.normal(size=(1, blocks)) + rng.normal(size=(pairs, blocks)) + 3


def of_one(table: np.ndarray, items: np.ndarray | None = None) -> SharedExamples:
    return shared_examples(table[None], np.ones((1, table.shape[1])) if items is None else items[None])


def error_over_pairs(table: np.ndarray) -> float:
    return float(table.mean(axis=1).std(ddof=1) / np.sqrt(len(table)))


def test_with_blocks_of_one_size_they_are_the_mean_squares_of_the_two_way_analysis_of_variance():
    table = table_of(4, 7)
    rows, columns, mean = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True), table.mean()
    ms_blocks = 4 * ((columns - mean) ** 2).sum() / 6
    ms_both = ((table - rows - columns + mean) ** 2).sum() / (3 * 6)
    examples = of_one(table)
    assert examples.variance[0] == pytest.approx(ms_blocks / (4 * 7))
    assert examples.both[0] == pytest.approx(ms_both / (4 * 7))
    assert (examples.freedom[0], examples.freedom_both[0]) == (6, 18)


def test_pairs_and_blocks_exchanged_the_variance_of_the_mean_is_the_same():
    table = table_of(5, 9)
    variances = [error_over_pairs(each) ** 2 + of_one(each).variance[0] - of_one(each).both[0] for each in (table, table.T)]
    assert variances[0] == pytest.approx(variances[1], rel=1e-12)
    assert of_one(table).variance[0] == pytest.approx(error_over_pairs(table.T) ** 2)


def test_blocks_weigh_as_their_items_and_a_block_without_any_does_not_count():
    table, items = table_of(4, 6), np.array([3.0, 1.0, 2.0, 2.0, 5.0, 1.0])
    doubled = of_one(table, 2 * items)
    assert doubled.variance[0] == pytest.approx(of_one(table, items).variance[0])
    more = np.concatenate([table, np.full((4, 2), np.nan)], axis=1)
    with_empty = of_one(more, np.concatenate([items, [0.0, 0.0]]))
    for name in ("variance", "both", "freedom", "freedom_both"):
        assert getattr(with_empty, name)[0] == pytest.approx(getattr(of_one(table, items), name)[0])


def test_the_variance_over_blocks_of_unequal_sizes_is_unbiased():
    rng, items = np.random.default_rng(0), np.array([1.0, 8, 7, 7, 20, 7, 8])
    values = rng.normal(size=(20_000, 1, 7)) / np.sqrt(items)
    variance = shared_examples(np.repeat(values, 2, axis=1), np.tile(items, (20_000, 1))).variance
    assert variance.mean() == pytest.approx(1 / items.sum(), rel=0.02)


def test_examples_that_are_all_alike_leave_the_interval_over_pairs():
    table = np.repeat(np.array([[1.0], [2.0], [4.0], [1.5]]), 10, axis=1)
    error = np.array([error_over_pairs(table)])
    assert half_width(error, 3, LEVEL, of_one(table)) == pytest.approx(half_width(error, 3, LEVEL), rel=1e-12)
    pairs = table.mean(axis=1)[None]
    for ends, both in zip(log_t_of_rows(pairs), log_t_of_rows(pairs, examples=of_one(table)), strict=True):
        assert both == pytest.approx(ends, rel=1e-12)


def test_pairs_that_are_all_alike_leave_the_interval_over_examples():
    table = np.tile(table_of(1, 12), (4, 1))
    half = half_width(np.zeros(1), 3, LEVEL, of_one(table))
    low, high = stats.t.interval(LEVEL, 11, table.mean(), stats.sem(table[0]))
    assert half == pytest.approx((high - low) / 2)


@pytest.mark.parametrize("noise", [0.1, 1.0, 3.0, 10.0])
def test_the_interval_over_both_is_nowhere_narrower_than_over_pairs(noise):
    rng = np.random.default_rng(0)
    table = rng.lognormal(-0.5, 1.0, (200, 3, 1)) + noise * (rng.normal(size=(200, 1, 50)) + rng.normal(size=(200, 3, 50)) / 2)
    examples, values = shared_examples(table, np.ones((200, 50))), table.mean(axis=2)
    over_pairs, over_both = log_t_of_rows(values), log_t_of_rows(values, examples=examples)
    assert (over_both[0] <= over_pairs[0] + 1e-12).all()
    assert (over_both[1] >= over_pairs[1] - 1e-12).all()
    error = values.std(axis=1, ddof=1) / np.sqrt(3)
    assert (half_width(error, 2, LEVEL, examples) >= half_width(error, 2, LEVEL)).all()


def test_where_examples_alone_do_not_tell_the_mean_from_0_a_log_says_nothing():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=50)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * np.sqrt(50)  # of a mean over 50 blocks: 1
    for size, kind in ((0.4, LOGS), (0.6, CUT)):  # 2.01 times the size is the half over examples
        table = np.array([[0.9], [1.0], [1.1]]) + size * noise
        low, _, kinds = log_t_of_rows(table.mean(axis=1)[None], examples=of_one(table))
        assert kinds[0] == kind
        assert (low[0] == 0) == (kind == CUT)
    negative = table - 2
    low, high, kinds = log_t_of_rows(negative.mean(axis=1)[None], examples=of_one(negative))
    assert kinds[0] == SIGNED
    half = half_width(np.array([error_over_pairs(negative)]), 2, LEVEL, of_one(negative))
    assert (low + high) / 2 == pytest.approx(negative.mean())
    assert high - low == pytest.approx(2 * half)


def test_cells_of_zeros_are_the_point_0():
    zeros = np.zeros((1, 4, 10))
    low, high, _ = log_t_of_rows(zeros.mean(axis=2), examples=shared_examples(zeros, np.ones((1, 10))))
    assert (low[0], high[0]) == (0, 0)


@pytest.mark.parametrize("pairs", [4, 10])
def test_with_few_examples_the_interval_over_both_holds_the_mean_where_that_over_pairs_does_not(pairs):
    """Of signed measures: effects of pairs, examples and both at once; standard error of the shares held: 0.5 points."""
    rng, tries = np.random.default_rng(1), 2000
    table = rng.normal(size=(tries, pairs, 1)) + np.sqrt(50) * (rng.normal(size=(tries, 1, 50)) + rng.normal(size=(tries, pairs, 50)) / 2)
    mean, error = table.mean(axis=(1, 2)), table.mean(axis=2).std(axis=1, ddof=1) / np.sqrt(pairs)
    held = [
        np.mean(np.abs(mean) <= half_width(error, pairs - 1, LEVEL, each)) for each in (None, shared_examples(table, np.ones((tries, 50))))
    ]
    assert held[0] < 0.8
    assert 0.93 <= held[1] <= 0.97


@pytest.mark.parametrize("pairs", [4, 10])
def test_the_same_on_the_log_scale(pairs):
    """Of 360 examples with lognormal pairs of log sd 0.5; an example's excess has four times the mean as its standard deviation."""
    rng, tries = np.random.default_rng(1), 2000
    of_examples = 1 + 4 * rng.normal(size=(tries, 1, 50)) / np.sqrt(360 / 50)
    table = rng.lognormal(-0.125, 0.5, (tries, pairs, 1)) * of_examples
    held = []
    for examples in (None, shared_examples(table, np.ones((tries, 50)))):
        low, high, _ = log_t_of_rows(table.mean(axis=2), examples=examples)
        held.append(np.mean((low <= 1) & (high >= 1)))
    assert held[0] < 0.92
    assert 0.93 <= held[1] <= 0.98
