"""What a job is asked for: one composed config, checked."""

from dataclasses import dataclass, field, fields
from itertools import combinations
from pathlib import Path

from lmc_sweeps import models
from lmc_sweeps.common import checks
from lmc_sweeps.common.devices import resolve_device
from lmc_sweeps.common.identity import NEVER
from lmc_sweeps.datasets.base import Data, Dataset
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.maths import interpolation
from lmc_sweeps.models.base import Model, Shape
from lmc_sweeps.models.checking import check_batches, check_model, check_takes
from lmc_sweeps.repair.base import Repair
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.training.augmentation import check_images
from lmc_sweeps.training.optimizers import Optimizer
from lmc_sweeps.training.recipe import Training

# Of the factors and results of training's matrix products; `bfloat16_factors` rounds the factors only, as TPUs do, on any device. Weights,
# losses and all that is measured afterwards are float32 always.
PRECISIONS = ("float32", "tf32", "bfloat16", "bfloat16_factors")
DIRECTIONS = ("one", "both")  # of matching a pair: the later network to the earlier one, or that and the other way round
SPLITS = {"both": ("train", "test"), "test": ("test",)}  # that lines are evaluated on
MOST_LAYERS = 10_000  # Python takes seconds to build more, before anything is computed
PARTS = ("dataset", "model", "optimizer", "training")  # the keys whose values have settings of their own
MEASURED = ("matching", "repair")  # the keys that take one or several parts, all of which are measured on the same networks


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """One composed config, checked; `store` is the folder of trained networks, or None.

    Its fields are the top-level keys of a config (`plan` aside, which is the command's). What determines the networks is in a job's
    identity, by the rule of `lmc_sweeps.common.identity`.
    """

    width: int
    depth: int
    networks: int
    seed: int
    dataset: Dataset
    model: Model
    optimizer: Optimizer
    training: Training
    matching: tuple[Matching, ...] = field(metadata=NEVER)
    repair: tuple[Repair, ...] = field(default=(NoRepair(),), metadata=NEVER)
    device: str = field(metadata=NEVER)
    precision: str
    points: int = field(metadata=NEVER)
    directions: str = field(default="one", metadata=NEVER)
    splits: str = field(default="both", metadata=NEVER)
    plane: bool = field(default=False, metadata=NEVER)
    time_limit: float | None = field(default=None, metadata=NEVER)
    store: Path | None = field(metadata=NEVER)
    # keys, with the interpolations that gave their values
    from_environment: tuple[tuple[str, str], ...] = field(default=(), compare=False, metadata=NEVER)

    def __post_init__(self) -> None:
        checks.integer("width", self.width)
        checks.integer("depth", self.depth)
        if self.depth > MOST_LAYERS:
            raise checks.InputError(f"`depth` must be at most {MOST_LAYERS:,}, got {self.depth}.")
        checks.integer("networks", self.networks, least=2)
        checks.integer("seed", self.seed, least=0, below=2**64)
        checks.one_of("precision", self.precision, PRECISIONS)
        interpolation.check_points(self.points)  # and no list of them: there may be too many for any memory
        if not self.matching:
            raise checks.InputError("`matching` must name at least one method, got none; e.g. matching=[weights,activations].")
        if not self.repair:
            raise checks.InputError("`repair` must name at least one repair, got none; e.g. repair=[none,repair].")
        checks.one_of("directions", self.directions, DIRECTIONS)
        checks.one_of("splits", self.splits, SPLITS)
        checks.boolean("plane", self.plane)
        if self.plane and all(method.name == "identity" for method in self.matching):
            raise checks.InputError("`plane` needs a matching method that moves B: the plane goes through A, B and permuted B.")
        if self.time_limit is not None:
            object.__setattr__(self, "time_limit", checks.number("time_limit", self.time_limit, above=0.0, below=1e8))
        device = resolve_device(self.device)
        if self.precision == "tf32" and device.type != "cuda":
            others = ", ".join(each for each in sorted(PRECISIONS) if each != "tf32")
            raise checks.InputError(
                f"`precision` must be one of {others} where `device` is {device}, got 'tf32', which is for CUDA devices."
            )

    @property
    def n_pairs(self) -> int:
        """The number of pairs that are measured; they are not listed for that."""
        return self.networks * (self.networks - 1) // (1 if self.directions == "both" else 2)

    def pairs(self) -> list[tuple[int, int]]:
        """Return the numbers of networks A and B of every pair that is measured."""
        pairs = list(combinations(range(self.networks), 2))
        return pairs + [(j, i) for i, j in pairs] if self.directions == "both" else pairs

    def shape(self, data: Data) -> Shape:
        """Return the shape of the networks, trained on these data."""
        return Shape(data.inputs, self.width, self.depth, data.n_classes)

    def check_against(self, data: Data) -> None:
        """Raise `InputError` where the settings do not fit the data."""
        check_takes(self.model, data.kind, self.dataset.name, models.choices())
        shape = self.shape(data)
        self.model.check_shape(shape)
        sees_activations = any(method.needs & {"moments", "cross_moments"} for method in self.matching)
        check_model(self.model, shape, sees_activations, data.kind)
        check_images(self.training.augmentation, data.train.inputs)
        if self.training.batch_size > len(data.train):
            raise checks.InputError(
                f"`training.batch_size` must be at most the size of the training set ({len(data.train)}), got {self.training.batch_size}."
            )
        if self.training.epochs > 0:
            check_batches(self.model, shape, len(data.train), self.training.batch_size, data.kind)


def scalar_keys(kind: type[JobSettings] | JobSettings = JobSettings) -> tuple[str, ...]:
    """Return the top-level keys that have one value and no settings of their own, in order."""
    return tuple(key.name for key in fields(kind) if key.name not in (*PARTS, *MEASURED, "store", "from_environment"))
