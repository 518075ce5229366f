"""`digits`: 1,797 real 8×8 images of handwritten digits, embedded in scikit-learn. No download."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import Data, Dataset, check_sizes, first_rows, normalise, split
from lmc_sweeps.datasets.stratified import stratified_parts

SHAPE = (1, 8, 8)  # of an image: one channel


@dataclass(frozen=True, kw_only=True)
class Digits(Dataset):
    """The test part of UCI's "Optical Recognition of Handwritten Digits", split 80 : 20, stratified by class, the same for everybody.

    Parameters
    ----------
    normalise : bool
    train_size, test_size : int, optional
        Only the first so many images of a part, which are in random order.
    enlarge : int
        Every pixel becomes a square of so many pixels on a side: for models that need larger images than 8×8.

    References
    ----------
    Alpaydin and Kaynak 1998; `sklearn.datasets.load_digits`.
    """

    name: ClassVar[str] = "digits"
    normalise: bool = False
    train_size: int | None = None
    test_size: int | None = None
    enlarge: int = 1

    def __post_init__(self) -> None:
        checks.boolean("dataset.normalise", self.normalise)
        check_sizes(self)
        checks.integer("dataset.enlarge", self.enlarge)

    def load(self) -> Data:
        """Return 1,437 training and 360 test images of one channel, or the first of them, pixels in [0, 1] unless normalised."""
        pixels, labels = _images()
        inputs = pixels / 16.0  # 17 grey levels, 0 to 16
        train, test = stratified_parts(labels, test_size=360, seed=0)
        train_x, test_x, train_y, test_y = inputs[train], inputs[test], labels[train], labels[test]
        chosen_train = first_rows("train_size", self.train_size, len(train_y), "the training part of digits")
        chosen_test = first_rows("test_size", self.test_size, len(test_y), "the test part of digits")
        train_x, train_y, test_x, test_y = train_x[chosen_train], train_y[chosen_train], test_x[chosen_test], test_y[chosen_test]
        if self.normalise:
            train_x, test_x = normalise(train_x, test_x)
        square = np.ones((self.enlarge, self.enlarge))
        train_x, test_x = (np.kron(pixels.reshape(-1, *SHAPE), square) for pixels in (train_x, test_x))
        return Data(split(train_x, train_y), split(test_x, test_y), n_classes=10)


def _images() -> tuple[np.ndarray, np.ndarray]:
    """Return pixels, (1797, 64), and labels, (1797,), out of scikit-learn's file: the package itself takes two seconds to import."""
    package = find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            table = np.loadtxt(file, delimiter=",")
            return table[:, :-1], table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits  # of a version that keeps it elsewhere

    return load_digits(return_X_y=True)
