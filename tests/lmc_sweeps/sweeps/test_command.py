"""What was typed, made ready for Hydra: options anywhere, folders as they are named, and every refusal before a folder is made."""

import os
import re
from pathlib import Path

import pytest
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import OmegaConf
from pictures import pictures
from typed import refusal

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.records import write_record
from lmc_sweeps.sweeps.command import make_ready
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.overrides import check_overrides, parsed, plain_folder
from lmc_sweeps.sweeps.typed_command import read_command


def ready(*words):
    command = read_command(words)
    make_ready(command)
    return command


@pytest.mark.parametrize("flag", ["-m", "--multirun"])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_m_stands_anywhere(flag, position):
    words = ["width=4,8", "seed=0"]
    command = ready(*words[:position], flag, *words[position:])
    assert command.multirun
    assert command.overrides == [*words, "hydra.mode=MULTIRUN"]


def test_options_with_values_stand_anywhere(own):
    command = ready("seed=0", *own, "experiment=plain", "-m", "width=4,8")
    assert command.overrides == ["seed=0", "experiment=plain", "width=4,8", "hydra.mode=MULTIRUN"]
    assert command.config_dir == own[1]


# Every kind of mistake in settings, data and sizes, which we find; and those that Hydra finds.
MISTAKES = [
    (["width=-3"], "`width` must be a positive integer, got -3."),
    (["training.batch_size=5000"], "`training.batch_size` must be at most the size of the training set (1437), got 5000."),
    (["dataset=mnist", "dataset.root=nowhere"], "`dataset.root` must be a folder that holds"),
    (["dataset=gaussian_mixture", "dataset.train_size=100000000000000"], "`dataset` gaussian_mixture does not fit in this machine's memory"),
    (["model.activation=ReLU"], "`model.activation` must be one of gelu, relu, tanh, got 'ReLU'. Did you mean 'relu'?"),
    (["optimizer=adam", "optimizer.momentum=0.9"], "`optimizer.momentum` is a key of optimizer=sgd only, and none of what was chosen has it (optimizer=adam)."),
    (["points=1000000000000000000000000000001"], "a job of `points` 1,000,000,000,000,000,000,000,000,000,001 takes about 9.6e+26 GB of memory"),
    (["width=1000000"], "a job of `width` 1,000,000 takes about 96,"),
    (["~width"], "`width` is missing"),
    (["hydra.job.chdir=true"], "`hydra.job.chdir` must be false, got true"),
    (["hydra.swep.dir=x"], "`hydra.swep` is not a key; the keys at `hydra` are callbacks, "),
    (["store.dir=here", "store=null"], "`store` must be a mapping of settings, got None."),
    (["experiment=plain,null"], "`experiment` must be one of"),
    (["experiment=broken"], "the configs cannot be composed: ParserError: while parsing a flow node"),
]  # fmt: skip


HYDRAS = [
    (["+width=8"], "Could not append to config"),
    (["hydra.job.env_set.A=b"], "Could not override 'hydra.job.env_set.A'"),
    (["hydra/job_logging=nothing"], "Could not find 'hydra/job_logging/nothing'"),
]


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_mistake_is_said_before_hydra_begins(own, words, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        ready(*own, *words)
    assert os.listdir() == []


@pytest.mark.parametrize("folder", [["hydra.run.dir=x", "hydra.output_subdir=null"], ["-m", "hydra.sweep.dir=x"]], ids=" ".join)
@pytest.mark.parametrize(
    ("words", "sentence"), [MISTAKES[0], MISTAKES[2], *HYDRAS], ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_leaves_no_folder_and_no_traceback_with_folders_of_the_users_and_without(own, capsys, folder, words, sentence):
    assert sentence in refusal(capsys, *words, *folder)
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["hydra.sweep.dir=x"], "`hydra.sweep.dir` is for sweeps, and this is one job: add -m; the folder of one job is named by hydra.run.dir=DIR."),
        (["hydra/launcher=basic"], "`hydra/launcher` is for sweeps, and this is one job: add -m."),
        (["hydra.sweeper.max_batch_size=3"], "`hydra.sweeper.max_batch_size` is for sweeps, and this is one job: add -m."),
        (["experiment=mine"], "`hydra.sweeper.params` (width) is for sweeps, and this is one job: add -m."),
        (["hydra.run.dir=x", "-m"], "`hydra.run.dir` is the folder of one job; that of a sweep is named by hydra.sweep.dir=DIR."),
        (["hydra.run.dir=x", "-m", "plan=true"], "`hydra.run.dir` is the folder of one job; that of a sweep is named by hydra.sweep.dir=DIR."),
        (["hydra.run.dir=x", "experiment=sub/deep"], "`hydra.run.dir` is the folder of one job"),
        (["hydra.sweep.dir=a,b", "-m"], "`hydra.sweep.dir` must be one folder, got a,b; quote such a name twice, for Hydra and for the shell: \"hydra.sweep.dir='a,b'\"."),
        (["hydra.sweep.dir=", "-m"], "`hydra.sweep.dir` must be a folder, got ''."),
        (["hydra.run.dir=/dev/null/x"], "`hydra.run.dir` must be a folder that can be written, got '/dev/null/x'"),
        (["hydra.sweep.dir=/dev/null/x", "-m"], "`hydra.sweep.dir` must be a folder that can be written, got '/dev/null/x'"),
        (["seed=range(1000000000)", "-m"], "a sweep must have at most 100,000 jobs, got 1,000,000,000: 1,000,000,000 of seed."),
        (["seed=range(1000)", "width=range(1,1000)", "-m"], "a sweep must have at most 100,000 jobs, got 999,000: 1,000 of seed x 999 of width."),
        (["seed=range(0)", "-m"], "`seed` has no values; a range ends before its second number: range(0,4) is 0, 1, 2, 3."),
        (["seed=range(0,3,0)", "-m"], "`seed` must be a range whose step is not 0, got 'seed=range(0,3,0)'."),
    ],
)  # fmt: skip
def test_what_would_be_taken_no_notice_of_is_refused(own, capsys, words, sentence):
    assert sentence in refusal(capsys, *own, *words)
    assert os.listdir() == []


def test_one_folder_for_two_datasets_is_refused_where_both_would_be_one(own, capsys, tmp_path):
    pictures(tmp_path / "pictures")
    message = refusal(capsys, "dataset=mnist,kmnist", f"dataset.root={tmp_path / 'pictures'}", "training.batch_size=32", "-m")
    assert (
        "`dataset` mnist and kmnist have the same contents: give each a folder of its own, as 'dataset.root=DIR/${dataset.name}'."
        in message
    )


@pytest.mark.parametrize("words", [["-m"], []], ids=["a sweep", "one job"])
def test_a_plan_that_another_sweeper_would_run_is_refused(own, capsys, words):
    message = refusal(capsys, *own, "hydra/sweeper=basic", "plan=true", *words)
    assert "`plan=true` is done by hydra/sweeper=lmc, got basic." in message
    assert os.listdir() == []


def test_a_logger_that_another_sweeper_would_ignore_is_refused(own, capsys):
    message = refusal(capsys, *own, "hydra/sweeper=basic", "logger=tensorboard", "-m")
    assert "`logger` in a sweep is done by hydra/sweeper=lmc, got basic." in message
    assert os.listdir() == []


HOME = "/home/somebody"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("hydra.sweep.dir=~/a", f"hydra.sweep.dir='{HOME}/a'"),
        ("hydra.sweep.dir='~/a b'", f"hydra.sweep.dir='{HOME}/a b'"),
        ("hydra.run.dir=~", f"hydra.run.dir='{HOME}'"),
        ("store.dir=~/s", f"store.dir='{HOME}/s'"),
        ("dataset.root=~/d", f"dataset.root='{HOME}/d'"),
        ("hydra.sweep.dir=lr=0.1", "hydra.sweep.dir='lr=0.1'"),
        ("hydra.sweep.dir=a#b", "hydra.sweep.dir='a#b'"),
        ("hydra.sweep.dir=übung", "hydra.sweep.dir='übung'"),
        ("hydra.sweep.dir=a b", "hydra.sweep.dir=a b"),
        ("hydra.sweep.dir=a", "hydra.sweep.dir=a"),
        ("dataset.root=a,~/b", "dataset.root='a,~/b'"),
        ("width=~", "width=~"),
    ],
)
def test_folders_are_read_as_they_are_named(typed, read, monkeypatch):
    monkeypatch.setenv("HOME", HOME)
    assert plain_folder(typed) == read


@pytest.mark.parametrize("name", ["übung", "a#b", "a=b", "a b", "a,b", "it's", "back\\slash", "é{", 'quo"te'])
def test_a_name_that_is_quoted_as_the_message_says_is_that_folder(name):
    typed = plain_folder(f"hydra.run.dir={name}")
    try:
        check_overrides([typed], [conf_dir()])
        suggested = typed
    except InputError as error:
        suggested = re.search(r'for the shell: "(.*)"\.$', str(error)).group(1)
    value = parsed(suggested).value()
    assert getattr(value, "text", value) == name


def test_a_home_in_a_config_file_is_the_home(own, monkeypatch):
    monkeypatch.setenv("HOME", HOME)
    assert ready(*own, "experiment=home").overrides == ["hydra.run.dir='/home/somebody/out/${now:%Y}'", "experiment=home", "hydra.mode=RUN"]


def test_a_folder_that_holds_another_job_is_refused_before_anything_is_written_there(own, capsys):
    lists = dict.fromkeys(("matching", "networks", "notes", "runs", "curves", "layers"), [])
    write_record(Path("y"), {"schema_version": 1, "run_id": "another", "status": "ok", "points": 3, "config": {}, "data": {}, **lists})
    assert "y holds the record of another job, another; a job needs a folder of its own." in refusal(capsys, "seed=7", "hydra.run.dir=y")
    assert [path.name for path in Path("y").iterdir()] == ["record.json"]


def test_a_pipe_in_place_of_what_hydra_writes_does_not_hold_a_job_up(own):
    Path("z/.hydra").mkdir(parents=True)
    os.mkfifo("z/.hydra/config.yaml")
    ready("hydra.run.dir=z")
    assert list(Path("z/.hydra").iterdir()) == []


def test_a_folder_of_configs_that_is_not_there_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in (["width=4"], ["width=4,8", "-m"]):
        message = refusal(capsys, "--config-dir", "nowhere", *words)
        assert message.strip() == "`--config-dir` must be a folder, got 'nowhere'."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--run", "-m"], ["hydra.mode=RUN", "-m"]], ids=" ".join)
def test_one_job_and_a_sweep_at_once_are_refused(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    assert "is for one job and" in refusal(capsys, "width=4", *words)
    assert list(tmp_path.iterdir()) == []


def test_what_is_composed_again_is_a_copy_and_is_what_was_composed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = read_command(["width=4,8", "-m"])
    loader = make_ready(command)
    first, second = (loader.load_configuration("config", command.overrides, RunMode.MULTIRUN) for _ in range(2))
    assert OmegaConf.to_yaml(first) == OmegaConf.to_yaml(second)
    first.width = 5
    third = loader.load_configuration("config", command.overrides, RunMode.MULTIRUN)
    assert OmegaConf.to_yaml(third) == OmegaConf.to_yaml(second)
    loader.load_configuration("config", ["hydra.verbose=true,false"], RunMode.MULTIRUN, validate_sweep_overrides=False)
    with pytest.raises(ConfigCompositionException, match="Hydra's configuration is not supported"):
        loader.load_configuration("config", ["hydra.verbose=true,false"], RunMode.MULTIRUN)
