"""The registry: a variant is found because its file is there."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmc_sweeps import datasets, matching, models, transport
from lmc_sweeps.common.registry import variants

BASE = "class Part:\n    pass\n"
FILES = {
    "__init__.py": "",
    "base.py": BASE,
    "zebra.py": "from room_for_test.base import Part\nclass Zebra(Part):\n    name = 'zebra'\n",
    "ant.py": (
        "from room_for_test.base import Part\n"
        "from visitor_for_test import Visitor\n"  # a class that is only imported is no variant of this room
        "class _Shared(Part):\n    pass\n"  # a class without a name is a base, not a variant
        "class Ant(_Shared):\n    name = 'ant'\n"
        "class Heir(Ant):\n    pass\n"  # a name that is only inherited does not count
        "class Stranger:\n    name = 'stranger'\n"
    ),
}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / "room_for_test"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (tmp_path / "visitor_for_test.py").write_text("from room_for_test.base import Part\nclass Visitor(Part):\n    name = 'visitor'\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "room_for_test"
    for name in [name for name in sys.modules if name.partition(".")[0] in ("room_for_test", "visitor_for_test")]:
        del sys.modules[name]


def test_variants_are_the_named_subclasses_by_name_in_order(room: str) -> None:
    base = importlib.import_module(f"{room}.base").Part
    parts = variants(room, base)
    assert list(parts) == ["ant", "zebra"]
    assert parts["ant"] is importlib.import_module(f"{room}.ant").Ant
    assert parts["zebra"] is importlib.import_module(f"{room}.zebra").Zebra


def test_a_new_file_is_a_new_variant(room: str, tmp_path: Path) -> None:
    (tmp_path / room / "bee.py").write_text("from room_for_test.base import Part\nclass Bee(Part):\n    name = 'bee'\n")
    base = importlib.import_module(f"{room}.base").Part
    assert list(variants(room, base)) == ["ant", "bee", "zebra"]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (matching.choices(), {"identity", "weights", "covariance", "activations"}),
        (transport.choices(), {"emd", "assignment"}),
        (models.choices(), {"mlp"}),
        (datasets.choices(), {"cifar10", "digits", "fashion_mnist", "gaussian_mixture", "kmnist", "mnist"}),
    ],
)
def test_every_room_holds_the_variants_that_the_design_names(parts: dict, expected: set) -> None:
    assert expected <= parts.keys()
    assert all(cls.name == name for name, cls in parts.items())
