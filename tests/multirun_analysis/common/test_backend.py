"""Figures go to files, whatever backend the environment names."""

import os

import matplotlib
import pytest

from multirun_analysis.common.backend import draw_into_files


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_this_process_and_those_that_it_starts_draw_into_files(monkeypatch, backend):
    monkeypatch.setenv("MPLBACKEND", backend)
    matplotlib.use("svg")
    draw_into_files()
    assert matplotlib.get_backend() == os.environ["MPLBACKEND"] == "agg"
