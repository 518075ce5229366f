"""`tensorboard`: its own reader finds every number of the job, each once, and the settings as hyperparameters."""

from dataclasses import replace

import numpy as np
import pytest
from logged_records import example, points

from lmc_sweeps.loggers.tensorboard import TensorBoard

pytestmark = [pytest.mark.needs("tensorboard"), pytest.mark.filterwarnings("default")]


def read(folder):
    """Return the events of a job's folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return events


def scalars(folder):
    """Return the scalars in a job's folder, in order, by name and step."""
    events = read(folder)
    return [((name, event.step), event.value) for name in events.Tags()["scalars"] for event in events.Scalars(name)]


def test_every_number_is_read_back_once_rounded_to_float32(tmp_path):
    job = example()
    assert TensorBoard().log([job], tmp_path) == 1
    (folder,) = (tmp_path / "tensorboard").iterdir()
    assert folder.name == f"width=6_seed=0_{job.run_id}"
    assert sorted(scalars(folder)) == sorted((key, float(np.float32(value))) for key, value in points(job).items())


def test_settings_are_hyperparameters_of_the_run_and_results_their_metrics(tmp_path):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    job = example()
    TensorBoard().log([job], tmp_path)
    (folder,) = (tmp_path / "tensorboard").iterdir()
    metadata = read(folder).summary_metadata
    start = HParamsPluginData.FromString(metadata["_hparams_/session_start_info"].plugin_data.content).session_start_info.hparams
    assert {*start} == {*job.settings, "status"}
    assert (start["width"].number_value, start["optimizer.lr"].number_value, start["model"].string_value) == (6, 0.05, "mlp")
    shown = HParamsPluginData.FromString(metadata["_hparams_/experiment"].plugin_data.content).experiment
    assert {metric.name.tag for metric in shown.metric_infos} == {*job.results}


def test_a_job_is_logged_once_and_again_in_its_own_place_when_it_was_added_to(tmp_path):
    job = example()
    assert [TensorBoard().log([job], tmp_path) for _ in range(2)] == [1, 0]
    (tmp_path / "tensorboard" / f"{job.run_id}.part").mkdir()  # of a process that was killed
    more = replace(job, label="seed=0", results={**job.results, "test/loss_barrier/random/none/pair_0_1": 0.25})
    other = replace(job, run_id="other")
    assert [TensorBoard().log([more, other], tmp_path) for _ in range(2)] == [2, 0]
    assert sorted(path.name for path in (tmp_path / "tensorboard").iterdir()) == sorted([f"seed=0_{job.run_id}", "width=6_seed=0_other"])
    assert dict(scalars(tmp_path / "tensorboard" / f"seed=0_{job.run_id}")).keys() == points(more).keys()


def test_a_label_of_wide_letters_names_a_folder_that_the_system_takes(tmp_path):
    assert TensorBoard().log([replace(example(), label="dataset.file=" + "数据" * 120)], tmp_path) == 1
    (folder,) = (tmp_path / "tensorboard").iterdir()
    assert folder.name == f"dataset.file=__{example().run_id}"
