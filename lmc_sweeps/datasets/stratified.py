"""Stratified splits: those of scikit-learn's `train_test_split`, without the seconds that it takes to import."""

import numpy as np

Legacy = np.random.RandomState  # whose bits are frozen, and what scikit-learn draws with


def stratified_parts(labels: np.ndarray, test_size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the training and of the test part, each in random order, with every class in both in proportion to its size.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        0, ..., C - 1, each at least twice.
    test_size : int
        Number of examples in the test part; all others are in the training part.
    seed : int

    Returns
    -------
    train, test : ndarray of int, shapes (n - test_size,) and (test_size,)
        The rows that ``train_test_split(..., test_size=test_size, random_state=seed, stratify=labels)`` takes, in its order.
    """
    rng, sizes = Legacy(seed), np.bincount(labels)
    of_train = _shares(sizes, len(labels) - test_size, rng)
    of_test = _shares(sizes - of_train, test_size, rng)
    parts: tuple[list[int], list[int]] = [], []
    for label, (n_train, n_test) in enumerate(zip(of_train, of_test, strict=True)):
        rows = np.flatnonzero(labels == label)[rng.permutation(sizes[label])]
        parts[0].extend(rows[:n_train])
        parts[1].extend(rows[n_train : n_train + n_test])
    train, test = (rng.permutation(part) for part in parts)
    return train, test


def _shares(sizes: np.ndarray, drawn: int, rng: np.random.RandomState) -> np.ndarray:
    """Return how many examples of each class are drawn, in proportion to `sizes`; the largest remainders are rounded up, ties by lot."""
    exact = sizes / sizes.sum() * drawn
    shares = np.floor(exact)
    remainders, missing = exact - shares, int(drawn - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if missing == 0:
            break
        equal = np.flatnonzero(remainders == remainder)
        chosen = rng.choice(equal, size=min(len(equal), missing), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    return shares.astype(int)
