"""What Hydra runs for a job: of a job alone its folder is a sweep of one, in a sweep the folder above it."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.types import RunMode
from omegaconf import OmegaConf

from lmc_sweeps.jobs.records import read_record
from lmc_sweeps.sweeps import task
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.config import prepare

WORDS = ("width=4", "training.epochs=1", "matching=identity", "store.dir=null")


@pytest.mark.parametrize(("mode", "name", "sweep"), [(RunMode.RUN, None, ".."), (RunMode.RUN, "mine", "."), (RunMode.MULTIRUN, None, None)])
def test_a_job_alone_is_a_sweep_of_one_and_a_job_of_a_sweep_leaves_tables_to_it(monkeypatch, tmp_path, capsys, mode, name, sweep):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("config", list(WORDS))
    folder = tmp_path / "sweep" / (name or prepare(config).run_id)
    folder.mkdir(parents=True)
    facts = {"runtime": {"output_dir": str(folder)}, "mode": mode, "overrides": {"task": list(WORDS)}}
    monkeypatch.setattr(task.HydraConfig, "get", lambda: OmegaConf.create(facts))
    task.run_task(config)
    record = read_record(folder)
    assert record is not None
    assert (record["status"], record["run_id"]) == ("ok", prepare(config).run_id)
    tables = {path.parent.parent for path in tmp_path.rglob("analysis/barrier_vs_width.csv")}
    assert tables == (set() if sweep is None else {(folder / sweep).resolve()})
    assert capsys.readouterr().out.count("Test loss barrier [nats]") == (sweep is not None)
