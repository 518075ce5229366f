"""Names of jobs and networks: frozen, the same wherever they run, other with every other setting."""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
import torch
from small_jobs import small_settings

from lmc_sweeps.datasets.cifar10 import Cifar10
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.datasets.gaussian_mixture import GaussianMixture
from lmc_sweeps.datasets.idx import FashionMnist, Mnist
from lmc_sweeps.jobs.identities import digest, identity, network_identity, network_name, run_id
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Adam, AdamW, Sgd
from lmc_sweeps.training.recipe import Training

FINGERPRINT = "00112233445566ff"


# Another value for every field of every part that determines a network: a new field must be added here, and so be thought about.
OTHER = {
    "normalise": True, "train_size": 100, "test_size": 50, "enlarge": 3, "ambient_dimension": 33, "intrinsic_dimension": 3, "classes": 9, "separation": 1.0,
    "seed": 1, "activation": "tanh", "bias": False, "initialisation": "he", "lr": 0.123, "momentum": 0.5, "weight_decay": 0.2, "beta1": 0.8,
    "beta2": 0.9, "epsilon": 1e-5, "epochs": 3, "batch_size": 17, "schedule": "warmup_cosine", "warmup_steps": 4, "warmup_lr": 0.01,
    "noise": 0.1, "law_seed": 1, "data_order": "shared", "decayed": "weights", "label_smoothing": 0.1, "augmentation": "crop", "crop_padding": 2,
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
        "code": 4,
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
    assert run_id(job(), FINGERPRINT) == hashlib.sha256(words.encode()).hexdigest()[:16] == "1d63376a5854e1b3"


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
    here, elsewhere = (run_id(job(dataset=Mnist(root=root)), FINGERPRINT) for root in (None, "/data/mnist"))
    assert here == elsewhere


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


def test_network_0_is_named_the_same_whether_others_share_its_data_order_or_not():
    own, shared = (
        [network_identity(job(training=Training(data_order=kind)), FINGERPRINT, k) for k in (0, 1)] for kind in ("own", "shared")
    )
    assert own[0] == shared[0]
    assert len({network_name(words) for words in (*own, *shared)}) == 3
    assert shared[1]["training"] == {"data_order": "shared"}


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
