"""What a job is asked for: names that hold exactly what determines the networks, and every static error with its message."""

import hashlib
import json
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
import torch
from small_jobs import small_settings

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.devices import resolve_device
from lmc_sweeps.datasets.base import Data, split
from lmc_sweeps.datasets.cifar10 import Cifar10
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.datasets.gaussian_mixture import GaussianMixture
from lmc_sweeps.datasets.idx import FashionMnist, Mnist
from lmc_sweeps.jobs.identities import digest, identity, network_identity, network_name, run_id
from lmc_sweeps.jobs.recorded import environment_key, method_settings, plain_config, scope
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.loop import Training
from lmc_sweeps.training.optimizers import Adam, AdamW, Sgd
from multirun_analysis.common import redaction
from multirun_analysis.schema import safe_name

FINGERPRINT = "00112233445566ff"
# Another value for every field of every part that determines a network: a new field must be added here, and so be thought about.
OTHER = {
    "normalise": True, "train_size": 100, "test_size": 50, "ambient_dimension": 33, "intrinsic_dimension": 3, "classes": 9, "separation": 1.0,
    "seed": 1, "activation": "tanh", "bias": False, "initialisation": "he", "lr": 0.123, "momentum": 0.5, "weight_decay": 0.2, "beta1": 0.8,
    "beta2": 0.9, "epsilon": 1e-5, "epochs": 3, "batch_size": 17, "schedule": "warmup_cosine", "warmup_steps": 4, "warmup_lr": 0.01,
    "noise": 0.1, "law_seed": 1, "data_order": "shared",
}  # fmt: skip
PARTS = {
    "dataset": (Digits(), GaussianMixture(), Mnist(), FashionMnist(), Cifar10()),
    "model": (Mlp(),),
    "optimizer": (Sgd(), Adam(), AdamW()),
    "training": (Training(),),
}


def job(**changes) -> JobSettings:
    default = {"width": 32, "matching": (Weights(), Covariance(), Activations()), "training": Training(), "points": 25}
    return small_settings(**default | changes)


def test_the_identity_of_the_default_job_is_frozen():
    expected = {
        "code": 2,
        "fingerprint": FINGERPRINT,
        "width": 32,
        "depth": 1,
        "networks": 2,
        "seed": 0,
        "precision": "float32",
        "dataset": {"name": "digits"},
        "model": {"name": "mlp"},
        "optimizer": {"name": "sgd"},
        "training": {},
    }
    assert identity(job(), FINGERPRINT) == expected
    words = json.dumps(expected, sort_keys=True)
    assert run_id(job(), FINGERPRINT) == hashlib.sha256(words.encode()).hexdigest()[:16] == "f9ca4966af21aeb2"


def test_a_run_is_named_the_same_wherever_it_runs_and_whatever_is_measured_on_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    default = run_id(job(), FINGERPRINT)
    for changes in (
        {"device": "auto"},
        {"device": "cuda:1"},
        {"store": Path("elsewhere")},
        {"points": 3},
        {"plane": True},
        {"time_limit": 60.0},
        {"matching": (Weights(biases=True),)},
        {"matching": (Weights(transport="assignment"),)},
    ):
        assert run_id(job(**changes), FINGERPRINT) == default
    here, there = (run_id(job(dataset=Mnist(root=root)), FINGERPRINT) for root in (None, "/data/mnist"))
    assert here == there


def test_a_run_is_named_anew_with_every_other_setting():
    names = [run_id(job(), FINGERPRINT), run_id(job(), "another")]
    names += [run_id(job(**change), FINGERPRINT) for change in ({"width": 33}, {"depth": 2}, {"networks": 3}, {"seed": 1})]
    for key, parts in PARTS.items():
        for part in parts:
            if part != getattr(job(), key):
                names.append(run_id(job(**{key: part}), FINGERPRINT))
            for field in fields(part):
                if field.metadata.get("identity", True):
                    names.append(run_id(job(**{key: replace(part, **{field.name: OTHER[field.name]})}), FINGERPRINT))
    inside = [field for parts in PARTS.values() for part in parts for field in fields(part) if field.metadata.get("identity", True)]
    assert {field.name for part in PARTS["training"] for field in fields(part)} - {field.name for field in inside} >= {"stack", "stack_gib"}
    assert len(names) == 6 + 4 + 2 + len(inside)
    assert len(set(names)) == len(names)


def test_precision_and_the_version_of_the_training_code_are_in_the_name(monkeypatch):
    words = identity(job(), FINGERPRINT)
    monkeypatch.setattr("lmc_sweeps.jobs.identities.CODE_VERSION", 99)
    assert identity(job(), FINGERPRINT) == {**words, "code": 99}
    settings = job()
    object.__setattr__(settings, "precision", "float64")
    assert identity(settings, FINGERPRINT) == {**words, "code": 99, "precision": "float64"}


def test_a_new_field_leaves_earlier_runs_their_names_until_it_is_used():
    @dataclass(frozen=True, kw_only=True)
    class Grown(Sgd):
        name = "sgd"
        nesterov: bool = False

    assert run_id(job(optimizer=Grown()), FINGERPRINT) == run_id(job(), FINGERPRINT)
    assert run_id(job(optimizer=Grown(nesterov=True)), FINGERPRINT) != run_id(job(), FINGERPRINT)


def test_whole_numbers_and_floats_of_one_value_name_one_run():
    assert run_id(job(optimizer=Sgd(lr=1, weight_decay=0)), FINGERPRINT) == run_id(job(optimizer=Sgd(lr=1.0)), FINGERPRINT)


def test_a_network_is_named_by_its_number_and_not_by_how_many_others_there_are():
    names = [network_name(network_identity(job(), FINGERPRINT, number)) for number in range(3)]
    assert len({*names, run_id(job(), FINGERPRINT)}) == 4
    assert names == [network_name(network_identity(job(networks=5), FINGERPRINT, number)) for number in range(3)]
    words = {key: value for key, value in identity(job(), FINGERPRINT).items() if key != "networks"}
    assert network_identity(job(), FINGERPRINT, 1) == {**words, "network": 1}
    assert names[1] == digest({**words, "network": 1})


def test_a_digest_does_not_depend_on_the_order_of_keys_and_refuses_what_json_cannot_hold():
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"lr": float("nan")})


def test_the_scope_has_every_setting_under_its_dotted_name_and_no_place():
    expected = {
        "width": 32,
        "depth": 1,
        "networks": 2,
        "seed": 0,
        "precision": "float32",
        "dataset": "mnist",
        "dataset.normalise": False,
        "dataset.train_size": None,
        "dataset.test_size": 10,
        "dataset.fingerprint": FINGERPRINT,
        "model": "mlp",
        "model.activation": "relu",
        "model.bias": True,
        "model.initialisation": "pytorch",
        "model.intrinsic_dimension": 2,
        "model.noise": 0.0,
        "model.law_seed": 0,
        "optimizer": "sgd",
        "optimizer.lr": 0.05,
        "optimizer.momentum": 0.9,
        "optimizer.weight_decay": 0.0,
        "training.epochs": 20,
        "training.batch_size": 64,
        "training.schedule": "constant",
        "training.warmup_steps": 10,
        "training.warmup_lr": 1e-6,
        "training.data_order": "own",
        "code_version": 2,
    }
    assert scope(job(dataset=Mnist(root="/data", test_size=10)), FINGERPRINT) == expected


def test_the_plain_config_holds_every_setting_and_rebuilds_the_parts():
    settings = job(dataset=Mnist(root="/data"), store=Path("kept"), optimizer=Adam(lr=0.5), matching=(Weights(biases=True),))
    config = json.loads(json.dumps(plain_config(settings)))
    assert config["dataset"] == {"name": "mnist", "root": "/data", "normalise": False, "train_size": None, "test_size": None}
    assert config["matching"] == [{"name": "weights", "transport": "emd", "biases": True, "outgoing": False}]
    assert config["store"] == "kept"
    assert config["optimizer"].pop("name") == "adam"
    assert Adam(**config["optimizer"]) == settings.optimizer
    assert Training(**config["training"]) == settings.training
    assert {field.name for field in fields(JobSettings)} == {*config, "from_environment"}


def test_what_came_from_the_environment_is_told_by_its_interpolation_and_told_apart_by_a_digest():
    outside = (("dataset.root", "${oc.env:DATA,/s3cr3t}"), ("dataset.site", "${oc.env:SITE}"), ("model.activation", "${oc.env:ACT}"))

    @dataclass(frozen=True, kw_only=True)
    class Own(Mnist):
        site: str = ""
        token: str = ""

    own = [Own(root="/s3cr3t", site=site, token="s3cr3t") for site in ("here", "there")]
    told = [plain_config(job(dataset=dataset, from_environment=outside)) for dataset in own]
    assert told[0] == told[1]
    assert told[0]["dataset"]["site"] == "${oc.env:SITE}"
    assert told[0]["dataset"]["token"] == "***"
    assert told[0]["model"]["activation"] == "relu"  # a choice, of which load_networks builds the model
    scopes = [scope(job(dataset=dataset, from_environment=outside), FINGERPRINT) for dataset in own]
    assert [of["dataset.site"] for of in scopes] == [
        f"${{oc.env:SITE}} ({safe_name(hashlib.sha256(site.encode()).hexdigest()[:8])})" for site in ("here", "there")
    ]
    assert "s3cr3t" not in json.dumps(scopes)
    assert run_id(job(from_environment=outside), FINGERPRINT) == run_id(job(), FINGERPRINT)  # it is the value that counts


def test_a_store_in_the_users_home_is_told_without_the_users_name(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/alice"))
    redaction._home.cache_clear()
    try:
        assert plain_config(job(store=Path("/home/alice/networks")))["store"] == "~/networks"
        assert plain_config(job(dataset=Mnist(root="/home/alice/data")))["dataset"]["root"] == "~/data"
    finally:
        redaction._home.cache_clear()


@pytest.mark.parametrize("key", ["width", "depth"])
@pytest.mark.parametrize("value", [0, -3, 1.5, "abc", True, None])
def test_width_and_depth_must_be_positive_integers(key, value):
    with pytest.raises(InputError, match=rf"^`{key}` must be a positive integer, got {value!r}\.$"):
        job(**{key: value})


DEVICES = "auto, cpu, cuda, cuda:0, cuda:1, ..."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": 1}, "`networks` must be an integer of at least 2, got 1."),
        ({"networks": "two"}, "`networks` must be an integer of at least 2, got 'two'."),
        ({"seed": -1}, "`seed` must be a non-negative integer below 18446744073709551616, got -1."),
        ({"seed": 2**64}, "`seed` must be a non-negative integer below 18446744073709551616, got 18446744073709551616."),
        ({"seed": 0.0}, "`seed` must be a non-negative integer below 18446744073709551616, got 0.0."),
        ({"precision": "float16"}, "`precision` must be one of bfloat16, float32, tf32, got 'float16'. Did you mean 'bfloat16'?"),
        ({"precision": "tf32", "device": "cpu"}, "`precision` tf32 is for CUDA devices; here `device` is cpu. Choose float32 or bfloat16."),
        ({"precision": None}, "`precision` must be one of bfloat16, float32, tf32, got None."),
        *(
            ({"points": p}, f"`points` must be an odd integer of at least 3 (so that t = 0, 1/2 and 1 are there), got {p!r}.")
            for p in (1, 2, 10, -3, 5.0, "25", True)
        ),
        *(
            ({"time_limit": s}, f"`time_limit` must be a finite number above 0 and below 1e+08, got {s!r}.")
            for s in (0, -1.0, 1e8, "60", True, math.nan)
        ),
        *(({"plane": p}, f"`plane` must be true or false, got {p!r}.") for p in (3, 1, "yes", None)),
        (
            {"plane": True, "matching": (Identity(),)},
            "`plane` needs a matching method that moves B: the plane goes through A, B and permuted B.",
        ),
        ({"matching": ()}, "`matching` must name at least one method, got none; e.g. matching=[weights,activations]."),
        *(
            ({"device": d}, f"`device` must be one of {DEVICES}, got {d!r}.")
            for d in ("tpu", "cpu:0", "cpu:", "cuda:", "cuda:-1", "cuda:01", "cuda:²", "CUDA", "", None, 0)
        ),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(InputError) as caught:
        job(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_the_smallest_and_the_largest_seed_are_allowed(seed):
    assert job(seed=seed).seed == seed


@pytest.mark.parametrize(("device", "there"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1), ("cuda:10", 10)])
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, device, there):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    with pytest.raises(InputError, match=rf"^`device` must be there, got '{device}' on a machine with {there} CUDA devices\.$"):
        job(device=device)


def test_devices_are_resolved(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 11)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    found = [resolve_device(name) for name in ("auto", "cpu", "cuda", "cuda:10")]
    assert found == [torch.device(name) for name in ("cuda", "cpu", "cuda", "cuda:10")]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")


def test_a_batch_larger_than_the_training_set_is_refused_against_the_data():
    some = split([[0.0]] * 10, [0] * 10)
    data = Data(some, some, n_classes=1)
    job(training=Training(batch_size=10)).check_against(data)
    with pytest.raises(InputError, match=r"^`training\.batch_size` must be at most the size of the training set \(10\), got 11\.$"):
        job(training=Training(batch_size=11)).check_against(data)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Mlp(activation="rleu"), "`model.activation` must be one of gelu, relu, tanh, got 'rleu'. Did you mean 'relu'?"),
        (lambda: Mlp(bias="no"), "`model.bias` must be true or false, got 'no'."),
        (
            lambda: Mlp(initialisation="kaiming"),
            "`model.initialisation` must be one of gaussian, he, lecun, low_dimensional, pytorch, uniform, got 'kaiming'.",
        ),
        (lambda: Weights(transport="emb"), "`matching.weights.transport` must be one of assignment, emd, got 'emb'. Did you mean 'emd'?"),
        (lambda: Weights(biases=1), "`matching.weights.biases` must be true or false, got 1."),
        (lambda: Covariance(transport=None), "`matching.covariance.transport` must be one of assignment, emd, got None."),
        (lambda: Covariance(biases="on"), "`matching.covariance.biases` must be true or false, got 'on'."),
        (lambda: Covariance(centred=0), "`matching.covariance.centred` must be true or false, got 0."),
        (lambda: Activations(transport="x"), "`matching.activations.transport` must be one of assignment, emd, got 'x'."),
        (lambda: Activations(centred=None), "`matching.activations.centred` must be true or false, got None."),
    ],
)
def test_settings_of_models_and_methods_that_make_no_sense_are_refused(build, message):
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value) == message


@dataclass(frozen=True, kw_only=True)
class OwnModel(Mlp):
    site: str = ""
    key: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OwnOptimizer(Sgd):
    site: str = ""
    token: str = ""
    steps: int = 3


@dataclass(frozen=True, kw_only=True)
class OwnMethod(Weights):
    site: str = ""


def test_texts_of_parts_of_ones_own_from_the_environment_or_under_keys_of_secrets_are_told_apart_and_not_told():
    outside = {
        "model.site": "${oc.env:A}",
        "model.places.1": "${oc.env:B}",
        "optimizer.site": "${oc.env:C}",
        "optimizer.steps": "${oc.env:D}",
    }
    told = {}
    for secret in ("s3cr3t-1", "s3cr3t-2"):
        method = OwnMethod(site=secret)
        asked = job(
            model=OwnModel(site=secret, key=secret, places=("here", secret)),
            optimizer=OwnOptimizer(site=secret, token=secret),
            matching=(method,),
            store=Path(f"/{secret}/networks"),
            from_environment=tuple(
                {**outside, "store.dir": "${oc.env:E}/networks", f"{environment_key(method)}.site": "${oc.env:F}"}.items()
            ),
        )
        record = {"config": plain_config(asked), "scope": scope(asked, FINGERPRINT), "method": method_settings(asked, method)}
        assert "s3cr3t" not in json.dumps(record)
        assert record["config"]["store"] == "${oc.env:E}/networks"
        assert record["config"]["matching"][0]["site"] == "${oc.env:F}"
        assert (record["config"]["model"]["site"], record["config"]["model"]["key"]) == ("${oc.env:A}", "***")
        assert record["config"]["model"]["places"] == ("here", "${oc.env:B}")
        assert record["config"]["optimizer"]["steps"] == record["scope"]["optimizer.steps"] == 3  # no text
        told[secret] = record
        by_hand = job(model=asked.model, optimizer=asked.optimizer, matching=asked.matching)
        assert run_id(asked, FINGERPRINT) == run_id(by_hand, FINGERPRINT)  # it is the value that counts
    one, other = told.values()
    assert one["config"] == other["config"]
    differing = {key for key in one["scope"] if one["scope"][key] != other["scope"][key]}
    assert differing == {"model.site", "model.key", "model.places", "optimizer.site", "optimizer.token"}
    assert one["method"]["site"] != other["method"]["site"]
