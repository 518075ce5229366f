"""Imports with less than a package takes: only in a command of ours, only for what is not there, and only while it is imported."""

import gc
import subprocess
import sys

import pytest

from multirun_analysis.common import lean_imports
from multirun_analysis.common.lean_imports import process_is_ours, uncollected, without
from multirun_analysis.common.registry import PARTS

NAME = "sched"  # of the standard library, which nothing here imports


@pytest.fixture(autouse=True)
def process(monkeypatch):
    monkeypatch.setattr(lean_imports._Process, "is_ours", False)
    monkeypatch.delenv(PARTS, raising=False)
    monkeypatch.delitem(sys.modules, NAME, raising=False)


def can_import() -> bool:
    try:
        __import__(NAME)
    except ImportError:
        return False
    return True


def test_what_is_hidden_is_missing_in_the_block_alone():
    process_is_ours()
    with without(NAME):
        assert not can_import()
    assert can_import()
    with without(NAME):  # it is there
        assert can_import()


def test_it_can_be_imported_again_after_an_error():
    process_is_ours()
    with pytest.raises(ZeroDivisionError), without(NAME):
        raise ZeroDivisionError
    assert can_import()


def test_nothing_is_hidden_from_others(monkeypatch, tmp_path):
    with without(NAME):
        assert can_import()
    del sys.modules[NAME]
    process_is_ours()
    monkeypatch.setenv(PARTS, str(tmp_path))
    with without(NAME):
        assert can_import()


@pytest.mark.parametrize("is_enabled", [True, False])
def test_garbage_is_left_alone_in_the_block_and_what_the_first_one_made_for_ever(is_enabled):
    script = f"""
import gc
from multirun_analysis.common.lean_imports import uncollected
gc.enable() if {is_enabled} else gc.disable()
with uncollected():
    assert not gc.isenabled()
    made = [[] for _ in range(1000)]
assert gc.isenabled() == {is_enabled}
assert gc.get_freeze_count() > 1000
assert not any(each is made for each in gc.get_objects())
with uncollected():
    later = [[]]
assert any(each is later for each in gc.get_objects())
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_it_is_enabled_again_after_an_error():
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), uncollected():
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.unfreeze()


def test_figures_are_drawn_without_scipys_statistics_and_those_can_be_imported_later():
    script = """
import sys
from multirun_analysis.common.lean_imports import process_is_ours
process_is_ours()
import multirun_analysis.plots
assert "seaborn" in sys.modules and "scipy.stats" not in sys.modules
from scipy.stats import gaussian_kde
from scipy.cluster import hierarchy
import seaborn
assert seaborn.color_palette("colorblind").as_hex()[0] == "#0173b2"
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
