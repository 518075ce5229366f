"""Where tests stand: every module of both packages has its own test file, in the same folder of the tree of tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = ("__init__.py", "__main__.py")
PLUGINS = "_plugin_root"  # what Hydra finds by another way: commands test it


@pytest.mark.parametrize("package", ["lmc_sweeps", "multirun_analysis"])
def test_every_module_has_its_own_test_file(package):
    modules = [path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py") if path.name not in ELSEWHERE]
    assert modules
    untested = [
        str(path)
        for path in modules
        if PLUGINS not in path.parts and not list((ROOT / "tests" / path.parent).glob(f"test_{path.stem}*.py"))
    ]
    assert untested == []
