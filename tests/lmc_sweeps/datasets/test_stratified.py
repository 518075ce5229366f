"""Stratified splits are scikit-learn's, row by row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from lmc_sweeps.datasets.stratified import stratified_parts


@given(st.lists(st.integers(2, 40), min_size=2, max_size=6), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_both_parts_are_those_of_scikit_learn_in_the_same_order(sizes: list[int], share: float, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    least, most = len(sizes), len(labels) - len(sizes)  # of which each part has an example of every class
    test_size = least + round(share * (most - least))
    expected = train_test_split(np.arange(len(labels)), test_size=test_size, random_state=seed, stratify=labels)
    for part, rows in zip(stratified_parts(labels, test_size, seed), expected, strict=True):
        np.testing.assert_array_equal(part, rows)


def test_parts_are_all_rows_once_and_classes_are_in_proportion() -> None:
    labels = np.repeat(np.arange(3), (10, 20, 70))
    train, test = stratified_parts(labels, 30, 5)
    assert sorted([*train, *test]) == list(range(100))
    assert np.bincount(labels[test]).tolist() == [3, 6, 21]
