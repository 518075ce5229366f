"""Folders of a user's own parts for tests: a small model, a method, a transport and a dataset, each a file and a YAML, that can be changed."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pytest

import lmc_sweeps
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.mlp import Mlp
from multirun_analysis.common.registry import PARTS, extend_packages

HEAD = """from dataclasses import dataclass
from typing import ClassVar
"""
MODEL = f"""{HEAD}from lmc_sweeps.models.mlp import Mlp
@dataclass(frozen=True, kw_only=True)
class Small(Mlp):
    name: ClassVar[str] = "small"
    size: int = 3
"""
METHOD = f"""{HEAD}from lmc_sweeps.matching.weights import Weights
@dataclass(frozen=True, kw_only=True)
class Mine(Weights):
    name: ClassVar[str] = "mine"
"""
TRANSPORT = """from typing import ClassVar
from lmc_sweeps.transport.assignment import Assignment
class Twice(Assignment):
    name: ClassVar[str] = "twice"
"""
DATASET = f"""{HEAD}import numpy as np
from lmc_sweeps.datasets.base import Data, Dataset, split
@dataclass(frozen=True, kw_only=True)
class Corners(Dataset):
    name: ClassVar[str] = "corners"
    def load(self):
        inputs = np.array([[k % 2, k // 2 % 2, k] for k in range(60)])
        return Data(split(inputs, inputs[:, 0]), split(inputs, inputs[:, 0]), 2)
"""
SMALL_YAML = "name: small\n" + "".join(f"{field.name}: {str(field.default).lower()}\n" for field in fields(Mlp)) + "size: 3\n"
FILES: Mapping[str, str] = {
    "models/small.py": MODEL,
    "conf/model/small.yaml": SMALL_YAML,
    "matching/mine.py": METHOD,
    "conf/matching/mine.yaml": "# @package matching.mine\nname: mine\ntransport: emd\nbiases: false\noutgoing: false\n",
    "transport/twice.py": TRANSPORT,
    "datasets/corners.py": DATASET,
    "conf/dataset/corners.yaml": "name: corners\n",
}


def write_parts(folder: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """Write a folder of parts with some files changed, or left out where their text is None, and return it."""
    for name, text in {**FILES, **(changes or {})}.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    return folder


@contextmanager
def added(folder: Path) -> Iterator[None]:
    """Add a folder of parts for a while; its modules are forgotten afterwards."""
    with no_parts():
        lmc_sweeps.add_parts(folder)
        yield


@contextmanager
def no_parts() -> Iterator[None]:
    """Begin with no folder of parts, and end with none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PARTS, "")
        extend_packages()
        try:
            yield
        finally:
            os.environ[PARTS] = ""
            extend_packages()


def refusal_of(folder: Path | str) -> str:
    """Return the one sentence with which `add_parts` refuses a folder."""
    with no_parts(), pytest.raises(InputError) as error:
        lmc_sweeps.add_parts(folder)
    assert error.value.__suppress_context__ or error.value.__context__ is None  # no other error is shown before it
    assert "\n" not in str(error.value)
    return str(error.value)
