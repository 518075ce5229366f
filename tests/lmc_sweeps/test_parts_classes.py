"""Classes that cannot be parts are refused when their folder is added: a sentence names the class, the rule and what it has instead."""

from pathlib import Path

import pytest
from parts_folders import DATASET, HEAD, METHOD, MODEL, TRANSPORT, added, refusal_of, write_parts

from lmc_sweeps import models

CASES = {
    "a model without methods": (
        "models/small.py",
        MODEL.replace("mlp import Mlp", "base import Model").replace("(Mlp)", "(Model)"),
        "Small must define `architecture`, `initial`: every Model needs them.",
    ),
    "a method without one method": (
        "matching/mine.py",
        METHOD.replace("weights import Weights", "base import Matching").replace("(Weights)", "(Matching)") + "    needs: ClassVar = frozenset()\n",
        "Mine must define `__call__`: every Matching needs it.",
    ),
    "a transport": (
        "transport/twice.py",
        TRANSPORT.replace("assignment import Assignment", "base import Transport").replace("(Assignment)", "(Transport)"),
        "Twice must define `__call__`: every Transport needs it.",
    ),
    "a dataset": ("datasets/corners.py", DATASET.replace("def load", "def lode"), "Corners must define `load`: every Dataset needs it."),
    "a field without a default": (
        "models/small.py",
        MODEL.replace("size: int = 3", "size: int"),
        "Small must have a default for every setting, and `size` has none: write `size: int = DEFAULT`.",
    ),
    "a field of a transport without one": (
        "transport/twice.py",
        f"{HEAD}from lmc_sweeps.transport.assignment import Assignment\n@dataclass(frozen=True, kw_only=True)\nclass Twice(Assignment):\n"
        "    name: ClassVar[str] = 'twice'\n    steps: list[int]\n",
        "Twice must have a default for every setting, and `steps` has none: write `steps: list[int] = DEFAULT`.",
    ),
    "a name that is a setting": (
        "models/small.py",
        MODEL.replace("name: ClassVar[str]", "name: str"),
        "Small must have its `name` as `name: ClassVar[str] = 'small'`: it is no setting.",
    ),
    "a name that is no word": (
        "models/small.py",
        MODEL.replace('"small"', "3"),
        "Small must have a `name` that is a word, got 3.",
    ),
    "a setting that would hide the code": (
        "models/small.py",
        MODEL.replace("size: int = 3", "code: int = 3"),
        "Small must not have a setting called `code`, which stands for the digest of its file; give it another name.",
    ),
    "architecture of four integers": (
        "models/small.py",
        MODEL + "    def architecture(self, n_inputs, width, depth, n_classes): ...\n",
        "Small must have the method `architecture(self, shape)`, got `architecture(self, n_inputs, width, depth, n_classes)`: `shape` is a "
        "`Shape` (lmc_sweeps.models.base), with `inputs`, `n_inputs`, `width`, `depth` and `classes`.",
    ),
    "an architecture that is no method": (
        "models/small.py",
        MODEL + "    architecture: ClassVar = 'chain'\n",
        "Small must have the method `architecture(self, shape)`, got 'chain': `shape` is a `Shape` (lmc_sweeps.models.base), with `inputs`, "
        "`n_inputs`, `width`, `depth` and `classes`.",
    ),
    "initial of four integers": (
        "models/small.py",
        MODEL + "    def initial(self, n_inputs: int, width: int, depth: int, n_classes: int, rng: object) -> dict: ...\n",
        "Small must have the method `initial(self, shape, rng)`, got `initial(self, n_inputs, width, depth, n_classes, rng)`: `shape` is a "
        "`Shape` (lmc_sweeps.models.base), with `inputs`, `n_inputs`, `width`, `depth` and `classes`.",
    ),
    "check_shape of three integers": (
        "models/small.py",
        MODEL + "    def check_shape(self, n_inputs, width, depth): ...\n",
        "Small must have the method `check_shape(self, shape)`, got `check_shape(self, n_inputs, width, depth)`: `shape` is a `Shape` "
        "(lmc_sweeps.models.base), with `inputs`, `n_inputs`, `width`, `depth` and `classes`.",
    ),
    "needs that do not exist": (
        "matching/mine.py",
        METHOD + "    needs: ClassVar = frozenset({'activations'})\n",
        "Mine must have `needs: ClassVar[frozenset[str]]`, a frozenset of those of weights, moments, cross_moments, loss, generator "
        "that it looks at, got frozenset({'activations'}).",
    ),
    "needs that are a word": ("matching/mine.py", METHOD + "    needs: ClassVar = 'weights'\n", "that it looks at, got 'weights'."),
    "no needs": (
        "matching/mine.py",
        METHOD.replace("weights import Weights", "base import Matching").replace("(Weights)", "(Matching)")
        + "    def __call__(self, problem): ...\n",
        "that it looks at, got none.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_class_that_cannot_be_a_part_is_refused(tmp_path: Path, case: str) -> None:
    file, text, sentence = CASES[case]
    message = refusal_of(write_parts(tmp_path, {file: text}))
    assert message.startswith(f"{tmp_path / file}: the class ")
    assert message.endswith(sentence)


def test_a_base_class_without_a_name_may_leave_methods_to_others(tmp_path: Path) -> None:
    base = f"{HEAD}from lmc_sweeps.models.base import Model\nclass Base(Model):\n    pass\n"
    with added(write_parts(tmp_path, {"models/_base.py": base})):
        assert "small" in models.choices()
