"""`digits`: 1,797 real 8×8 images of handwritten digits, embedded in scikit-learn. No download."""

from dataclasses import dataclass
from typing import ClassVar

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import Data, Dataset, normalise, split

SHAPE = (1, 8, 8)  # of an image: one channel


@dataclass(frozen=True, kw_only=True)
class Digits(Dataset):
    """The test part of UCI's "Optical Recognition of Handwritten Digits", split 80 : 20, stratified by class, the same for everybody.

    References
    ----------
    Alpaydin and Kaynak 1998; `sklearn.datasets.load_digits`.
    """

    name: ClassVar[str] = "digits"
    normalise: bool = False

    def __post_init__(self) -> None:
        checks.boolean("dataset.normalise", self.normalise)

    def load(self) -> Data:
        """Return 1,437 training and 360 test images of one channel, pixels in [0, 1]."""
        from sklearn.datasets import load_digits  # scikit-learn takes a second to import, and other datasets do not need it
        from sklearn.model_selection import train_test_split

        pixels, labels = load_digits(return_X_y=True)
        inputs = pixels / 16.0  # 17 grey levels, 0 to 16
        train_x, test_x, train_y, test_y = train_test_split(inputs, labels, test_size=360, random_state=0, stratify=labels)
        if self.normalise:
            train_x, test_x = normalise(train_x, test_x)
        train_x, test_x = (pixels.reshape(-1, *SHAPE) for pixels in (train_x, test_x))
        return Data(split(train_x, train_y), split(test_x, test_y), n_classes=10)
