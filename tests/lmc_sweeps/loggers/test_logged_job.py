"""What is logged of a finished job: the numbers of its tables, under names that tell them apart."""

import json
import math
from dataclasses import replace

import pytest
from logged_records import example, finished

from lmc_sweeps.jobs.records import write_record
from lmc_sweeps.loggers.logged_job import COLUMNS, logged_job
from multirun_analysis import load_runs, load_training_curves


@pytest.fixture
def sweep(tmp_path):
    """Return the folder of a sweep with the one job."""
    folder = tmp_path / finished()["run_id"]
    folder.mkdir()
    write_record(folder, finished())
    return tmp_path


def test_results_are_the_losses_and_errors_of_runs_csv(sweep):
    names = [network["name"] for network in finished()["networks"]]
    # A method that was run with several settings has them in brackets in tables, and their hash here.
    entries = {entry["settings"]["biases"]: entry for entry in finished()["matching"] if entry["matching"] == "weights"}
    words = {f"weights[biases={str(biases).lower()}]": f"weights.{entry['settings_hash']}" for biases, entry in entries.items()}
    of_table = {}
    for row in load_runs(sweep).to_dict("records"):
        pair = f"pair_{names.index(row['network_a'])}_{names.index(row['network_b'])}"
        line = f"{words.get(row['matching'], row['matching'])}/{row['repair']}/{pair}"
        of_table |= {f"{row['split']}/{column}/{line}": row[column] for column in COLUMNS if not math.isnan(row[column])}
    assert example().results == of_table
    assert {name.split("/")[2] for name in of_table} == {"identity", *words.values()}
    assert {f"test/error_barrier/identity/{repair}/pair_{pair}" for repair in ("none", "rescale") for pair in ("0_1", "1_2")} <= {*of_table}


def test_curves_are_those_of_training_curves_csv_network_by_network(sweep):
    names = [network["name"] for network in finished()["networks"]]
    of_table = {
        (f"training/{row['split']}/{measure}/network_{names.index(row['network'])}", row["epoch"]): row[measure]
        for row in load_training_curves(sweep).to_dict("records")
        for measure in ("loss", "error")
    }
    assert {(name, epoch): value for name, points in example().curves.items() for epoch, value in points} == of_table
    assert len(of_table) == 3 * 2 * 2 * 3  # networks, splits, loss and error, epochs 0, 1 and 2
    by_epoch = example().curves_by_epoch()
    assert list(by_epoch) == [0, 1, 2]
    assert {(name, epoch): value for epoch, values in by_epoch.items() for name, value in values.items()} == of_table


def test_settings_are_those_in_the_name_of_the_job():
    assert example().settings == finished()["scope"]
    assert (example().settings["width"], example().settings["optimizer.lr"]) == (6, 0.05)


def test_what_does_not_exist_is_not_logged():
    rows = [{**row, "loss_barrier": None} for row in finished()["runs"]]
    job = logged_job({**finished(), "runs": rows}, "")
    assert job.results == {name: value for name, value in example().results.items() if "/loss_barrier/" not in name}
    assert job.title == job.run_id


def test_a_digest_is_another_if_anything_is_but_the_label():
    job = example()
    assert replace(job, label="x").digest == job.digest == logged_job(json.loads(json.dumps(finished())), "").digest
    name = next(iter(job.results))
    curve = next(iter(job.curves))
    others = [
        replace(job, run_id="x"),
        replace(job, status="diverged"),
        replace(job, settings={**job.settings, "width": 7}),
        replace(job, results={**job.results, name: 0.125}),
        replace(job, curves={**job.curves, curve: job.curves[curve][:-1]}),
    ]
    assert len({job.digest, *(other.digest for other in others)}) == 6
