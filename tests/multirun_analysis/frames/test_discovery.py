"""What is found in a sweep's folder: finished, failed, missing, broken, and twice."""

import json

import pytest
from analysis_sweeps import expect, make_record, resealed, write_record

from multirun_analysis import load_curves, load_layers, load_runs, schema
from multirun_analysis.frames.discovery import find_sweep


def statuses(sweep):
    return dict(zip(sweep.failures["run_id"], sweep.failures["status"], strict=True))


def test_frames_have_the_columns_of_the_schema_and_one_row_per_job_pair_method_and_split(write_sweep):
    folder = write_sweep([make_record("a"), make_record("b", seed=1)])
    runs, curves, layers = load_runs(folder), load_curves(folder), load_layers(folder)
    keys = [*schema.names(schema.RUN_KEYS), *schema.names(schema.PAIR_KEYS)]
    assert list(runs.columns) == keys + schema.names(schema.RUNS_TAIL)
    assert list(curves.columns) == keys + schema.names(schema.CURVES_TAIL)
    assert list(layers.columns) == keys + schema.names(schema.LAYERS_TAIL)
    assert len(runs) == 2 * 2 * 2  # jobs, methods, splits
    assert len(curves) == len(runs) * 3  # points
    assert set(layers["matching"]) == {"weights"}  # none for identity
    assert not runs.duplicated(["run_id", "network_a", "network_b", "matching", "split"]).any()


def test_three_networks_give_three_pairs(write_sweep):
    runs = load_runs(write_sweep([make_record("a", networks=3)]))
    assert len(runs[(runs["split"] == "test") & (runs["matching"] == "weights")]) == 3


def test_every_way_of_not_being_there_is_a_row_with_its_sentence(write_sweep):
    good, gone, half, failed = (make_record(name, seed=k) for k, name in enumerate(["good", "gone", "half", "failed"]))
    diverged = make_record("diverged", seed=4, status="diverged")
    failed_record = {
        "schema_version": 1,
        "run_id": "failed",
        "status": "failed",
        "sentence": "OSError: disk full",
        "scope": failed["scope"],
    }
    folder = write_sweep(
        [good, failed_record, diverged], [expect(record, f"seed={k}") for k, record in enumerate([good, gone, half, failed, diverged])]
    )
    (folder / "half" / ".hydra").mkdir(parents=True)
    sweep = find_sweep(folder)
    assert statuses(sweep) == {"gone": "missing", "half": "unfinished", "failed": "failed", "diverged": "diverged"}
    assert list(sweep.failures["job"]) == ["seed=1", "seed=2", "seed=3", "seed=4"]
    assert "OSError: disk full" in set(sweep.failures["sentence"])
    assert [record["run_id"] for record in sweep.records] == ["diverged", "good"]


def test_a_finished_record_with_a_later_failure_counts_and_is_listed(write_sweep):
    sweep = find_sweep(write_sweep([make_record("a") | {"failure": "MemoryError: too wide"}]))
    assert len(sweep.records) == 1
    assert statuses(sweep) == {"a": "failed"}


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: text[: len(text) // 2], "record.json: "),
        (lambda text: "", "record.json: "),
        (lambda text: "[]", "record.json: "),
        (
            lambda text: json.dumps(json.loads(text) | {"schema_version": 99}),
            "schema version 99; this multirun_analysis reads up to 1, use a newer",
        ),
        (lambda text: json.dumps(json.loads(text) | {"status": "fine"}), "unknown status 'fine'"),
        (lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "scope"}), "KeyError: 'scope'"),
        (lambda text: text.replace('"loss_barrier":', '"los_barrier":'), "KeyError: 'loss_barrier'"),
        (lambda text: text.replace('"function_gap": 1e-07', '"function_gap": "abc"'), "`function_gap` is no number"),
        (lambda text: text.replace('"width": 8', '"width": "wide"'), "`width` is no int"),
        (lambda text: text.replace('"model": "mlp", ', ""), "KeyError: 'model'"),
        (lambda text: text.replace('"t": [0.0, 0.5', '"t": ["x", 0.5'), "is no number"),
        (lambda text: text.replace('"matching_cost": 1.0', '"matching_cost": []'), "`matching_cost` is no number"),
        (lambda text: text.replace('"settings_hash": "w0", "split"', '"settings_hash": "zz", "split"'), "does not name"),
    ],
)
def test_a_damaged_record_is_said_and_spoils_no_other(write_sweep, damage, sentence):
    folder = write_sweep([make_record("bad"), make_record("good", seed=1)])
    path = folder / "bad" / "record.json"
    path.write_bytes(resealed(damage(json.dumps(make_record("bad")))))
    sweep = find_sweep(folder)
    assert [record["run_id"] for record in sweep.records] == ["good"]
    assert statuses(sweep) == {"bad": "unreadable"}
    assert sentence in sweep.failures["sentence"].iloc[0]
    newer = "newer" in sentence
    assert sweep.failures["sentence"].iloc[0].endswith("run the sweep again with the same hydra.sweep.dir") is not newer


def test_a_record_cut_off_at_any_byte_is_unreadable(write_sweep):
    folder = write_sweep([make_record("bad")])
    path = folder / "bad" / "record.json"
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        assert statuses(find_sweep(folder)) == {"bad": "unreadable"}


def test_a_record_from_before_a_column_was_added_counts_with_that_column_empty(tmp_path):
    record = make_record("aa")
    for row in record["layers"]:
        del row["approximate_dimension_centred"], row["approximate_dimension_centred_b"]
    write_record(tmp_path / "aa", record)
    layers = load_layers(tmp_path)
    assert layers["approximate_dimension"].tolist() == [3.0]
    assert layers["approximate_dimension_centred"].isna().all()
