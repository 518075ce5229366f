"""Barrier against width on MNIST: its tables, and another recipe beside the main one."""

import json

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import make_record, write_record

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.studies.width_mnist import barrier_against_width
from multirun_analysis.studies.writing import write_study
from multirun_analysis.tables.sweep import sweep_frames


@pytest.mark.usefixtures("no_figures")
def test_the_study_of_widths_draws_and_tabulates_a_sweep(tmp_path):
    for width in (4, 8, 16):
        for seed in range(3):
            run_id = f"{width}{seed}"
            record = make_record(run_id, width=width, seed=seed, barrier=(1 + 0.1 * seed) / width)
            record["networks"] = [{"name": f"{run_id}-{k}", "seconds": 1.0} for k in range(2)]
            write_record(tmp_path / "sweep" / run_id, record)
    write_study("width_mnist", [tmp_path / "sweep"], tmp_path / "out")
    slopes = pd.read_csv(tmp_path / "out" / "slopes.csv")
    assert set(slopes["window"]) == {"4 8 16"}
    assert slopes["slope"].tolist() == pytest.approx([-1.0] * len(slopes))
    assert set(pd.read_csv(tmp_path / "out" / "width_steps.csv")["direction"]) == {"falls"}
    assert (tmp_path / "out" / "barrier_against_width.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["varying"]["width"] == [4, 8, 16]


def test_another_recipe_stands_beside_the_one_with_the_most_widths(write_sweep):
    main = [make_record(f"m{w}{s}", width=w, seed=s, barrier=1 / w, **{"optimizer.lr": 0.1}) for w in (8, 16, 32) for s in (0, 1)]
    other = [make_record(f"o{w}{s}", width=w, seed=s, barrier=2 / w, **{"optimizer.lr": 0.02}) for w in (8, 16) for s in (0, 1)]
    sweep = find_sweep([write_sweep(main, name="main"), write_sweep(other, name="other")])
    figure = barrier_against_width(sweep_frames(sweep))
    assert len(figure.axes) == 3
    lines = [line for line in figure.axes[2].get_lines() if len(line.get_xdata())]
    assert [line.get_linestyle() for line in lines] == ["-", "--"]
    np.testing.assert_allclose([line.get_ydata() for line in lines], [[1 / 8, 1 / 16], [2 / 8, 2 / 16]])
    assert [text.get_text() for text in figure.axes[2].get_legend().get_texts()] == ["optimizer.lr=0.1", "optimizer.lr=0.02"]
    assert len(barrier_against_width(sweep_frames(find_sweep(write_sweep(main, name="alone")))).axes) == 2
