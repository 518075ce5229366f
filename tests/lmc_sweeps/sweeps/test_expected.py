"""The jobs that a sweep expects: each with its methods and pairs, added to those that are there."""

from small_tasks import task

from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.sweeps.expected import expected_entry, labels, read_expected, write_config, write_expected


def entry(job: str = "seed=0", **changes) -> dict:
    return expected_entry(task(**changes).job, job)


def test_a_job_has_its_pairs_its_settings_and_the_control_beside_its_methods():
    job = task(networks=4).job
    line = expected_entry(job, "width=8 dataset.token=s3cr3t")
    assert (line["run_id"], line["n_pairs"], line["scope"]) == (job.run_id, 6, job.scope)
    assert [method["matching"] for method in line["matching"]] == ["identity", "weights"]
    assert line["job"] == "width=8 dataset.token=***"
    assert line["computed"] == {}


def test_new_jobs_and_new_methods_are_added_to_those_that_are_there(tmp_path):
    assert (read_expected(tmp_path), labels(tmp_path)) == ([], {})
    write_expected(tmp_path, [entry()])
    write_expected(tmp_path, [entry(matching=(Activations(),)), entry("seed=1", seed=1)])
    first, second = read_expected(tmp_path)
    assert [method["matching"] for method in first["matching"]] == ["identity", "weights", "activations"]
    assert labels(tmp_path) == {first["run_id"]: "[1/2] seed=0", second["run_id"]: "[2/2] seed=1"}
    write_expected(tmp_path, [entry()])
    assert read_expected(tmp_path) == [first, second]


def test_the_config_of_a_sweep_is_written_without_its_secrets(tmp_path):
    write_config(tmp_path / "multirun.yaml", "width: 8\nstore:\n  password: s3cr3t\n")
    assert (tmp_path / "multirun.yaml").read_text() == "width: 8\nstore:\n  password: '***'\n"
