"""A plan says what becomes of what is there: lines of other points, and records that cannot be added to."""

from dataclasses import replace

import pytest
import torch
from small_tasks import task

from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import read_record, write_record
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.sweeps.plan import plan_text
from lmc_sweeps.training.recipe import Training


def prepared(tmp_path, **changes) -> PreparedJob:
    return task(store=tmp_path / "store", **changes).job


@pytest.fixture
def sweep(tmp_path):
    """Return the folder of two jobs with lines of 5 points."""
    for seed in (0, 1):
        job = prepared(tmp_path, seed=seed)
        run_job(job, tmp_path / "sweep" / job.run_id)
    return tmp_path / "sweep"


@pytest.mark.parametrize(
    ("changes", "line", "finished"),
    [
        ({"points": 9}, "  2 jobs have lines of 5 points: all their methods are measured again, with 9 points", 0),
        ({"points": 3}, "  2 jobs have lines of 5 points and keep them: new methods are measured with 5, not 3", 2),
        (
            {"points": 3, "matching": (Activations(),)},
            "  2 jobs have lines of 5 points and keep them: new methods are measured with 5, not 3",
            0,
        ),
        ({"points": 5}, None, 2),
    ],
)
def test_what_becomes_of_lines_with_other_points_is_planned(tmp_path, sweep, changes, line, finished):
    text = plan_text([prepared(tmp_path, seed=seed, **changes) for seed in (0, 1, 2)], sweep)
    assert text.startswith(f"3 jobs, {finished} of them finished, in {sweep}\n")
    assert [row for row in text.splitlines() if "lines of" in row] == ([] if line is None else [line])


def test_a_record_with_a_method_unknown_here_is_planned_as_one_that_cannot_run(tmp_path, sweep):
    job = prepared(tmp_path, points=9)
    record = read_record(sweep / job.run_id)
    record["matching"].append({"matching": "magic", "settings_hash": "m", "settings": {}})
    write_record(sweep / job.run_id, record)
    (line,) = [row for row in plan_text([job, prepared(tmp_path, points=9, seed=1)], sweep).splitlines() if "cannot run" in row]
    assert line.startswith(f"  1 jobs cannot run: {sweep / job.run_id / 'record.json'} holds results of the matching method 'magic'")


@pytest.mark.parametrize(
    ("precision", "has_units", "other"),
    [
        ("float32", True, "bfloat16"), ("float32", False, None),
        ("bfloat16", False, "float32"), ("bfloat16_factors", False, "float32"), ("bfloat16", True, None),
    ],
)  # fmt: skip
def test_the_other_precision_is_tried_where_it_may_be_faster(tmp_path, monkeypatch, precision, has_units, other):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: has_units, raising=False)
    lines = plan_text([prepared(tmp_path, precision=precision)], tmp_path / "sweep").splitlines()
    expected = [] if other is None else [f"    precision={other} would take "]
    shown = [line for line in lines if "precision=" in line]
    assert [line.partition("take ")[0] + "take " for line in shown] == expected
    for line in shown:
        assert float(line.partition("take ")[2].partition(" ")[0]) > 0


def test_networks_without_a_step_have_no_precision_to_compare(tmp_path):
    job = prepared(tmp_path, precision="bfloat16", training=Training(epochs=0, batch_size=16))
    assert "precision=" not in plan_text([job], tmp_path / "sweep")


def test_networks_that_have_products_in_float32_alone_have_no_other_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    images = Split(torch.rand(32, 1, 8, 8), torch.arange(32) % 3)
    job = replace(prepared(tmp_path, model=Cnn(norm="none"), width=4), data=Data(images, images, n_classes=3))
    assert "precision=" not in plan_text([job], tmp_path / "sweep")
