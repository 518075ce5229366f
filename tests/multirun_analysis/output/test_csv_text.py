"""The text of ``curves.csv``: byte for byte what pandas writes of the frame."""

import csv
import io

import pytest
from analysis_sweeps import REPAIRS, make_record

from multirun_analysis import load_curves
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.output.csv_text import FLOATS, write_curves
from multirun_analysis.output.files import write_csv


def assert_same_bytes(folder, tmp_path):
    write_curves(find_sweep(folder), tmp_path / "ours.csv")
    buffer = io.StringIO()
    load_curves(folder).to_csv(buffer, index=False, float_format=FLOATS, lineterminator="\n")
    assert (tmp_path / "ours.csv").read_bytes() == buffer.getvalue().encode()
    write_csv(load_curves(folder), tmp_path / "theirs.csv")
    assert (tmp_path / "theirs.csv").read_bytes() == buffer.getvalue().encode()
    return buffer.getvalue()


def test_a_sweep(write_sweep, tmp_path):
    sweep = [
        make_record(f"r{k}{seed}", seed=seed, width=2**k, barrier=1 / 3**k, networks=3, **{"optimizer.lr": 0.1 * k})
        for k in range(1, 4)
        for seed in (0, 1)
    ]
    assert assert_same_bytes(write_sweep(sweep), tmp_path).count("\n") == 1 + 6 * 3 * 2 * 2 * 3


@pytest.mark.parametrize(
    "values",
    [
        [0.1, 1e-320, 1.7e308],
        [None, 0.0, -0.0],
        [1, 2, 10**17],
        [float("nan"), float("inf"), -float("inf")],
        [1 / 3, 2 / 3e10, 12345678901.5],
    ],
)
def test_numbers_of_every_kind(write_sweep, tmp_path, values):
    record = make_record("a")
    record["curves"][0]["loss"], record["curves"][1]["error"] = values, values[::-1]
    assert_same_bytes(write_sweep([record, make_record("b", seed=1)]), tmp_path)


def test_points_in_any_order(write_sweep, tmp_path):
    record = make_record("a")
    record["curves"][0] |= {"t": [1.0, 0.0, 0.5]}
    record["curves"][1] |= {"t": [0.0, None, 0.25]}
    text = assert_same_bytes(write_sweep([record]), tmp_path)
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["t"] for row in rows if (row["matching"], row["split"]) == ("identity", "train")] == ["0", "0.5", "1"]


def test_repairs_and_measures_that_only_some_curves_have(write_sweep, tmp_path):
    record = make_record("a", networks=3, repairs=REPAIRS)
    record["curves"][0]["loss_ensemble"] = [0.2, 0.25, 0.4]
    record["curves"][-1] |= {"loss_calibrated": [0.1, None, 1 / 3], "error_ensemble": [0.0, 0.5, 1.0]}
    text = assert_same_bytes(write_sweep([record, make_record("b", seed=1)]), tmp_path)
    rows = list(csv.DictReader(text.splitlines()))
    assert [sum(row[name] != "" for row in rows) for name in ("loss_ensemble", "loss_calibrated", "error_ensemble")] == [3, 2, 3]
    assert [row["repair"] for row in rows].count("reset") == len(record["curves"]) // 2 * 3


def test_text_that_must_be_quoted(write_sweep, tmp_path):
    record = make_record('quote " and, comma', **{"model.note": "two\nlines % s", "dataset": "%s"})
    for row in (*record["runs"], *record["curves"], *record["layers"]):
        row["network_a"] = 'a,"b"\r\n%d nan'
    text = assert_same_bytes(write_sweep([record, make_record("b", **{"model.note": None})]), tmp_path)
    assert '"a,""b""\r\n%d nan"' in text


def test_varying_keys_of_mixed_kinds(write_sweep, tmp_path):
    values = [0, 0.5, True, None, "x", "10", [1, 2], float("nan")]
    sweep = [make_record(f"r{k}", seed=0, **{"model.noise": value}) for k, value in enumerate(values)]
    assert_same_bytes(write_sweep(sweep), tmp_path)
    assert_same_bytes(write_sweep(sweep[:2], name="numbers"), tmp_path)


def test_no_curve_at_all(write_sweep, tmp_path):
    assert assert_same_bytes(write_sweep([make_record("a") | {"runs": [], "curves": [], "layers": []}]), tmp_path).count("\n") == 1
