"""From composed configs to settings: every mistake in one sentence with key, rule, value and choices."""

import copy
import re

import pytest
from hydra_parts import composer
from omegaconf import OmegaConf

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.recorded import plain_config
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.sweeps.config import from_environment, job_settings, load_data, name_of, prepare, prepared_as
from lmc_sweeps.sweeps.expected import expected_entry
from lmc_sweeps.sweeps.overrides import parsed


def composed(*overrides):
    return composer().without_hydra(overrides)


def test_the_keys_that_come_from_the_environment_are_known_also_through_other_keys(monkeypatch):
    monkeypatch.setenv("PLACE", "/s3cr3t")
    config = composed("dataset=mnist", "dataset.root=${oc.env:PLACE}/x", "store.dir=${dataset.root}")
    outside = from_environment(OmegaConf.to_container(config, resolve=False))
    assert outside == {
        "dataset.root": "${oc.env:PLACE}/x",
        "store.dir": "${dataset.root}",
    }
    settings = job_settings(config)
    assert settings.dataset.root == "/s3cr3t/x"
    assert plain_config(settings)["dataset"]["root"] == "${oc.env:PLACE}/x"
    assert "optimizer.lr" not in dict(settings.from_environment)


MISTAKES = [
    (["width=0"], "`width` must be a positive integer, got 0."),
    (["width=-3"], "`width` must be a positive integer, got -3."),
    (["width=abc"], "`width` must be a positive integer, got 'abc'."),
    (["width=1.5"], "`width` must be a positive integer, got 1.5."),
    (["width=null"], "`width` must be a positive integer, got None."),
    (["width=true"], "`width` must be a positive integer, got True."),
    (["depth=0"], "`depth` must be a positive integer, got 0."),
    (["depth=100000"], "`depth` must be at most 10,000, got 100000."),
    (["networks=1"], "`networks` must be an integer of at least 2, got 1."),
    (["seed=-1"], "`seed` must be a non-negative integer below 18446744073709551616, got -1."),
    (["seed=18446744073709551616"], "`seed` must be a non-negative integer below 18446744073709551616, got 18446744073709551616."),
    (["points=1"], "`points` must be an odd integer of at least 3 (so that t = 0, 1/2 and 1 are there), got 1."),
    (["points=2"], "`points` must be an odd integer of at least 3 (so that t = 0, 1/2 and 1 are there), got 2."),
    (["points=10"], "`points` must be an odd integer of at least 3 (so that t = 0, 1/2 and 1 are there), got 10."),
    (["plane=3"], "`plane` must be true or false, got 3."),
    (["plane=true", "matching=identity"], "`plane` needs a matching method that moves B: the plane goes through A, B and permuted B."),
    (["device=tpu"], "`device` must be one of auto, cpu, cuda, cuda:0, cuda:1, ..., got 'tpu'."),
    (["precision=float16"], "`precision` must be one of bfloat16, bfloat16_factors, float32, tf32, got 'float16'. Did you mean 'bfloat16'?"),
    (["training.epochs=-1"], "`training.epochs` must be a non-negative integer, got -1."),
    (["training.batch_size=0"], "`training.batch_size` must be a positive integer, got 0."),
    (["training.batch_size=1438"], "`training.batch_size` must be at most the size of the training set (1437), got 1438."),
    (["training.schedule=step"], "`training.schedule` must be one of constant, warmup_cosine, got 'step'."),
    (["training.data_order=same"], "`training.data_order` must be one of own, shared, got 'same'. Did you mean 'shared'?"),
    (["optimizer.lr=0"], "`optimizer.lr` must be a finite number above 0, got 0."),
    (["optimizer.lr=-1"], "`optimizer.lr` must be a finite number above 0, got -1."),
    (["optimizer.lr=nan"], "`optimizer.lr` must be a finite number above 0, got nan."),
    (["optimizer.lr=abc"], "`optimizer.lr` must be a finite number above 0, got 'abc'."),
    (["matching=[]"], "`matching` must name at least one method, got none; e.g. matching=[weights,activations]."),
    (["repair=[]"], "`repair` must name at least one repair, got none; e.g. repair=[none,repair]."),
    (["repair=repair", "repair.repair.examples=1"], "`repair.repair.examples` must be an integer of at least 2, got 1."),
    (["directions=three"], "`directions` must be one of both, one, got 'three'."),
    (["splits=train"], "`splits` must be one of both, test, got 'train'."),
    (["matching.weights.transport=emdd"], "`matching.weights.transport` must be one of assignment, emd, sinkhorn, got 'emdd'. Did you mean 'emd'?"),
    (["matching.weights.biases=1"], "`matching.weights.biases` must be true or false, got 1."),
    (["dataset.name=mnits"], "`dataset.name` must be one of cifar10, digits, fashion_mnist, gaussian_mixture, kmnist, mnist, python_text, got 'mnits'. Did you mean 'mnist'?"),
    (["dataset=mnist", "dataset.root=/nowhere"], "`dataset.root` must be a folder that holds train-images-idx3-ubyte and its kind, got '/nowhere', which is not a folder."),
    (["+widht=8"], "`widht` is not a key; the keys at the top level are dataset, depth, device, directions, logger, matching, model, networks, optimizer, plan, plane, points, precision, "
     "repair, report, seed, splits, store, time_limit, training, width. Did you mean 'width'?"),
    (["+optimizer.lrr=1"], "`optimizer.lrr` is not a key; the keys at `optimizer` are decayed, lr, momentum, weight_decay. Did you mean 'lr'?"),
    (["~width"], "`width` is missing; a job needs width, depth, networks, seed, device, precision, points, directions, splits, plane, time_limit, dataset, model, optimizer, training, matching, repair, store."),
    (["model=mean_field", "depth=2"], "`depth` must be 1 for model=mean_field, a two-layer network, got 2."),
    (["model.initialisation=low_dimensional", "model.intrinsic_dimension=65"], "`model.intrinsic_dimension` must be at most the number of inputs (64), got 65."),
    (["model.noise=-1"], "`model.noise` must be a finite number at least 0, got -1."),
    (["model.law_seed=-1"], "`model.law_seed` must be a non-negative integer below 18446744073709551616, got -1."),
    (["store.dir=3"], "`store.dir` must be a folder, or null to keep no networks, got 3."),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "sentence"), MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_mistake_is_one_sentence(overrides, sentence):
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
        prepare(composed(*overrides))


# What is no value of a key: by key, and each is refused in one sentence that names the key and shows the value.
NO_VALUES = {
    **dict.fromkeys(("width", "depth"), ("0", "-1", "1.5", "8.0", "true", "null", "''", "abc", "[1]", "{a:1}", "nan", "inf", "1e400")),
    "networks": ("0", "1", "-2", "2.5", "true", "null", "abc", "[2]"),
    "seed": ("-1", "0.5", "true", "null", "abc", "[0]"),
    "points": ("0", "-3", "4", "5.0", "true", "null", "abc"),
    "time_limit": ("0", "-1", "true", "abc", "nan", "inf"),
    "plane": ("0", "1", "yes_please", "null"),
    "plan": ("0", "1", "yes_please", "null"),
    "report": ("0", "1", "yes_please", "null"),
    "device": ("0", "true", "null", "gpu", "cuda:-1", "CPU "),
    "precision": ("0", "true", "null", "double"),
    "optimizer.lr": ("0", "-0.1", "true", "null", "abc", "nan", "inf", "1e400", "[0.1]"),
    "training.epochs": ("-1", "0.5", "true", "null", "abc"),
    "training.batch_size": ("0", "-1", "0.5", "true", "null", "abc"),
    "dataset": ("0", "true", "abc"),
    "training": ("0", "abc"),
    "store.dir": ("0", "true", "[a]"),
}


@pytest.fixture(scope="module")
def plain():
    """Return the default config as plain values: composing one takes a third of a second."""
    return OmegaConf.to_container(composed(), resolve=True)


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in NO_VALUES.items() for value in values])
def test_what_is_no_value_of_a_key_is_refused_with_the_key(plain, key, value):
    config = copy.deepcopy(plain)
    head, _, last = key.rpartition(".")
    (config[head] if head else config)[last] = parsed(f"{key}={value}").value()
    with pytest.raises(InputError, match=rf"`{key}` must be "):
        prepare(config)


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="`store.dir` must be a folder, or null to keep no networks, got '.*file', which is a file."):
        job_settings(composed(f"store.dir={tmp_path / 'file'}"))


def test_a_null_store_keeps_nothing_and_a_home_is_expanded(monkeypatch):
    assert job_settings(composed("store.dir=null")).store is None
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.delenv("LMC_SWEEPS_STORE", raising=False)
    assert str(job_settings(composed()).store) == "/home/somebody/.cache/lmc_sweeps/networks"
    monkeypatch.setenv("LMC_SWEEPS_STORE", "/data/networks")
    assert str(job_settings(composed()).store) == "/data/networks"


def test_one_method_can_stand_there_with_two_settings():
    settings = job_settings(composed("matching=[weights]", "+matching.with_biases={name: weights, biases: true}"))
    assert settings.matching == (Weights(), Weights(biases=True))


def test_integers_will_do_where_numbers_are_asked_for_and_name_the_same_job():
    assert prepare(composed("optimizer.lr=1")).run_id == prepare(composed("optimizer.lr=1.0")).run_id


def test_the_name_of_a_job_leaves_out_what_does_not_touch_its_networks():
    name = prepare(composed()).run_id
    for same in ("points=51", "plane=true", "time_limit=60", "matching=[weights]", "device=cpu", "store.dir=null"):
        assert prepare(composed(same)).run_id == name
    for other in (
        "width=33",
        "seed=1",
        "networks=3",
        "model.activation=tanh",
        "dataset.normalise=true",
        "training.epochs=21",
        "optimizer=adam",
    ):
        assert prepare(composed(other)).run_id != name


def test_a_job_that_was_prepared_gives_its_name_to_a_config_while_it_runs():
    job, other = prepare(composed("width=8")), composed("width=9")
    assert name_of(other) != job.run_id
    with prepared_as(job):
        assert name_of(other) == job.run_id
    assert name_of(other) == prepare(other).run_id


@pytest.mark.parametrize("key", ["width", "optimizer.lr"])
def test_a_value_that_must_be_set_and_is_not_cannot_be_resolved(key):
    config = composed()
    OmegaConf.update(config, key, "???")
    with pytest.raises(InputError, match=key.partition(".")[0]):
        prepare(config)


def test_data_are_loaded_once_for_all_jobs_that_share_them():
    dataset = job_settings(composed("dataset=gaussian_mixture")).dataset
    assert load_data(dataset)[0] is load_data(job_settings(composed("dataset=gaussian_mixture", "width=99")).dataset)[0]


@pytest.mark.parametrize(("text", "key"), [("${seed}", "seed"), ("${..seed}", "seed"), ("${.classes}", "dataset.classes")])
def test_what_a_config_computes_stands_beside_the_settings_of_the_expected_job(text, key):
    prepared = prepare(composed("dataset=gaussian_mixture", "dataset.train_size=500", f"dataset.seed='{text}'", "seed=10"))
    assert prepared.settings.dataset.seed == 10
    entry = expected_entry(prepared, "")
    assert entry["computed"] == {"dataset.seed": {"expression": f"${{{key}}}", "keys": [key]}}
    assert entry["scope"]["dataset.seed"] == 10


def test_what_is_typed_or_taken_from_the_environment_is_computed_from_nothing(monkeypatch):
    monkeypatch.setenv("RATE", "0.5")
    prepared = prepare(composed("optimizer.lr='${oc.decode:${oc.env:RATE}}'", "training.epochs=1"))
    assert prepared.settings.optimizer.lr == 0.5
    assert expected_entry(prepared, "")["computed"] == {}


@pytest.mark.parametrize(
    "written",
    [
        "${oc.env:PLACE}", "${oc.env:PLACE,/default}/x", "${dataset.root}", "${dataset[root]}/x", "${oc.select:dataset.root}",
        "${oc.decode:${oc.env:PLACE}}",
    ],
)  # fmt: skip
def test_a_store_from_the_environment_is_told_as_it_was_written(monkeypatch, written):
    monkeypatch.setenv("PLACE", "/s3cr3t")
    settings = job_settings(composed("dataset=mnist", "dataset.root=${oc.env:PLACE}", f"store.dir='{written}'"))
    assert str(settings.store).startswith("/s3cr3t")
    assert plain_config(settings)["store"] == written


def test_words_beside_interpolations_and_keys_set_by_hand_do_not_come_from_the_environment():
    config = {
        "store": {"dir": "${oc.env:PLACE}"},
        "dataset": {"root": "${seed}/store", "site": "here", "files": ["${seed}", "a"]},
        "seed": 1,
    }
    assert list(from_environment(config)) == ["store.dir"]


def test_lists_and_whole_mappings_from_the_environment_are_known():
    config = {"model": {"files": ["a", "${oc.env:PLACE}"], "site": {"token": "${oc.env:T}"}}, "optimizer": {"site": "${model.site}"}}
    assert set(from_environment(config)) == {"model.files.1", "model.site.token", "optimizer.site"}
