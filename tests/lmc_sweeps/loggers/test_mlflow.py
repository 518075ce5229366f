"""`mlflow`: its client finds every number of the job, each once, and the settings as parameters."""

from dataclasses import replace

import pytest
from logged_records import example, points

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.loggers.mlflow import MLflow

pytestmark = [pytest.mark.needs("mlflow"), pytest.mark.slow, pytest.mark.filterwarnings("default")]


def runs(folder, experiment="lmc_sweeps"):
    """Return the client of the database in a sweep's folder, and the runs in it that are not deleted."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}")
    return client, client.search_runs([client.get_experiment_by_name(experiment).experiment_id])


def logged(client, run):
    """Return the numbers of a run, in order, by name and step."""
    history = [metric for name in run.data.metrics for metric in client.get_metric_history(run.info.run_id, name)]
    return sorted(((metric.key, metric.step), metric.value) for metric in history)


def test_every_number_and_setting_is_read_back_once(tmp_path):
    job = example()
    assert MLflow(experiment="mine").log([job], tmp_path) == 1
    client, (run,) = runs(tmp_path, "mine")
    assert logged(client, run) == sorted(points(job).items())
    assert run.data.params == {key: str(value) for key, value in job.settings.items()}
    assert (run.info.run_name, run.info.status) == ("width=6 seed=0", "FINISHED")
    assert (run.data.tags["lmc_sweeps.run_id"], run.data.tags["status"]) == (job.run_id, "ok")
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow"]  # nothing beside, as mlruns/ would be


def test_a_job_is_logged_once_and_again_in_its_own_place_when_it_was_added_to_or_left_half_logged(tmp_path):
    job, other = example(), replace(example(), run_id="other")
    assert [MLflow().log([job, other], tmp_path) for _ in range(2)] == [2, 0]
    more = replace(job, results={**job.results, "test/loss_barrier/random/none/pair_0_1": 0.25})
    client, every = runs(tmp_path)
    client.delete_tag(next(run for run in every if run.data.tags["lmc_sweeps.run_id"] == "other").info.run_id, "lmc_sweeps.digest")
    assert [MLflow().log([more, other], tmp_path) for _ in range(2)] == [2, 0]
    client, every = runs(tmp_path)
    by_job = {run.data.tags["lmc_sweeps.run_id"]: logged(client, run) for run in every}
    assert len(every) == 2
    assert by_job == {job.run_id: sorted(points(more).items()), "other": sorted(points(other).items())}


def test_more_numbers_than_one_request_takes_are_all_logged(tmp_path):
    job = replace(example(), curves={}, results={f"test/{number}": float(number) for number in range(2001)})
    MLflow().log([job], tmp_path)
    client, (run,) = runs(tmp_path)
    assert logged(client, run) == sorted(points(job).items())


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a b#c"])
def test_a_folder_that_reads_as_an_address_is_refused_and_nothing_is_written_elsewhere(tmp_path, name):
    with pytest.raises(InputError, match=r"has %, \? or # in its path: give logger.mlflow.tracking_uri another place"):
        MLflow().log([example()], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_sweeps_that_share_a_database_leave_one_anothers_runs_alone(tmp_path):
    logger = MLflow(tracking_uri=f"sqlite:///{tmp_path / 'shared.db'}")
    one, other = example(), replace(example(), results={"test/loss_barrier/covariance/none/pair_0_1": 0.5})
    assert [logger.log([job], tmp_path / name) for job, name in [(one, "one"), (other, "other")] * 2] == [1, 1, 0, 0]
