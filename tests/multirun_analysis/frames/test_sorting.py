"""Frames made of columns, against frames made of one dict per row."""

import json

import pandas as pd
import pytest
from analysis_sweeps import REPAIRS, expect, make_record

from multirun_analysis import load_curves, load_layers, load_runs, schema
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.tidy import FIXED, as_keys, sortable


def plain(folder, kind, tail):
    """Return the frame of one kind of rows as pandas makes it of dicts, point by point, and sorts it."""
    sweep, rows = find_sweep(folder), []
    for path in sorted(folder.glob("*/record.json")):
        record = json.loads(path.read_text())
        scope = {key: record["scope"].get(key) for key in (*FIXED, *sweep.varying)}
        words = {"None": "-", "[1]": "[1]", "True": "True"}  # nothing, a list, and a truth beside numbers
        scope = {key: words.get(str(value), value) for key, value in scope.items()}
        for row in record[kind]:
            points = zip(row["t"], row["loss"], row["error"], strict=True) if kind == "curves" else [()]
            for point in points:
                rows.append(
                    {k: record[k] for k in ("run_id", "status", "points")}
                    | scope
                    | {"repair": "none"}  # of an earlier version
                    | row
                    | dict(zip(("t", "loss", "error"), point, strict=False))
                )
    columns = (*schema.RUN_KEYS, *(schema.Column(key, "mixed", "", "") for key in sweep.varying), *schema.PAIR_KEYS, *tail)
    frame = pd.DataFrame(rows, columns=["settings_hash", *schema.names(columns)])
    frame["matching"] = [sweep.labels[method] for method in zip(frame["matching"], frame.pop("settings_hash"), strict=True)]
    kinds = {column.name: {"number": float, "string": object}.get(column.kind) for column in columns}
    frame = as_keys(frame.astype({name: kind for name, kind in kinds.items() if kind is not None}), sweep.varying)
    order = ["dataset", "model", "depth", *sweep.varying, "width", "seed", "run_id", "network_a", "network_b", "matching"]
    order += [name for name in ("repair", "split", "t", "layer") if name in schema.names(tail)]
    return frame.sort_values(order, key=by_text_or_value, kind="stable", ignore_index=True)


def by_text_or_value(column):
    """Return names as text, whatever number they look like, also where pandas 2 hands them over as objects."""
    return column.astype("string") if pd.api.types.infer_dtype(column, skipna=False) == "string" else sortable(column)


def sweep_of(*scopes, networks=2):
    return [make_record(f"r{k}", networks=networks, barrier=0.1 / (k + 1), **({"seed": k} | scope)) for k, scope in enumerate(scopes)]


SWEEPS = {
    "rates": sweep_of(*({"optimizer.lr": lr, "width": w} for lr in (10, 0.5, 9) for w in (16, 8))),
    "mixed": sweep_of({"model.noise": 1}, {"model.noise": "x"}, {"model.noise": None}, {"model.noise": [1]}, {"model.noise": True}),
    "three networks": sweep_of({"width": 8}, {"width": 4}, networks=3),
    "repairs": [make_record(f"r{k}", seed=k, width=w, networks=3, repairs=REPAIRS) for k, w in enumerate((16, 8))],
    "names with numbers": [make_record(name, seed=0) for name in ("x10", "x9", "a", "b2")],
}


@pytest.mark.parametrize("name", SWEEPS)
def test_every_frame_is_that_of_plain_pandas(write_sweep, name):
    folder = write_sweep(SWEEPS[name], [expect(record) for record in SWEEPS[name]])
    for load, kind, tail in ((load_runs, "runs", schema.RUNS_TAIL), (load_curves, "curves", schema.CURVES_TAIL),
                             (load_layers, "layers", schema.LAYERS_TAIL)):  # fmt: skip
        frame, expected = load(folder), plain(folder, kind, tail)
        assert len(frame)
        pd.testing.assert_frame_equal(frame, expected, check_exact=True)


@pytest.mark.parametrize("load", [load_runs, load_curves, load_layers])
def test_no_row_is_a_frame_with_its_columns(write_sweep, load):
    bare = make_record("a") | {"runs": [], "curves": [], "layers": []}
    frame, full = load(write_sweep([bare])), load(write_sweep([make_record("a")], name="full"))
    assert len(frame) == 0
    assert list(frame.columns) == list(full.columns)


def test_equal_values_of_other_kinds_keep_their_own_places():
    column = pd.Series([True, 1, 1.0, "1", "a", 0.5], dtype=object)
    assert list(sortable(column)) == [3, 1, 2, 1, 4, 0]  # by value, then by text: "1", "1.0", "True"
