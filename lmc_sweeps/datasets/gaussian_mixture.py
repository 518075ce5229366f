"""`gaussian_mixture`: synthetic classes on a low-dimensional subspace of a larger space."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Data, Dataset, Split, split


@dataclass(frozen=True, kw_only=True)
class GaussianMixture(Dataset):
    r"""One Gaussian per class, on a subspace of dimension k embedded isometrically in dimension d.

    .. math:: x = U (s\, c_y + z), \quad c_y, z \sim \mathcal N(0, I_k), \quad U \in \mathbb R^{d \times k}, \quad U^\top U = I_k

    where s is the `separation` and U and the centres :math:`c_y` are drawn once from `dataset.seed`: they belong to the law of the
    data, so `seed` does not touch them. Classes are equally frequent.

    References
    ----------
    Ours, for the third claim of Ferbach et al. 2024 (dimension dictates connectivity).
    """

    name: ClassVar[str] = "gaussian_mixture"
    ambient_dimension: int = 32
    intrinsic_dimension: int = 4
    classes: int = 10
    separation: float = 2.0
    train_size: int = 4000
    test_size: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        for key in ("ambient_dimension", "intrinsic_dimension", "train_size", "test_size"):
            checks.integer(f"dataset.{key}", getattr(self, key))
        checks.integer("dataset.classes", self.classes, least=2)
        checks.integer("dataset.seed", self.seed, least=0, below=2**64)
        object.__setattr__(self, "separation", checks.number("dataset.separation", self.separation, least=0.0))
        if self.intrinsic_dimension > self.ambient_dimension:
            raise checks.InputError(
                f"`dataset.intrinsic_dimension` must be at most `dataset.ambient_dimension` ({self.ambient_dimension}), "
                f"got {self.intrinsic_dimension}."
            )
        if min(self.train_size, self.test_size) < self.classes:
            raise checks.InputError(
                f"`dataset.train_size` and `dataset.test_size` must be at least `dataset.classes` ({self.classes}), "
                f"got {self.train_size} and {self.test_size}."
            )

    @one_thread()
    def load(self) -> Data:
        """Return both splits, drawn from one law."""
        law = generator(self.seed, "gaussian_mixture", "law")
        k = self.intrinsic_dimension
        basis = np.linalg.qr(law.standard_normal((self.ambient_dimension, k)))[0]  # (d, k)
        centres = self.separation * law.standard_normal((self.classes, k))

        def draw(name: str, size: int) -> Split:
            draws = generator(self.seed, "gaussian_mixture", name)
            labels = np.arange(size) % self.classes
            points = centres[labels] + draws.standard_normal((size, k))  # (size, k)
            return split(points @ basis.T, labels)

        return Data(draw("train", self.train_size), draw("test", self.test_size), n_classes=self.classes)
