"""The whole instrument as a user runs it: jobs, sweeps, what they print, and what is left when something is wrong."""

import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
from typed import refusal

from lmc_sweeps.cli import main
from lmc_sweeps.sweeps.expected import write_command

FAST = ["training.epochs=2", "points=5"]
TIMES = ["seconds_train", "seconds_match", "seconds_evaluate"]


def read_runs(folder):
    return pd.read_csv(folder / "analysis" / "runs.csv")


def job_folders(folder):
    return sorted(path.parent.name for path in folder.glob("*/record.json"))


def test_a_sweep_leaves_records_tables_and_a_figure_and_prints_its_table(command, tmp_path):
    completed = command("width=4,8", "seed=0,1", *FAST, "hydra.sweep.dir=sweep", "-m", figures=True)
    assert completed.returncode == 0, completed.stderr
    folder = tmp_path / "sweep"
    expected = [json.loads(line) for line in (folder / "expected.jsonl").read_text().splitlines()]
    assert [entry["job"] for entry in expected] == ["width=4 seed=0", "width=4 seed=1", "width=8 seed=0", "width=8 seed=1"]
    assert sorted(entry["run_id"] for entry in expected) == job_folders(folder)
    assert "4 of 4 jobs found." in completed.stdout
    assert "Tables, figures and report.html: sweep/analysis" in completed.stdout
    assert [line.split()[:2] for line in completed.stdout.splitlines() if "2/2" in line] == [["4", "2/2"], ["8", "2/2"]]
    assert re.findall(r"^\[(\d)/4 done\] width=", completed.stderr, re.MULTILINE) == ["1", "2", "3", "4"]
    runs = read_runs(folder)
    assert len(runs) == 4 * 4 * 2  # jobs, methods with identity, splits
    assert set(runs["status"]) == {"ok"}
    assert runs["function_gap"].max() < 1e-5  # rounding in float32
    assert (folder / "analysis" / "barrier_vs_width.png").stat().st_size > 10_000
    (typed,) = [json.loads(line)["command"] for line in (folder / "commands.jsonl").read_text().splitlines()]
    assert typed.startswith("python -m lmc_sweeps width=4,8 seed=0,1 ")
    assert typed.endswith(" hydra.sweep.dir=sweep -m")
    assert typed in (folder / "analysis" / "report.html").read_text()
    for name in job_folders(folder):
        assert {path.name for path in (folder / name).iterdir()} >= {"record.json", "permutations.npz", ".hydra", "lmc_sweeps.log"}


def test_one_job_runs_without_m_and_prints_its_table(command, tmp_path):
    completed = command("width=4", *FAST)
    assert completed.returncode == 0, completed.stderr
    assert "1 of 1 jobs found." in completed.stdout
    (record,) = tmp_path.glob("outputs/*/*/record.json")
    assert json.loads(record.read_text())["run_id"] == record.parent.name


def test_a_job_alone_in_a_folder_of_the_users_own_leaves_the_folder_above_alone(command, tmp_path):
    completed = command("width=4", "training.epochs=0", "matching=[weights]", "hydra.run.dir=mine")
    assert completed.returncode == 0, completed.stderr
    assert "1 of 1 jobs found." in completed.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "store"}
    assert {path.name for path in (tmp_path / "mine").iterdir()} >= {"record.json", "expected.jsonl", "analysis"}
    assert set(read_runs(tmp_path / "mine")["status"]) == {"ok"}  # networks at initialisation have run_ids and barriers too


def test_a_job_alone_that_fails_at_run_time_says_so_without_a_traceback(command, tmp_path):
    # no machine has the addresses for it, whatever the program was told
    completed = command("width=1000000000000", "training.epochs=1", "points=3", "matching=[identity]", LMC_SWEEPS_MEMORY_GB="1e12")
    assert completed.returncode == 1
    assert "width=1000000000000" in completed.stderr
    assert "failed: " in completed.stderr
    assert "Traceback" not in completed.stderr
    (log,) = tmp_path.glob("outputs/*/*/lmc_sweeps.log")
    assert "Traceback (most recent call last)" in log.read_text()
    assert "0 of 1 jobs found." in completed.stdout


def test_a_file_is_no_sweep_folder(command, tmp_path):
    (tmp_path / "afile").write_text("")
    completed = command("width=4", "hydra.sweep.dir=afile", "-m")
    assert completed.returncode == 1
    assert "`hydra.sweep.dir` must be a folder that can be written, got 'afile'" in completed.stderr
    assert "Traceback" not in completed.stderr


def test_tab_completion_is_left_to_hydra(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lmc-sweeps", "-sc", "install=bash"])
    main()
    assert "complete -o nospace" in capsys.readouterr().out


def test_methods_swept_over_belong_to_one_job(command, tmp_path):
    completed = command("width=4", "matching=weights,activations", *FAST, "hydra.sweep.dir=sweep", "-m")
    assert completed.returncode == 0, completed.stderr
    assert len(job_folders(tmp_path / "sweep")) == 1
    assert set(read_runs(tmp_path / "sweep")["matching"]) == {"identity", "weights", "activations"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["width=-3"], "`width` must be a positive integer, got -3."),
        (["width=8,-3", "-m"], "1 of 2 jobs cannot run; nothing was trained.\n  width=-3: `width` must be a positive integer, got -3."),
        (["width=8", "seed=abc,-1", "-m"], "2 of 2 jobs cannot run; nothing was trained.\n  seed=abc: `seed` must be"),
        (["widht=8"], "Did you mean 'width'?"),
        (
            ["dataset=mnits"],
            "must be one of cifar10, digits, fashion_mnist, gaussian_mixture, kmnist, mnist, python_text, got 'mnits'. Did you mean 'mnist'?",
        ),
        (
            ["dataset=mnist", "dataset.root=nowhere"],
            "`dataset.root` must be a folder that holds train-images-idx3-ubyte and its kind, got 'nowhere'",
        ),
        (["seed=0,1"], "seed=0,1 has several values, and one job takes one: add -m for a sweep over them."),
        (["width"], "'width' cannot be read; overrides are written KEY=VALUE, e.g. width=64 or width=8,16 -m."),
        (
            ["points=5,9", "-m"],
            "`points`, `directions`, `splits`, `plane`, `device`, `time_limit` and `store.dir` do not make a different job, so they cannot be swept; run one command for each value.",
        ),
        (
            ["time_limit=5,9", "-m"],
            "`points`, `directions`, `splits`, `plane`, `device`, `time_limit` and `store.dir` do not make a different job, so they cannot be swept; run one command for each value.",
        ),
        (["hydra.sweep.subdir=x", "-m"], "`hydra.sweep.subdir` must stay ${run_id:}: jobs are found again by that name."),
        (["plan=true,false", "-m"], "`plan` must be true or false, not both."),
    ],
)
def test_bad_input_is_a_sentence_and_leaves_nothing_behind(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert sentence in refusal(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["width=-3"], ["width=8,-3", "-m"], ["widht=8"]], ids=" ".join)
def test_the_exit_status_of_bad_input_is_one(command, tmp_path, arguments):
    completed = command(*arguments)
    assert completed.returncode == 1
    assert "width" in completed.stderr
    assert "Traceback" not in completed.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_network_and_no_files_say_what_to_do(command, tmp_path):
    # an address that refuses at once stands for a machine without a network
    proxies = {name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
    completed = command("dataset=mnist", LMC_SWEEPS_DATA=str(tmp_path / "data"), NO_PROXY="", no_proxy="", **proxies)
    assert completed.returncode == 1
    assert "`dataset=mnist` is not in the cache and could not be downloaded." in completed.stderr
    assert "pass dataset.root=DIR, or use dataset=digits, which needs no download." in completed.stderr
    assert "Traceback" not in completed.stderr


def test_a_job_that_fails_spoils_no_other_and_is_tried_again(command, tmp_path):
    sweep = ["width=4,8,16", *FAST, "matching=[weights]", "hydra.sweep.dir=sweep", "-m"]
    assert command(*sweep).returncode == 0
    folder = tmp_path / "sweep"
    before = read_runs(folder)
    victim = before.loc[before["width"] == 8, "run_id"].iloc[0]
    whole = (folder / victim / "record.json").read_text()
    (folder / victim / "record.json").write_text('{"schema_version": 99}')  # written by a later version: not ours to overwrite
    completed = command(*sweep)
    assert completed.returncode == 1
    assert f"width=8 failed: InputError: sweep/{victim}/record.json has schema version 99" in completed.stderr
    assert "1 of 3 jobs failed; sweep/analysis/failures.csv says why" in completed.stderr
    assert "2 of 3 jobs found." in completed.stdout
    assert "Traceback (most recent call last)" in (folder / victim / "lmc_sweeps.log").read_text()
    assert list(pd.read_csv(folder / "analysis" / "failures.csv")["status"]) == ["unreadable"]
    (folder / victim / "record.json").write_text(whole[: len(whole) // 2])  # half a record is none: the job is run again
    assert command(*sweep).returncode == 0
    pd.testing.assert_frame_equal(read_runs(folder).drop(columns=TIMES), before.drop(columns=TIMES))


def test_a_finished_sweep_is_not_run_again_and_takes_widths_and_methods_in(command, tmp_path):
    assert command("width=4", "matching=[weights]", *FAST, "hydra.sweep.dir=sweep", "-m").returncode == 0
    folder = tmp_path / "sweep"
    (name,) = job_folders(folder)
    first = read_runs(folder)
    stored = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")}
    completed = command("width=4,8", "matching=[weights,covariance]", *FAST, "hydra.sweep.dir=sweep", "-m")
    assert completed.returncode == 0, completed.stderr
    runs = read_runs(folder)
    assert {path: path.stat().st_mtime_ns for path in stored} == stored  # trained once
    assert set(runs.loc[runs["run_id"] == name, "matching"]) == {"identity", "weights", "covariance"}
    assert runs["run_id"].nunique() == 2
    earlier = runs[(runs["run_id"] == name) & runs["matching"].isin(["identity", "weights"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(earlier[first.columns], first)


def test_other_points_and_a_plane_asked_for_later_are_something_to_do_and_need_no_training(command, tmp_path):
    sweep = ["-m", "width=4", "training.epochs=2", "hydra.sweep.dir=sweep"]
    assert command(*sweep, "points=5").returncode == 0
    stored = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")}
    plan = command(*sweep, "points=9", "plane=true", "plan=true").stdout
    assert "1 job, 0 of them finished, in sweep" in plan
    assert "2 networks, 0 of them to be trained" in plan
    assert command(*sweep, "points=9", "plane=true").returncode == 0
    curves = pd.read_csv(tmp_path / "sweep" / "analysis" / "curves.csv")
    np.testing.assert_allclose(np.sort(curves["t"].unique()), np.arange(9) / 8)
    (path,) = (tmp_path / "sweep").glob("*/plane.csv")
    assert set(pd.read_csv(path)["matching"]) == {"weights", "covariance", "activations"}
    assert "1 job, 1 of them finished, in sweep" in command(*sweep, "points=9", "plane=true", "plan=true").stdout
    assert {path: path.stat().st_mtime_ns for path in stored} == stored


def test_a_diverged_job_is_counted_named_and_in_no_mean(command, tmp_path):
    completed = command("optimizer.lr=0.05,1e30", "width=4", *FAST, "hydra.sweep.dir=sweep", "-m")
    assert completed.returncode == 0, completed.stderr
    assert (
        "diverged: optimizer.lr=1e+30: network 0 had a loss, before or after training, or a weight that was not finite" in completed.stdout
    )
    table = pd.read_csv(tmp_path / "sweep" / "analysis" / "barrier_vs_width.csv")
    cells = table[(table["metric"] == "loss_barrier") & (table["split"] == "test")]
    assert set(cells.loc[cells["optimizer.lr"] == 1e30, "n_pairs"]) == {0}
    assert set(cells.loc[cells["optimizer.lr"] == 1e30, "n_expected"]) == {1}
    assert set(cells.loc[cells["optimizer.lr"] == 0.05, "n_pairs"]) == {1}


def test_a_new_interpreter_with_other_threads_hash_seed_and_backend_has_the_same_bits_and_draws(command, tmp_path):
    """A third network is trained beside the two, from a script that imports matplotlib first, which reads a notebook's backend then."""

    def stored(name):
        return {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.safetensors")}

    (tmp_path / "run.py").write_text("import matplotlib\nfrom lmc_sweeps.cli import main\nmain()\n")
    common = ["-m", "device=cpu", "width=8", "depth=2", "training.epochs=2", "points=3", "matching=[weights]"]
    common += ["matching.weights.transport=assignment"]  # a new interpreter need not import POT
    first = command(*common, "hydra.sweep.dir=a", LMC_SWEEPS_STORE=str(tmp_path / "s1"))
    other = {
        "LMC_SWEEPS_STORE": str(tmp_path / "s2"),
        "PYTHONHASHSEED": "2",
        "OMP_NUM_THREADS": "2",
        "MPLBACKEND": "module://a_notebook.backend",
    }
    second = command(*common, "networks=3", "hydra.sweep.dir=b", module="run", cold=True, **other)
    assert [first.returncode, second.returncode] == [0, 0], second.stderr
    networks = stored("s1")
    assert len(networks) == 2
    assert {name: stored("s2")[name] for name in networks} == networks
    two, three = (read_runs(tmp_path / name).drop(columns=[*TIMES, "run_id"]) for name in "ab")
    assert three[three["network_b"] == two["network_b"][0]].to_csv(index=False) == two.to_csv(index=False)
    assert "report.html: " in second.stdout
    assert (tmp_path / "b" / "analysis" / "barrier_vs_width.png").read_bytes().startswith(b"\x89PNG")


def test_the_analysis_command_reads_a_sweep_again(command):
    assert command("width=4,8", "training.epochs=1", "points=3", "matching=[weights]", "hydra.sweep.dir=sweep", "-m").returncode == 0
    again = command("sweep", "--out", "elsewhere", module="multirun_analysis")
    assert again.returncode == 0, again.stderr
    assert "2 of 2 jobs found." in again.stdout
    assert "Tables, figures and report.html: elsewhere" in again.stdout


def test_an_experiment_runs_without_m_and_its_axes_can_be_replaced(command):
    completed = command("experiment=width_digits", "width=4", "seed=0,1", *FAST)
    assert completed.returncode == 0, completed.stderr
    assert "2 of 2 jobs found." in completed.stdout


@pytest.mark.parametrize("option", ["--config-dir", "hydra.searchpath"])
def test_an_experiment_in_a_folder_of_the_users_own_may_vary_options_that_are_there_only(command, tmp_path, option):
    for group, name, text in (
        ("optimizer", "fast", "name: sgd\nlr: 0.1\nmomentum: 0.0\nweight_decay: 0.0\n"),
        ("experiment", "mine", "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      optimizer: sgd,fast\n"),
    ):
        (tmp_path / "own" / group).mkdir(parents=True)
        (tmp_path / "own" / group / f"{name}.yaml").write_text(text)
    folder = ["--config-dir", "own"] if option == "--config-dir" else [f"hydra.searchpath=[file://{tmp_path}/own]"]
    completed = command(*folder, "experiment=mine", "plan=true")
    assert completed.returncode == 0, completed.stderr
    assert "2 jobs, 0 of them finished" in completed.stdout


def test_a_script_of_the_users_own_is_written_down_as_it_was_typed(tmp_path, monkeypatch):
    for argv, typed in (
        (["run.py", "width=8", "-m"], "python run.py width=8 -m"),
        (["/somewhere/lmc_sweeps/__main__.py", "width=8"], "python -m lmc_sweeps width=8"),
        (["/somewhere/bin/lmc-sweeps", "width=8"], "python -m lmc_sweeps width=8"),
    ):
        monkeypatch.setattr(sys, "argv", argv)
        write_command(tmp_path)
        assert json.loads((tmp_path / "commands.jsonl").read_text().splitlines()[-1])["command"] == typed
