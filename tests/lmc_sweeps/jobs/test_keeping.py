"""Results beside those of another command: no mix of two jobs or of two numbers of points, and no method is lost."""

import pytest
from small_jobs import measured, small_job

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs import job as story
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.permutation_files import read_permutations
from lmc_sweeps.jobs.records import read_record
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.weights import Weights


def test_a_job_that_comes_to_its_end_in_the_folder_of_another_is_refused_and_none_is_mixed(tmp_path, monkeypatch):
    store, folder, measure, others = tmp_path / "store", tmp_path / "job", story.compare_pair, []

    def meanwhile(*arguments, **more):
        if not others:
            others.append(None)  # only once
            others.append(run_job(small_job(store=store, seed=1), folder))
        return measure(*arguments, **more)

    monkeypatch.setattr(story, "compare_pair", meanwhile)
    with pytest.raises(InputError, match="holds the record of another job, .*; a job needs a folder of its own"):
        run_job(small_job(store=store, matching=(Activations(),)), folder)
    assert read_record(folder) == {key: value for key, value in others[1].items() if key != "sha256"}


@pytest.mark.parametrize(("first", "second"), [(5, 9), (9, 5), (5, 5)])
def test_two_commands_with_other_points_at_once_leave_no_mix_and_lose_no_method(tmp_path, monkeypatch, first, second):
    store, folder, measure, others = tmp_path / "store", tmp_path / "job", story.compare_pair, []

    def meanwhile(*arguments, **more):
        if not others:  # while the first command measures, a second one comes to its end
            others.append(True)
            run_job(small_job(store=store, points=second, matching=(Activations(),)), folder)
        return measure(*arguments, **more)

    monkeypatch.setattr(story, "compare_pair", meanwhile)
    run_job(small_job(store=store, points=first), folder)
    record = read_record(folder)
    assert {entry["matching"] for entry in record["matching"]} == {"identity", "weights", "activations"}
    assert {row["points"] for row in record["runs"]} == {len(row["t"]) for row in record["curves"]} == {9 if 9 in (first, second) else 5}
    monkeypatch.undo()
    both = small_job(store=store, points=record["points"], matching=(Weights(), Activations()))
    run_job(both, tmp_path / "alone")
    assert measured(folder) == measured(tmp_path / "alone")
    assert is_complete(both, folder)
    assert len(read_permutations(folder, record)) == 3
