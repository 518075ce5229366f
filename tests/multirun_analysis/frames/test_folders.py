"""The folders of sweeps: the jobs in them, the jobs that they expect, and hints where there are none."""

import pytest
from analysis_sweeps import expect, make_record

from multirun_analysis import load_runs
from multirun_analysis.checks import InputError
from multirun_analysis.frames.discovery import find_sweep


def test_a_line_of_expected_that_cannot_be_read_is_said(write_sweep):
    record = make_record("a")
    folder = write_sweep([record], [expect(record)])
    with (folder / "expected.jsonl").open("a") as stream:
        stream.write('{"run_id": "b", "sco\n')
    sweep = find_sweep(folder)
    assert len(sweep.expected) == 1
    assert "expected.jsonl, line 2" in sweep.failures["sentence"].iloc[0]


def test_folders_without_jobs_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no folder '.*nowhere'"):
        find_sweep(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match="'.*empty' holds no job: a sweep's folder has expected.jsonl and one folder per job with a record.json"
    ):
        find_sweep(tmp_path / "empty")


def test_a_file_and_a_folder_of_sweeps_get_a_hint(write_sweep, tmp_path):
    folder = write_sweep([make_record("a")], [expect(make_record("a"))])
    with pytest.raises(InputError, match="record.json' is a file; name the folder of a sweep, or of one job."):
        find_sweep(folder / "a" / "record.json")
    with pytest.raises(InputError, match="Did you mean the sweeps in it: sweep\\?"):
        find_sweep(tmp_path)


def test_the_folder_of_one_job_will_do(write_sweep):
    assert set(load_runs(write_sweep([make_record("a")]) / "a")["run_id"]) == {"a"}


@pytest.mark.parametrize("lost", [None, "half of a rec"])
@pytest.mark.parametrize("is_measured_anew", [False, True])
def test_a_folder_of_an_earlier_versions_name_is_said_to_be_removed(write_sweep, lost, is_measured_anew):
    old, new = "8250e2414376239c", "x8250e2414376239c"  # the first is a number to some readers
    folder = write_sweep([make_record(new)] if is_measured_anew else [make_record("other")])
    (folder / old / ".hydra").mkdir(parents=True)
    if lost is not None:
        (folder / old / "record.json").write_text(lost)
    ((run_id, sentence),) = find_sweep(folder).failures[["run_id", "sentence"]].to_numpy().tolist()
    assert run_id == new
    assert sentence.endswith(
        f"run the sweep again with the same hydra.sweep.dir, which measures the job in {folder / new}, and remove {folder / old}, "
        "whose name is that of an earlier version"
    )
