"""`arrays`: four arrays in one .npz file."""

import zipfile
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import Data, Dataset, location, normalise, split
from multirun_analysis.checks import open_file

NAMES = ("train_inputs", "train_labels", "test_inputs", "test_labels")


@dataclass(frozen=True, kw_only=True)
class Arrays(Dataset):
    """Inputs and labels (examples,) of both splits, from a file that `np.savez` wrote.

    Inputs are vectors (examples, numbers), or images with their channels first, or grey ones without that axis.
    """

    name: ClassVar[str] = "arrays"
    file: str | None = location()  # where the data lie: in no hash; what they are is in the fingerprint of their contents
    normalise: bool = False

    def __post_init__(self) -> None:
        if self.file is not None and not isinstance(self.file, str):
            raise checks.InputError(f"`dataset.file` must be the path of an .npz file, got {self.file!r}.")
        checks.boolean("dataset.normalise", self.normalise)

    def load(self) -> Data:
        train_x, train_y, test_x, test_y = self._arrays()
        train_x, test_x = (inputs[:, None] if inputs.ndim == 3 else inputs for inputs in (train_x, test_x))  # one channel
        if self.normalise:
            train_x, test_x = normalise(train_x, test_x)
        return Data(split(train_x, train_y), split(test_x, test_y), n_classes=int(train_y.max()) + 1)

    def _arrays(self) -> list[np.ndarray]:
        if self.file is None:
            raise checks.InputError("`dataset.file` must be the path of an .npz file, got null; e.g. dataset.file=arrays.npz.")
        path = checks.user_path("dataset.file", self.file)
        try:
            with open_file(path) as stream:
                stored = np.load(stream, allow_pickle=False)  # nothing in a file is ever run
                arrays = [stored[name] for name in NAMES]
        except KeyError as error:
            raise checks.InputError(f"`dataset.file` must hold the arrays {', '.join(NAMES)}, got {self.file!r}: {error}.") from error
        except (OSError, ValueError, EOFError, IndexError, zipfile.BadZipFile) as error:
            raise checks.InputError(f"`dataset.file` must be a file that np.savez wrote, got {self.file!r}: {error}.") from error
        for name, array in zip(NAMES, arrays, strict=True):
            if array.ndim == 0 or len(array) == 0:
                raise checks.InputError(f"`dataset.file` {self.file!r} has no examples in {name}.")
        return arrays
